/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known about good recipes as bytes: what a tree keeps instead of
 * texts and syntax, and what the index has on disk. Reading trusts nothing:
 * bytes that no writer made are refused. Strings of what is read point into
 * the bytes.
 */
#ifndef TREE_RECORD_H
#define TREE_RECORD_H

#include "tree/tree.h"

#include <git2.h>

struct arena;
struct buf;
struct map;

/*
 * Raised whenever the bytes, what evaluation makes of a text or what a layout
 * must be change.
 */
#define RECORD_FORMAT 4

struct bytes {
	const char *data;
	size_t len;
};

/* A package elsewhere that a recipe's chain goes through. */
struct witness {
	const char *path; /* user/name */
	git_oid folder;
	git_oid manifest; /* zero: it has none */
};

struct witnesses {
	struct witness list[RECIPE_CHAIN_MAX];
	size_t n;
};

/*
 * Append the record of r: all of it but its id, kind and files/. Files have
 * their digests.
 */
void record_write(
    struct buf *b, const struct tree_recipe *r, const struct witnesses *w);

/*
 * What must hold so that the record does: the packages elsewhere, and the
 * files of the chain there, by path and blob. -1: not a record.
 */
struct record_link {
	const char *path; /* NULL: the recipe's own */
	git_oid blob;
};
struct record_head {
	struct witnesses witnesses;
	struct record_link chain[RECIPE_CHAIN_MAX]; /* root first */
	size_t nchain;
};
int record_head(const struct bytes *record, struct record_head *out);

/*
 * Read r, whose id and kind are set; path is the recipe's own. What is made
 * is in the arena, with names of users and packages from names; scratch is
 * for in between. -1: not a record.
 */
int
record_read(const struct bytes *record, struct arena *a, struct arena *scratch,
    struct map *names, const char *path, struct tree_recipe *r);

/* ---- the bytes ---- */

void write_number(struct buf *b, uint64_t n);
void write_text(struct buf *b, const char *s);

/* Reading; after the first thing that isn't there, bad is set. */
struct cursor {
	const char *p, *end;
	bool bad;
};
uint64_t read_number(struct cursor *c);
const char *read_text(struct cursor *c);          /* never NULL */
const char *read_raw(struct cursor *c, size_t n); /* NULL when bad */

/* A count of things that take at least size bytes each. */
size_t read_count(struct cursor *c, size_t size);

/* Blob, digest and size of a file, without its path. */
void record_write_file(struct buf *b, const struct tree_file *f);
void record_read_file(struct cursor *c, struct tree_file *f);

/* The name in the arena of names, each once. */
const char *name_once(struct map *names, const char *name);

#endif
