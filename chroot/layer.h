/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The upper layer of a run as a layer of its own. It keeps overlayfs's own
 * marks (whiteouts, opaque folders, redirects), so it means something only
 * above the chain it was made on, which is written in its "ok" file.
 */
#ifndef CHROOT_LAYER_H
#define CHROOT_LAYER_H

struct error;
struct state;

/* What a layer was made on: a stage and the layer below, "-" if none. */
struct chain {
	const char *stage, *below;
};

/*
 * Make run/upper (run is the run's folder) the layer key: 0, or 1 when it is
 * there already; nobody may use run/upper any more.
 */
int layer_commit(struct state *s, int run, const char *key,
    const struct chain *on, struct error *err);

/* Was the layer whose "ok" file is ok made on this chain? */
int
layer_check(int ok, const char *key, const struct chain *on, struct error *err);

#endif
