/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The stages that autotua-chroot has on this machine. */
#ifndef CLI_STAGE_H
#define CLI_STAGE_H

#include <stddef.h>

struct arena;
struct error;

struct stage {
	const char *id, *name; /* name "": none */
};

struct stage_list {
	struct stage *items;
	size_t n;
};

/* Ask the program; err says how to import a stage when there is none. */
int stage_list(struct arena *a, const char *chroot, const char *state,
    struct stage_list *out, struct error *err);

/* The id of a stage given by name or id, or NULL. */
const char *stage_find(const struct stage_list *l, const char *name);

/* "debian-12, gentoo" */
const char *stage_names(struct arena *a, const struct stage_list *l);

#endif
