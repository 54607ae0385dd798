/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The list of a backup: a file "list" in the backup's folder that names every
 * file of it with digest and size. It is written last and at once, so a
 * backup is what its list says: files that it doesn't name are of no account,
 * and bytes behind the size that it has belong to no backup. The text is
 *	autotua-backup 1
 *	schema N  time MICROSECONDS  folder GENERATION  name NAME   (a line
 *each) file DIGEST SIZE PATH end DIGEST-OF-ALL-LINES-BEFORE Files that change
 *are in the folder GENERATION, others beside it.
 */
#ifndef MASTER_SAVED_H
#define MASTER_SAVED_H

#include "base/digest.h"
#include "base/map.h"

#include <stdbool.h>
#include <stdint.h>

#define SAVED_LIST_MAX ((size_t)1 << 30) /* bytes of a list */

struct arena;
struct buf;
struct error;
struct stat;

struct saved_file {
	const char *path; /* as in the state folder */
	char digest[KEY_HEX];
	int64_t size;
	bool changing; /* it is in the generation's folder */
};

struct saved {
	struct arena *arena;
	int64_t schema, time;
	const char *folder, *name;
	struct saved_file *files;
	size_t n;
	struct map by_path; /* of struct saved_file; saved_read() fills it */
};

void saved_init(struct saved *s, struct arena *a);
struct saved_file *saved_add(struct saved *s);

/* Is the path relative, with nothing in it that leads up or nowhere? */
bool saved_is_inside(const char *path);

/* Where the file is below the backup's folder. */
const char *
saved_place(const struct saved *s, const struct saved_file *f, struct arena *a);

/* Read folder/list: 1, 0 when there is none, -1 when it isn't whole. */
int saved_read(struct saved *s, const char *dir, struct error *err);

/* As saved_read(), of a list's text, which is changed; path is for errors. */
int saved_parse(
    struct saved *s, struct buf *text, const char *path, struct error *err);

/* The text of the list. */
int saved_text(const struct saved *s, struct buf *text, struct error *err);

/* Write it, all or nothing. */
int saved_write(const struct saved *s, const char *dir, struct error *err);

/*
 * The digest of the first size bytes of a file, which are also written to
 * descriptor to unless it is -1. ENODATA: the file has fewer.
 */
int saved_digest(const char *path, int64_t size, int to, char digest[KEY_HEX],
    struct error *err);

/*
 * Has the backup at to what the file at from is? Another file is that if it
 * was written after the last change here: what is damaged may be put back.
 */
bool saved_is_same(const struct stat *from, const struct stat *to);

#endif
