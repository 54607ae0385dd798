/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rpm's database where it is SQLite's: a table of headers. A header is two
 * counts, big-endian: of index entries (tag, type, offset, count) and of the
 * bytes behind them that those point into.
 *
 * SQLite reads the foreign file from memory: it can't write, load or attach
 * anything, and has so many steps.
 */
#include "master/stages/packages.h"
#include "base/error.h"

#include <sqlite3.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define TAG_NAME    1000
#define TAG_VERSION 1001
#define TAG_RELEASE 1002
#define TAG_EPOCH   1003
#define TYPE_INT32  4
#define TYPE_STRING 6
#define ENTRY       16
#define ENTRIES_MAX 65536
#define HEADER_MAX  (64 << 20)
#define STEPS       1000000 /* of SQLite's machine, in thousands */

struct header {
	const unsigned char *entries, *data;
	uint32_t n, len;
};

static uint32_t
big(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

static bool
header_open(const unsigned char *blob, size_t len, struct header *h)
{
	if (!blob || len < 8)
		return false;
	h->n = big(blob);
	h->len = big(blob + 4);
	if (h->n > ENTRIES_MAX ||
	    len - 8 < (size_t)h->n * ENTRY + (size_t)h->len)
		return false;
	h->entries = blob + 8;
	h->data = h->entries + (size_t)h->n * ENTRY;
	return true;
}

/* What an entry of this tag points to, and how many bytes are behind that. */
static const unsigned char *
find(const struct header *h, uint32_t tag, uint32_t type, size_t *left)
{
	const unsigned char *e;
	uint32_t i, at;

	for (i = 0; i < h->n; i++) {
		e = h->entries + (size_t)i * ENTRY;
		at = big(e + 8);
		if (big(e) != tag || big(e + 4) != type || at >= h->len)
			continue;
		*left = h->len - at;
		return h->data + at;
	}
	return NULL;
}

/* A text that ends within the header; NULL when there is none. */
static const char *
text_of(const struct header *h, uint32_t tag)
{
	size_t left;
	const unsigned char *s = find(h, tag, TYPE_STRING, &left);

	return s && memchr(s, '\0', left) ? (const char *)s : NULL;
}

static void
take_header(struct packages *p, const unsigned char *blob, size_t len)
{
	const char *name, *version, *release, *all;
	const unsigned char *epoch;
	struct header h;
	size_t left;

	if (!header_open(blob, len, &h))
		return;
	name = text_of(&h, TAG_NAME);
	version = text_of(&h, TAG_VERSION);
	release = text_of(&h, TAG_RELEASE);
	/* keys that are trusted stand there too */
	if (!name || !version || strcmp(name, "gpg-pubkey") == 0)
		return;
	all = arena_printf(
	    p->arena, "%.200s-%.200s", version, release ? release : "0");
	epoch = find(&h, TAG_EPOCH, TYPE_INT32, &left);
	if (epoch && left >= 4 && big(epoch) > 0)
		all = arena_printf(
		    p->arena, "%lu:%s", (unsigned long)big(epoch), all);
	packages_add(p, name, strlen(name), all, strlen(all));
}

static int
count_step(void *ctx)
{
	unsigned *n = ctx;

	return ++*n > STEPS;
}

static int
trouble(sqlite3 *db, struct error *err)
{
	return fail(err, "not a database of rpm: %s", sqlite3_errmsg(db));
}

static int
read_rows(struct packages *p, sqlite3 *db, struct error *err)
{
	sqlite3_stmt *row = NULL;
	unsigned steps = 0;
	int rc;

	sqlite3_progress_handler(db, 1000, count_step, &steps);
	if (sqlite3_prepare_v2(
		db, "SELECT blob FROM Packages", -1, &row, NULL) != SQLITE_OK)
		return trouble(db, err);
	while ((rc = sqlite3_step(row)) == SQLITE_ROW)
		take_header(p, sqlite3_column_blob(row, 0),
		    (size_t)sqlite3_column_bytes(row, 0));
	if (rc != SQLITE_DONE)
		trouble(db, err);
	sqlite3_finalize(row);
	return rc == SQLITE_DONE ? 0 : -1;
}

int
packages_take_rpm(
    struct packages *p, const char *data, size_t len, struct error *err)
{
	unsigned char *copy;
	sqlite3 *db = NULL;
	int rc = -1;

	if (len < 100)
		return fail(err, "not a database of rpm: too short");
	copy = sqlite3_malloc64(len);
	if (!copy || sqlite3_open(":memory:", &db) != SQLITE_OK) {
		fail(err, "no memory");
		goto out;
	}
	memcpy(copy, data, len);
	/* as if it had no log beside it, which there can't be in memory */
	copy[18] = copy[19] = 1;
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, HEADER_MAX);
	sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	if (sqlite3_deserialize(db, "main", copy, (sqlite3_int64)len,
		(sqlite3_int64)len, SQLITE_DESERIALIZE_READONLY) != SQLITE_OK)
		trouble(db, err);
	else
		rc = read_rows(p, db, err);
out:
	sqlite3_close(db);
	sqlite3_free(copy);
	return rc;
}
