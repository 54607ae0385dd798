/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Folders that units which are done one after the other use again: that of the
 * recipe, which the jail sees, and one for artifacts, most often empty. Files
 * are written over instead of made and deleted, which costs a file system far
 * more than their bytes. Nothing in there is worth anything after a crash.
 */
#ifndef RUN_SCRATCH_H
#define RUN_SCRATCH_H

#include "run/folder.h"

struct error;

struct scratch {
	const char *path;    /* the caller's */
	int fd, recipe, out; /* folders; -1: to be made */
	struct folder_content content;
};

/* path is a folder of the caller's alone; what is there goes. */
void scratch_init(struct scratch *s, const char *path);

/* Have all three; 0, or -1 with err. */
int scratch_take(struct scratch *s, struct error *err);

/*
 * The jail is gone: if there is something in the folder of artifacts, it
 * becomes dir/name.
 */
int
scratch_keep(struct scratch *s, int dir, const char *name, struct error *err);

/* Delete all; the next one begins anew. */
void scratch_release(struct scratch *s);

#endif
