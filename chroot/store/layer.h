/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The upper layer of a run as a layer of its own. It keeps overlayfs's own
 * marks (whiteouts, opaque folders, redirects), so it means something only
 * above the chain it was made on, which is written in its "ok" file.
 */
#ifndef CHROOT_LAYER_H
#define CHROOT_LAYER_H

#include "chroot/store/image.h"

#include <stdbool.h>

struct error;
struct state;

/*
 * What a layer was made on: a stage, the layer below, "-" if none, and the
 * digest of all that, which is the stage's id where there is no layer, and
 * above a layer that of the digest below it and of what is in it.
 */
struct chain {
	const char *stage, *below, *digest;
	bool whole;   /* it holds all that is below it, too; see base.h */
	bool rootful; /* made by the machine's root, whose ids are any */
};

/*
 * Is there a layer key that can stay? 1, or 0 when there is none any more: one
 * that was made on something else gives way, one that is rootful to one that
 * isn't, one that only overlayfs can use to a whole one.
 */
int layer_give_way(struct state *s, const char *key, const struct chain *on,
    struct error *err);

/*
 * Make run/upper (run is the run's folder) what can be published, run/new;
 * nobody may use run/upper any more. It takes as long as there is much in it.
 * -1 with err->code EOVERFLOW if the job has made what no layer can hold.
 */
int layer_make(int run, const struct chain *on, struct error *err);

/* The text of its "ok" file. */
#define LAYER_OK (IMAGE_OK + 256)
void layer_ok(
    const struct chain *on, const struct image_facts *f, char ok[LAYER_OK]);

/*
 * Was it made by a job whose root was this machine's? It may have owners that
 * jobs with ids of their own can't have, so those don't use it.
 */
bool layer_is_rootful(int ok);

/* Does it hold all that is below it? Others can be used by overlayfs only. */
bool layer_is_whole(int ok);

/*
 * As state_hold(); a layer whose stage or layers below aren't all there as they
 * were when it was made counts as missing, since it can't be used.
 */
int layer_hold(struct state *s, const char *key, struct error *err);

/*
 * The digest of the chain that it was made on, as "ok" has it, and that of the
 * same with the layer itself on it; false if it doesn't say.
 */
bool layer_below(int ok, char digest[OK_VALUE]);
bool layer_top(int ok, char digest[OK_VALUE]);

/* Was the layer whose "ok" file is ok made on this chain? */
int
layer_check(int ok, const char *key, const struct chain *on, struct error *err);

#endif
