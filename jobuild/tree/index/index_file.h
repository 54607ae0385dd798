/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The index file's layout, between index.c and index_save.c. Numbers are as
 * the machine has them: another kind of machine finds the file unusable.
 */
#ifndef TREE_INDEX_FILE_H
#define TREE_INDEX_FILE_H

#include "tree/index/index.h"
#include "base/arena.h"

#include <stdbool.h>

#define INDEX_MAGIC "autotua-index"
#define INDEX_ORDER 0x01020304
#define INDEX_MAX   ((uint64_t)4 << 30) /* bytes of a file that is read */
#define INDEX_PARTS 16
#define WINDOW_MIN  ((size_t)16 * 1024)
#define WINDOW_MAX  ((size_t)1024 * 1024)

enum index_flag {
	INDEX_TIDY = 1,    /* the layout is right */
	INDEX_SUPPORT = 2, /* files/ is right, its list follows */
};

struct index_head {
	char magic[16];
	char version[24];
	uint32_t order, format;
	uint64_t count;     /* entries */
	uint64_t directory; /* where it begins; the entries end there */
	uint64_t end;       /* of the directory and the part */
	uint64_t sum;       /* of the directory */
	uint64_t day;       /* when it was written, since 1970 */
};

struct index_entry {
	uint64_t at, sum;
	uint32_t len;  /* 0: turned out to be damaged */
	uint32_t day;  /* of its last use, since 1970 */
	uint32_t path; /* offset in the names, which follow the entries */
	unsigned char oid[20];
};

/* What was read last, until the index is closed. */
struct index_window {
	char *data;
	uint64_t at;
	size_t len, want;
};

/* What one writer has put at the end, or the first one of them made. */
struct index_part {
	struct index_entry *list;
	size_t n, nnames;
	const char *names;
	uint64_t end; /* of the entries' bytes */
	size_t next;  /* after the one that was found last */
	struct index_window window;
};

struct index {
	struct arena arena; /* holds the struct itself */
	const char *file;
	int fd; /* -1: empty */
	struct index_part parts[INDEX_PARTS];
	size_t nparts;       /* oldest first */
	uint64_t first, end; /* of the first part, of the last one */
	uint64_t day;        /* of the first one's writing */
};

/* A checksum against damage, not against people. */
uint64_t index_sum(const void *data, size_t n);

/* A head without what follows the format. */
void index_head(struct index_head *h);

/* Bytes of a part's entries, until the index is closed; NULL: not to be had. */
const char *
index_bytes(struct index *x, struct index_part *p, uint64_t at, size_t n);

/* The parts that came behind those that were read. */
void index_read_on(struct index *x);

/* n bytes of fd from at on; -1 when they aren't there. */
int index_read(int fd, void *p, size_t n, uint64_t at);

/* What is known about a package; reading does all or, with -1, nothing. */
struct buf;
struct cursor;
struct version;
void versions_write(struct buf *b, const struct version *list, size_t n);
struct version *versions_read(struct cursor *c, struct arena *a, size_t *n);
void entry_write(struct buf *b, const struct package *p);
int entry_read(struct cursor *c, struct tree *t, struct package *p);

/* In order of path, then id. */
int index_order(const char *path, const unsigned char *oid, const char *other,
    const unsigned char *other_oid);

#endif
