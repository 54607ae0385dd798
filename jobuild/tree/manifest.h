/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Manifest files (GLEP 74 syntax): "TAG NAME BYTES HASH HEX [HASH HEX ...]".
 * DIST lines are for SRC_URI and PORTCONF_URI files, AUX lines for files/.
 */
#ifndef TREE_MANIFEST_H
#define TREE_MANIFEST_H

#include "base/diag.h"
#include "base/digest.h"
#include "base/map.h"

#include <stdbool.h>
#include <stdint.h>

struct buf;

#define MANIFEST_MAX         (4 * 1024 * 1024) /* bytes of the file */
#define MANIFEST_ENTRIES_MAX 10000
#define MANIFEST_NAME_MAX    255 /* bytes */

enum manifest_tag { MANIFEST_DIST, MANIFEST_AUX };

struct manifest_entry {
	enum manifest_tag tag;
	const char *name; /* opaque; AUX names are relative to files/ */
	int64_t size;     /* bytes */
	char blake2b[DIGEST_HEX_MAX], sha512[DIGEST_HEX_MAX]; /* "": absent */
	struct place at;
	const char *line; /* as it was read, without the blanks around it; */
	size_t line_len;  /* NULL: made by hand */
};

/* A zeroed one is empty; who makes one by hand fills entries and n only. */
struct manifest {
	struct manifest_entry *entries;
	size_t n;
	struct map names[2]; /* by tag: for manifest_find() */
};

/*
 * NULL when there are errors; they are in d. Strict: DIST and AUX lines only,
 * names without slashes (AUX: relative paths), at least one of BLAKE2B and
 * SHA512, nothing twice. Blanks and backslashes in names are \xHH, \uHHHH.
 */
struct manifest *manifest_parse(struct arena *a, const char *file,
    const char *text, size_t len, struct diags *d);

const struct manifest_entry *manifest_find(
    const struct manifest *m, enum manifest_tag tag, const char *name);

/* "DIST", "AUX" */
const char *manifest_tag_name(enum manifest_tag tag);

/* Have they the same size, and all hashes that both have the same value? */
bool
manifest_same(const struct manifest_entry *a, const struct manifest_entry *b);

/* What is wrong with a name ("has a slash ..."), or NULL. */
const char *manifest_name_problem(enum manifest_tag tag, const char *name);

/*
 * The code point of a space character of Unicode other than the controls and
 * the ASCII space, if the well-formed character of n bytes at s is one; or 0.
 */
uint32_t manifest_wide_blank(const char *s, size_t n);

/*
 * Append the file's text, sorted by tag and name: the same entries, the same
 * bytes. -1 when out's limit is reached or an entry can't be written (a bad
 * name, a negative size).
 */
int manifest_write(const struct manifest *m, struct buf *out);

/*
 * The same order, but entries that were read are written as they stood, byte
 * for byte: an update touches only the lines that it changes.
 */
int manifest_write_kept(const struct manifest *m, struct buf *out);

#endif
