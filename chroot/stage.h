/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stages and layers as their owner sees them: brought in, shown, removed. */
#ifndef CHROOT_STAGE_H
#define CHROOT_STAGE_H

#include "chroot/state.h"
#include "base/digest.h"

#include <stdint.h>
#include <time.h>

struct arena;

/*
 * Unpack the tarball and make it a stage; id is the digest of its bytes. If
 * that stage is there already, only its name is set. name may be NULL; a
 * name that another stage has moves to this one.
 */
int stage_import(struct state *s, const char *tarball, const char *name,
    char id[DIGEST_HEX_MAX], struct error *err);

struct stage_item {
	enum image kind;
	char id[KEY_HEX], name[64]; /* name: "" if it has none */
	uint64_t size;              /* bytes on disk */
	time_t used;
};

struct stage_list {
	struct arena *arena;
	struct stage_item *items;
	size_t n;
};

/* All stages, then all layers, each with the last used first. */
void stage_list(struct state *s, struct arena *a, struct stage_list *l);

/* Remove the stage or layer of this id or name; not if a run uses it. */
int stage_remove(struct state *s, const char *what, struct error *err);

#endif
