/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A walk over a tree that a job may have made, after all its processes are
 * dead: no link is followed, no other file system is entered, and folders
 * that are too deep or have too long a path are shown but not entered.
 */
#ifndef CHROOT_WALK_H
#define CHROOT_WALK_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct error;

#define WALK_DEPTH 256 /* levels, the top of the walk too */
#define WALK_PATH  (PATH_MAX - NAME_MAX - 3) /* bytes, of a folder */

struct walk_entry {
	int dirfd;        /* the folder that holds it */
	const char *name; /* in that folder */
	const char *path; /* below the top of the walk */
	struct stat st;
	bool deep; /* a folder that is not entered */
};

/*
 * Show every entry below dirfd, a folder before what it holds. visit returns
 * 0 to go on, 1 to stay out of this folder, -1 with err to end the walk.
 * dirfd stays open.
 */
int walk(int dirfd,
    int (*visit)(void *ctx, const struct walk_entry *e, struct error *err),
    void *ctx, struct error *err);

/* The same where others write meanwhile: what fails is passed over. */
int walk_live(int dirfd,
    int (*visit)(void *ctx, const struct walk_entry *e, struct error *err),
    void *ctx);

struct walk_size {
	uint64_t bytes; /* on disk */
	double files;   /* a name of a file with two is half a file */
};

/*
 * Add up what is below dirfd while others write there, as far as it can be
 * seen: what can't be opened counts nothing, a file with two links once.
 */
void walk_size_live(int dirfd, struct walk_size *size);

#endif
