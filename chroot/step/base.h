/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the root of a run stands on. Mostly that is a stage with layers on it,
 * which overlayfs puts together. A chain that is too long is put together
 * once and for all, as KEY/flat in the folder of its top layer: a copy with
 * root/, list and ok as an image has them. Where overlayfs can't be used, the
 * run gets a copy of what it stands on, and a layer that is made is whole
 * ("whole=yes" in its ok).
 */
#ifndef CHROOT_BASE_H
#define CHROOT_BASE_H

#include <stdbool.h>
#include <stddef.h>

struct error;
struct run;

#define BASE_LAYERS_MAX 48 /* above that a chain is flattened */

struct base {
	const char *folder; /* in the state folder, with root/ in it */
	size_t skip;        /* so many of the lowest layers are in it */
	bool copied;        /* upper is a copy of it */
};

/* Find it, once all images are held; flatten the chain if it is too long. */
int base_find(struct run *r, struct error *err);

/* Without overlayfs: fill upper with a copy of what the run stands on. */
int base_copy(struct run *r, struct error *err);

#endif
