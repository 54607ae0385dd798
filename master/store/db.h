/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The master's database: SQLite in WAL mode with synchronous=FULL, so that
 * what a committed transaction says survives a power cut. All statements are
 * in sql.c and prepared when the database is opened, so a wrong one stops the
 * program at once. Several processes may have it open; every writing
 * transaction is BEGIN IMMEDIATE. Times are microseconds since 1970. Errors
 * of the database have the code EAGAIN: the same may succeed later.
 *
 * A statement is in use from db_query() until db_row() returned other than 1
 * or db_end() was called; it must not be used again in between.
 */
#ifndef MASTER_DB_H
#define MASTER_DB_H

#include "master/store/sql.h"

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct error;
struct sqlite3;
struct sqlite3_stmt;

/* Of a server, see db_turns(). */
enum db_turn {
	TURN_NEVER,  /* each transaction is committed by itself */
	TURN_IDLE,   /* nothing was written in this turn */
	TURN_OPEN,   /* something was */
	TURN_LOST,   /* it was, and can't be committed any more */
	TURN_HALTED, /* a turn was lost: nothing is written before db_revive()
		      */
};

struct db {
	struct sqlite3 *conn;
	enum db_turn turn;
	char lost[160]; /* why a turn was */
	struct sqlite3_stmt *stmt[SQL_COUNT];
};

/* What is bound to ?1, ?2, ... of a statement. */
enum value_kind { VALUE_END, VALUE_INT, VALUE_TEXT, VALUE_NULL };

struct value {
	enum value_kind kind;
	int64_t number;
	const char *text; /* NULL is bound as NULL */
};

#define INT(n)                                                                 \
	{                                                                      \
		.kind = VALUE_INT, .number = (n)                               \
	}
#define TEXT(s)                                                                \
	{                                                                      \
		.kind = VALUE_TEXT, .text = (s)                                \
	}
#define NIL                                                                    \
	{                                                                      \
		.kind = VALUE_NULL                                             \
	}
#define ARGS(...)                                                              \
	(const struct value[])                                                 \
	{                                                                      \
		__VA_ARGS__,                                                   \
		{                                                              \
			.kind = VALUE_END                                      \
		}                                                              \
	}

/*
 * Open the file, bring its schema to this program's version (a newer one is
 * refused) and prepare all statements. Programs of the former one that have it
 * open can't use it any more. create: make the file if it isn't there.
 */
int db_open(struct db *db, const char *path, bool create, struct error *err);
void db_close(struct db *db);

/* The version of a file's schema; nothing is changed. */
int db_schema(const char *path, int *version, struct error *err);

/* One writing transaction at a time; db_rollback() needs no check. */
int db_begin(struct db *db, struct error *err);
int db_commit(struct db *db, struct error *err);
void db_rollback(struct db *db);

/*
 * Group commit: from here on what is written, in transactions or outside of
 * them, is one transaction up to db_turn_end(), so that one sync is enough
 * for all of it; db_commit() only closes a savepoint in it. Nobody may be
 * told of what was written before db_turn_end() has returned 0.
 */
void db_turns(struct db *db);

/* Was something written that isn't committed? */
bool db_is_pending(const struct db *db);

/*
 * Commit. -1: nothing of the turn is stored, what was read from the database
 * in it is void, and all writing fails until db_revive() returns 0.
 */
int db_turn_end(struct db *db, struct error *err);
bool db_is_halted(const struct db *db);
int db_revive(struct db *db, struct error *err);

/* Run a statement without rows: the number of rows it changed, or -1. */
int
db_run(struct db *db, enum sql id, const struct value *args, struct error *err);

/* As db_run() for an INSERT: the new row's id, or -1. */
int64_t db_insert(
    struct db *db, enum sql id, const struct value *args, struct error *err);

/* Was the last failure a UNIQUE or PRIMARY KEY that is there already? */
bool db_is_duplicate(const struct db *db);

/* Bind and make ready; then one db_row() a row: 1, 0 at the end, or -1. */
void db_query(struct db *db, enum sql id, const struct value *args);
int db_row(struct db *db, enum sql id, struct error *err);
void db_end(struct db *db, enum sql id);

/* Query for a single row: 1 (db_end() must follow), 0 none, -1. */
int
db_one(struct db *db, enum sql id, const struct value *args, struct error *err);

/* Columns of the current row, from 0; text is copied, NULL stays NULL. */
int64_t db_int(struct db *db, enum sql id, int column);
const char *db_text(struct db *db, enum sql id, int column, struct arena *a);
bool db_is_null(struct db *db, enum sql id, int column);

/*
 * Is the file whole (pages, indexes, references)? Each trouble is told; the
 * number of them, or -1. version: of its schema, nothing is changed.
 */
int db_examine(const char *path, int *version,
    void (*tell)(void *ctx, const char *text), void *ctx, struct error *err);

/* Statements (schema.c, up to NULL) that bring version n to n + 1. */
extern const char *const *const migrations[];
extern const int migrations_count;

#endif
