/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stages and layers as their owner sees them: named, shown, removed. */
#ifndef CHROOT_STAGE_H
#define CHROOT_STAGE_H

#include "chroot/store/state.h"
#include "base/digest.h"

#include <stdint.h>
#include <time.h>

struct arena;

/* Give the stage this name, and take it from the one that had it. */
int stage_set_name(
    struct state *s, const char *id, const char *name, struct error *err);

struct stage_item {
	enum image kind;
	char id[KEY_HEX], name[64]; /* name: "" if it has none */
	uint64_t size;              /* bytes on disk */
	time_t used;
	char digest[OK_VALUE]; /* of its list, see image.h; or "" */
	/* of a layer: what it was made on, "-" for no layer */
	char stage[OK_VALUE], below[OK_VALUE];
};

struct stage_list {
	struct arena *arena;
	struct stage_item *items;
	size_t n;
};

/* All stages, then all layers, each with the last used first. */
void stage_list(struct state *s, struct arena *a, struct stage_list *l);

/* The stage or layer of this id or name; -1 with err->code ENOENT if none. */
struct wanted_image {
	enum image kind;
	char id[KEY_HEX];
};
int stage_find(struct state *s, const char *what, struct wanted_image *w,
    struct error *err);

/*
 * Move the image to the trash; the caller has the state's lock. -1 with
 * err->code EBUSY if a run uses it.
 */
int
stage_drop(struct state *s, enum image kind, const char *id, struct error *err);

/* Remove the stage or layer of this id or name; not if a run uses it. */
int stage_remove(struct state *s, const char *what, struct error *err);

#endif
