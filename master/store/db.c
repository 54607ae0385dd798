/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/store/db.h"
#include "master/store/audit.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#define BUSY_MS 5000

static const char pragmas[] = "PRAGMA journal_mode=WAL;"
			      "PRAGMA synchronous=FULL;"
			      "PRAGMA foreign_keys=ON;"
			      "PRAGMA trusted_schema=OFF;"
			      "PRAGMA cell_size_check=ON;"
			      "PRAGMA journal_size_limit=67108864;";

static int
trouble(struct db *db, const char *what, struct error *err)
{
	bool full = sqlite3_errcode(db->conn) == SQLITE_FULL;

	fail(err, "database: %s: %s", what, sqlite3_errmsg(db->conn));
	err->code = full ? ENOSPC : EAGAIN;
	return -1;
}

static int
run_script(struct db *db, const char *script, struct error *err)
{
	if (sqlite3_exec(db->conn, script, NULL, NULL, NULL) != SQLITE_OK)
		return trouble(db, "schema", err);
	return 0;
}

/* The schema's version is kept in the file's header (user_version). */
static int
schema_version(struct db *db, int *version, struct error *err)
{
	sqlite3_stmt *s = NULL;
	int rc = 0;

	if (sqlite3_prepare_v2(db->conn, "PRAGMA user_version", -1, &s, NULL) !=
		SQLITE_OK ||
	    sqlite3_step(s) != SQLITE_ROW)
		rc = trouble(db, "schema version", err);
	else
		*version = sqlite3_column_int(s, 0);
	sqlite3_finalize(s);
	return rc;
}

static int
migrate_from(struct db *db, int version, struct error *err)
{
	const char *const *s;
	char set[64];

	for (; version < migrations_count; version++) {
		for (s = migrations[version]; *s; s++) {
			if (run_script(db, *s, err) < 0)
				return fail_in(
				    err, "migration %d", version + 1);
		}
	}
	snprintf(set, sizeof(set), "PRAGMA user_version=%d", version);
	return run_script(db, set, err);
}

static int
prepare_all(struct db *db, struct error *err)
{
	int i;

	for (i = 0; i < SQL_COUNT; i++) {
		if (sqlite3_prepare_v3(db->conn, sql_texts[i], -1,
			SQLITE_PREPARE_PERSISTENT, &db->stmt[i],
			NULL) != SQLITE_OK)
			return trouble(db, sql_texts[i], err);
	}
	return 0;
}

/* Bring the schema up to date and prepare all statements. */
static int
migrate(struct db *db, struct error *err)
{
	int version, rc;

	if (schema_version(db, &version, err) < 0)
		return -1;
	if (version == migrations_count)
		return prepare_all(db, err);
	if (version > migrations_count)
		return fail(err,
		    "database: schema %d is newer than this program's %d; "
		    "use the newer autotua-master",
		    version, migrations_count);
	if (run_script(db, "BEGIN IMMEDIATE", err) < 0)
		return -1;
	rc = schema_version(db, &version, err);
	if (rc == 0)
		rc = migrate_from(db, version, err);
	if (rc == 0)
		rc = prepare_all(db, err);
	if (rc == 0)
		rc = audit_seal(db, err);
	if (rc == 0)
		rc = run_script(db, "COMMIT", err);
	if (rc < 0)
		sqlite3_exec(db->conn, "ROLLBACK", NULL, NULL, NULL);
	else if (version > 0 && version < migrations_count)
		log_info(
		    "database: schema %d is now %d", version, migrations_count);
	return rc;
}

int
db_open(struct db *db, const char *path, bool create, struct error *err)
{
	int flags = SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0);

	memset(db, 0, sizeof(*db));
	if (sqlite3_open_v2(path, &db->conn, flags, NULL) != SQLITE_OK) {
		fail(err, "open database %s: %s", path,
		    db->conn ? sqlite3_errmsg(db->conn) : "out of memory");
		goto failed;
	}
	sqlite3_busy_timeout(db->conn, BUSY_MS);
	if (run_script(db, pragmas, err) < 0 || migrate(db, err) < 0) {
		fail_in(err, "%s", path);
		goto failed;
	}
	return 0;
failed:
	db_close(db);
	return -1;
}

void
db_close(struct db *db)
{
	int i;

	for (i = 0; i < SQL_COUNT; i++)
		sqlite3_finalize(db->stmt[i]);
	sqlite3_close(db->conn);
	memset(db, 0, sizeof(*db));
}

static void
bind_all(sqlite3_stmt *s, const struct value *args)
{
	int i;

	for (i = 1; args && args->kind != VALUE_END; i++, args++) {
		switch (args->kind) {
		case VALUE_INT:
			sqlite3_bind_int64(s, i, args->number);
			break;
		case VALUE_TEXT:
			sqlite3_bind_text(
			    s, i, args->text, -1, SQLITE_TRANSIENT);
			break;
		case VALUE_NULL:
			sqlite3_bind_null(s, i);
			break;
		case VALUE_END:
			break;
		}
	}
}

void
db_query(struct db *db, enum sql id, const struct value *args)
{
	sqlite3_reset(db->stmt[id]);
	sqlite3_clear_bindings(db->stmt[id]);
	bind_all(db->stmt[id], args);
}

/* A full disk, as other troubles of its kind, ends the whole transaction. */
static void
lose(struct db *db, const struct error *err)
{
	if (db->turn != TURN_OPEN || !sqlite3_get_autocommit(db->conn))
		return;
	db->turn = TURN_LOST;
	snprintf(db->lost, sizeof(db->lost), "%.150s", err->msg);
}

int
db_row(struct db *db, enum sql id, struct error *err)
{
	int rc = sqlite3_step(db->stmt[id]);

	if (rc == SQLITE_ROW)
		return 1;
	if (rc != SQLITE_DONE) {
		trouble(db, sql_texts[id], err);
		sqlite3_reset(db->stmt[id]);
		lose(db, err);
		return -1;
	}
	sqlite3_reset(db->stmt[id]);
	return 0;
}

void
db_end(struct db *db, enum sql id)
{
	sqlite3_reset(db->stmt[id]);
}

int
db_one(struct db *db, enum sql id, const struct value *args, struct error *err)
{
	db_query(db, id, args);
	return db_row(db, id, err);
}

/* The first that is written in a turn begins its transaction. */
static int
turn_begin(struct db *db, struct error *err)
{
	switch (db->turn) {
	case TURN_NEVER:
	case TURN_OPEN:
		return 0;
	case TURN_IDLE:
		break;
	case TURN_LOST:
	case TURN_HALTED:
		fail(err, "database: not written to at present: %s", db->lost);
		err->code = EAGAIN;
		return -1;
	}
	if (db_one(db, SQL_BEGIN, NULL, err) < 0)
		return -1;
	db->turn = TURN_OPEN;
	return 0;
}

int
db_run(struct db *db, enum sql id, const struct value *args, struct error *err)
{
	int rc;

	if (db->turn != TURN_NEVER && !sqlite3_stmt_readonly(db->stmt[id]) &&
	    turn_begin(db, err) < 0)
		return -1;
	db_query(db, id, args);
	while ((rc = db_row(db, id, err)) > 0)
		;
	return rc < 0 ? -1 : sqlite3_changes(db->conn);
}

int64_t
db_insert(
    struct db *db, enum sql id, const struct value *args, struct error *err)
{
	if (db_run(db, id, args, err) < 0)
		return -1;
	return sqlite3_last_insert_rowid(db->conn);
}

bool
db_is_duplicate(const struct db *db)
{
	int code = sqlite3_extended_errcode(db->conn);

	return code == SQLITE_CONSTRAINT_UNIQUE ||
	    code == SQLITE_CONSTRAINT_PRIMARYKEY;
}

int
db_begin(struct db *db, struct error *err)
{
	if (db->turn == TURN_NEVER)
		return db_one(db, SQL_BEGIN, NULL, err);
	if (turn_begin(db, err) < 0)
		return -1;
	return db_one(db, SQL_SAVEPOINT, NULL, err);
}

int
db_commit(struct db *db, struct error *err)
{
	enum sql q = db->turn == TURN_NEVER ? SQL_COMMIT : SQL_RELEASE;

	if (db_one(db, q, NULL, err) >= 0)
		return 0;
	db_rollback(db);
	return -1;
}

void
db_rollback(struct db *db)
{
	struct error ignored;

	if (sqlite3_get_autocommit(db->conn))
		return;
	if (db->turn == TURN_NEVER) {
		(void)db_one(db, SQL_ROLLBACK, NULL, &ignored);
		return;
	}
	(void)db_one(db, SQL_UNDO, NULL, &ignored);
	(void)db_one(db, SQL_RELEASE, NULL, &ignored);
}

void
db_turns(struct db *db)
{
	db->turn = TURN_IDLE;
}

bool
db_is_pending(const struct db *db)
{
	return db->turn == TURN_OPEN || db->turn == TURN_LOST;
}

bool
db_is_halted(const struct db *db)
{
	return db->turn == TURN_HALTED;
}

int
db_turn_end(struct db *db, struct error *err)
{
	struct error ignored;

	if (!db_is_pending(db))
		return 0;
	if (db->turn == TURN_LOST) {
		fail(err, "%s", db->lost);
	} else if (db_one(db, SQL_COMMIT, NULL, err) == 0) {
		db->turn = TURN_IDLE;
		return 0;
	}
	snprintf(db->lost, sizeof(db->lost), "%.150s", err->msg);
	if (!sqlite3_get_autocommit(db->conn))
		(void)db_one(db, SQL_ROLLBACK, NULL, &ignored);
	db->turn = TURN_HALTED;
	return -1;
}

/* Does the disk take a transaction again? */
int
db_revive(struct db *db, struct error *err)
{
	db->turn = TURN_IDLE;
	if (db_run(db, SQL_META_SET, ARGS(TEXT("trouble"), TEXT(db->lost)),
		err) >= 0)
		return db_turn_end(db, err);
	if (db->turn != TURN_IDLE)
		(void)db_turn_end(db, err);
	db->turn = TURN_HALTED;
	return -1;
}

int64_t
db_int(struct db *db, enum sql id, int column)
{
	return sqlite3_column_int64(db->stmt[id], column);
}

const char *
db_text(struct db *db, enum sql id, int column, struct arena *a)
{
	const char *s = (const char *)sqlite3_column_text(db->stmt[id], column);

	return s ? arena_strdup(a, s) : NULL;
}

bool
db_is_null(struct db *db, enum sql id, int column)
{
	return sqlite3_column_type(db->stmt[id], column) == SQLITE_NULL;
}

/* Run a pragma whose rows are troubles but "ok"; their number, or -1. */
static int
ask(struct db *db, const char *pragma, int column,
    void (*tell)(void *ctx, const char *text), void *ctx, struct error *err)
{
	sqlite3_stmt *s = NULL;
	const char *text;
	int n = 0, rc;

	if (sqlite3_prepare_v2(db->conn, pragma, -1, &s, NULL) != SQLITE_OK)
		return trouble(db, pragma, err);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		text = (const char *)sqlite3_column_text(s, column);
		if (text && strcmp(text, "ok") == 0)
			continue;
		tell(ctx, text ? text : "damaged");
		n++;
	}
	sqlite3_finalize(s);
	return rc == SQLITE_DONE ? n : trouble(db, pragma, err);
}

/* To look at only; db_close() must follow. */
static int
open_to_read(struct db *db, const char *path, struct error *err)
{
	memset(db, 0, sizeof(*db));
	if (sqlite3_open_v2(path, &db->conn, SQLITE_OPEN_READONLY, NULL) !=
	    SQLITE_OK)
		return fail(err, "open database %s", path);
	sqlite3_busy_timeout(db->conn, BUSY_MS);
	return 0;
}

int
db_schema(const char *path, int *version, struct error *err)
{
	struct db db;
	int rc = open_to_read(&db, path, err);

	if (rc == 0)
		rc = schema_version(&db, version, err);
	db_close(&db);
	return rc;
}

int
db_examine(const char *path, int *version,
    void (*tell)(void *ctx, const char *text), void *ctx, struct error *err)
{
	struct db db;
	int pages = -1, keys = -1;

	if (open_to_read(&db, path, err) < 0)
		goto out;
	if (schema_version(&db, version, err) == 0)
		pages =
		    ask(&db, "PRAGMA integrity_check(20)", 0, tell, ctx, err);
	if (pages >= 0)
		keys = ask(&db, "PRAGMA foreign_key_check", 0, tell, ctx, err);
	if (keys < 0)
		fail_in(err, "%s", path);
out:
	db_close(&db);
	return pages < 0 || keys < 0 ? -1 : pages + keys;
}
