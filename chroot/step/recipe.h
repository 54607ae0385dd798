/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The caller's folder that a job sees as /autotua/recipe. A job whose caller
 * is another user than ours sees no more of it than that user may read: what
 * others have put there, and what is mounted or moved there meanwhile, stays
 * theirs.
 */
#ifndef CHROOT_RECIPE_H
#define CHROOT_RECIPE_H

struct error;
struct run;

/* Before the first jail: what recipe_mount() stands on, where that's a copy. */
int recipe_prepare(struct run *r, struct error *err);

/* The folder once more, attached nowhere, into *mount; -1: there is none. */
int recipe_mount(struct run *r, int *mount, struct error *err);

#endif
