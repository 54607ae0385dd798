/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The schema as numbered migrations. One that was released is never changed:
 * a change is a new one at the end.
 */
#include "master/store/db.h"

static const char *const first[] = {
    "CREATE TABLE meta ("
    "	name TEXT PRIMARY KEY,"
    "	value TEXT NOT NULL) STRICT",

    "CREATE TABLE user ("
    "	id INTEGER PRIMARY KEY,"
    "	name TEXT NOT NULL UNIQUE,"
    "	created INTEGER NOT NULL) STRICT",

    "CREATE TABLE user_key ("
    "	fingerprint TEXT PRIMARY KEY,"
    "	user_id INTEGER NOT NULL REFERENCES user,"
    "	armour TEXT NOT NULL,"
    "	created INTEGER NOT NULL) STRICT",

    /* the word itself is never stored */
    "CREATE TABLE token ("
    "	digest TEXT PRIMARY KEY,"
    "	created INTEGER NOT NULL,"
    "	expires INTEGER NOT NULL,"
    "	slave_id INTEGER REFERENCES slave) STRICT",

    "CREATE TABLE slave ("
    "	id INTEGER PRIMARY KEY,"
    "	name TEXT NOT NULL UNIQUE,"
    "	fingerprint TEXT NOT NULL UNIQUE," /* SHA-256 of the certificate */
    "	state TEXT NOT NULL CHECK (state IN ('active', 'retired')),"
    "	hello TEXT," /* what it said last, JSON */
    "	created INTEGER NOT NULL,"
    "	last_seen INTEGER NOT NULL) STRICT",

    "CREATE TABLE tree ("
    "	id INTEGER PRIMARY KEY,"
    "	name TEXT NOT NULL UNIQUE,"
    "	url TEXT NOT NULL,"
    "	created INTEGER NOT NULL) STRICT",

    "CREATE TABLE stage ("
    "	digest TEXT PRIMARY KEY,"
    "	size INTEGER NOT NULL,"
    "	created INTEGER NOT NULL) STRICT",

    /* a name may move on to another stage: jobs keep the digest */
    "CREATE TABLE stage_name ("
    "	name TEXT PRIMARY KEY,"
    "	digest TEXT NOT NULL REFERENCES stage) STRICT",

    "CREATE TABLE job ("
    "	id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "	state TEXT NOT NULL CHECK (state IN"
    "	    ('queued', 'running', 'passed', 'failed', 'cancelled')),"
    "	user_id INTEGER NOT NULL REFERENCES user,"
    "	tree_id INTEGER NOT NULL REFERENCES tree,"
    "	root TEXT NOT NULL,"
    "	revision TEXT NOT NULL,"
    "	arches TEXT NOT NULL," /* JSON list */
    "	priority INTEGER NOT NULL,"
    "	parameters TEXT NOT NULL," /* JSON object */
    "	reuse INTEGER NOT NULL,"
    "	request TEXT NOT NULL," /* the bytes that were signed */
    "	signature TEXT NOT NULL,"
    "	created INTEGER NOT NULL,"
    "	started INTEGER,"
    "	ended INTEGER) STRICT",
    "CREATE INDEX job_open ON job (id) WHERE ended IS NULL",

    "CREATE TABLE unit ("
    "	id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "	job_id INTEGER NOT NULL REFERENCES job,"
    "	root TEXT NOT NULL,"
    "	arch TEXT NOT NULL,"
    "	state TEXT NOT NULL CHECK (state IN"
    "	    ('blocked', 'ready', 'leased', 'passed', 'failed', 'skipped',"
    "	     'cancelled', 'dep-failed')),"
    "	attempt INTEGER NOT NULL DEFAULT 0,"
    "	tries INTEGER NOT NULL DEFAULT 0," /* ended by infrastructure */
    "	slave_id INTEGER REFERENCES slave,"
    "	exclusive INTEGER NOT NULL,"
    "	requires TEXT NOT NULL," /* JSON list */
    "	key TEXT NOT NULL,"
    "	pack TEXT NOT NULL,"    /* names a file in packs/ */
    "	capsule TEXT NOT NULL," /* JSON: what doesn't change by attempt */
    "	result TEXT NOT NULL DEFAULT '',"
    "	reason TEXT NOT NULL DEFAULT '',"
    "	ended INTEGER) STRICT",
    "CREATE INDEX unit_job ON unit (job_id)",

    "CREATE TABLE edge ("
    "	unit_id INTEGER NOT NULL REFERENCES unit,"
    "	needs_id INTEGER NOT NULL REFERENCES unit,"
    "	PRIMARY KEY (unit_id, needs_id)) STRICT, WITHOUT ROWID",

    "CREATE TABLE step ("
    "	unit_id INTEGER NOT NULL REFERENCES unit,"
    "	step INTEGER NOT NULL,"
    "	atom TEXT NOT NULL,"
    "	key TEXT NOT NULL,"
    "	PRIMARY KEY (unit_id, step)) STRICT, WITHOUT ROWID",

    "CREATE TABLE lease ("
    "	id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "	unit_id INTEGER NOT NULL REFERENCES unit,"
    "	attempt INTEGER NOT NULL,"
    "	slave_id INTEGER NOT NULL REFERENCES slave,"
    "	state TEXT NOT NULL CHECK (state IN"
    "	    ('held', 'done', 'expired', 'refused')),"
    "	granted INTEGER NOT NULL,"
    "	ended INTEGER,"
    "	result TEXT NOT NULL DEFAULT '',"
    "	reason TEXT NOT NULL DEFAULT '',"
    "	UNIQUE (unit_id, attempt)) STRICT",
    "CREATE INDEX lease_held ON lease (id) WHERE state = 'held'",

    "CREATE TABLE report ("
    "	unit_id INTEGER NOT NULL,"
    "	attempt INTEGER NOT NULL,"
    "	step INTEGER NOT NULL,"
    "	body TEXT NOT NULL," /* JSON as the slave sent it */
    "	created INTEGER NOT NULL,"
    "	PRIMARY KEY (unit_id, attempt, step),"
    "	FOREIGN KEY (unit_id, step) REFERENCES step) STRICT",

    "CREATE TABLE refusal ("
    "	unit_id INTEGER NOT NULL REFERENCES unit,"
    "	slave_id INTEGER NOT NULL REFERENCES slave,"
    "	kind TEXT NOT NULL CHECK (kind IN ('soft', 'hard', 'lost')),"
    "	until INTEGER NOT NULL," /* 0: for ever */
    "	reason TEXT NOT NULL,"
    "	PRIMARY KEY (unit_id, slave_id)) STRICT, WITHOUT ROWID",

    "CREATE TABLE blob ("
    "	digest TEXT PRIMARY KEY,"
    "	size INTEGER NOT NULL,"
    "	created INTEGER NOT NULL) STRICT",

    "CREATE TABLE artifact ("
    "	id INTEGER PRIMARY KEY,"
    "	unit_id INTEGER NOT NULL,"
    "	attempt INTEGER NOT NULL,"
    "	step INTEGER NOT NULL,"
    "	path TEXT NOT NULL,"
    "	type TEXT NOT NULL,"
    "	digest TEXT NOT NULL REFERENCES blob,"
    "	FOREIGN KEY (unit_id, attempt, step) REFERENCES report) STRICT",
    "CREATE INDEX artifact_digest ON artifact (digest)",

    "CREATE TABLE nonce ("
    "	nonce TEXT PRIMARY KEY,"
    "	created INTEGER NOT NULL) STRICT",
    "CREATE INDEX nonce_created ON nonce (created)",

    "CREATE TABLE audit ("
    "	id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "	created INTEGER NOT NULL,"
    "	who TEXT NOT NULL,"
    "	what TEXT NOT NULL,"
    "	object TEXT NOT NULL,"
    "	origin TEXT NOT NULL) STRICT", /* address, or "command" */
    NULL,
};

static const char *const tree_forced[] = {
    /* may branches of it be rewritten? */
    "ALTER TABLE tree ADD COLUMN forced INTEGER NOT NULL DEFAULT 0",
    NULL,
};

static const char *const key_revoked[] = {
    /* when; NULL: it is trusted */
    "ALTER TABLE user_key ADD COLUMN revoked INTEGER",
    "ALTER TABLE user_key ADD COLUMN reason TEXT",
    NULL,
};

/* What a unit wants of its slave in one place; what scheduling learns. */
static const char *const scheduling[] = {
    "ALTER TABLE unit ADD COLUMN wants TEXT NOT NULL DEFAULT '{}'",
    /* NOLINTNEXTLINE(bugprone-suspicious-missing-comma) one statement */
    "UPDATE unit SET wants = '{\"exclusive\":' ||"
    " CASE WHEN exclusive <> 0 THEN 'true' ELSE 'false' END ||"
    " ',\"requires\":' || requires || '}'",
    "ALTER TABLE unit DROP COLUMN exclusive",
    "ALTER TABLE unit DROP COLUMN requires",
    /* since when it waits for a slave: its place in the lines of locks */
    "ALTER TABLE unit ADD COLUMN ready INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE job ADD COLUMN security INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE lease ADD COLUMN slots INTEGER NOT NULL DEFAULT 1",
    "CREATE INDEX lease_ended ON lease (ended)",
    /* what units took, in milliseconds, later ones counting more */
    "CREATE TABLE duration ("
    "	root TEXT NOT NULL,"
    "	arch TEXT NOT NULL,"
    "	ms INTEGER NOT NULL,"
    "	PRIMARY KEY (root, arch)) STRICT",
    NULL,
};

/*
 * Results that stand for later units of the same content key; slaves that
 * failed one unit after another.
 */
static const char *const reuse_and_quarantine[] = {
    /* is what it does told by its key alone? */
    "ALTER TABLE unit ADD COLUMN reusable INTEGER NOT NULL DEFAULT 0",
    /* whose result it has: a unit that really ran */
    "ALTER TABLE unit ADD COLUMN reused_id INTEGER REFERENCES unit",
    "CREATE INDEX unit_passed ON unit (key) WHERE state = 'passed'",
    /* failures of infrastructure in a row, and of which unit the last was */
    "ALTER TABLE slave ADD COLUMN strikes INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE slave ADD COLUMN strike_unit INTEGER NOT NULL DEFAULT 0",
    /* pauses that this has led to, and until when the last one is */
    "ALTER TABLE slave ADD COLUMN pauses INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE slave ADD COLUMN paused_until INTEGER NOT NULL DEFAULT 0",
    NULL,
};

/* Each row of the audit has a digest that binds it to the one before. */
static const char *const audit_chain[] = {
    /* '': it is of before that; the next row seals it */
    "ALTER TABLE audit ADD COLUMN digest TEXT NOT NULL DEFAULT ''",
    "CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit"
    " WHEN OLD.digest <> '' BEGIN"
    " SELECT RAISE(ABORT, 'a row of the audit is never changed'); END",
    "CREATE TRIGGER audit_kept BEFORE DELETE ON audit BEGIN"
    " SELECT RAISE(ABORT, 'a row of the audit is never deleted'); END",
    NULL,
};

/* What an administrator says of a slave: "", "drained" or "paused". */
static const char *const slave_rules[] = {
    "ALTER TABLE slave ADD COLUMN ruled TEXT NOT NULL DEFAULT ''",
    NULL,
};

/* What a user may ask for: see rights.h. */
static const char *const user_rights[] = {
    "ALTER TABLE user ADD COLUMN rights TEXT NOT NULL DEFAULT 'maintain'"
    " CHECK (rights IN ('read', 'maintain', 'operate', 'admin'))",
    NULL,
};

/* What stands for a user for a while: see session.h. */
static const char *const sessions[] = {
    "CREATE TABLE session ("
    "	id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "	user_id INTEGER NOT NULL REFERENCES user,"
    "	digest TEXT NOT NULL UNIQUE,"
    "	fingerprint TEXT NOT NULL," /* of the key that signed for it */
    "	created INTEGER NOT NULL,"
    "	expires INTEGER NOT NULL,"
    "	origin TEXT NOT NULL) STRICT",
    NULL,
};

/* A slave's next certificate: good beside the old one until it is used. */
static const char *const renewal[] = {
    "ALTER TABLE slave ADD COLUMN next_fingerprint TEXT",
    "CREATE UNIQUE INDEX slave_next ON slave (next_fingerprint)",
    NULL,
};

/* What is installed in stages: packages.h. */
static const char *const stage_packages[] = {
    /* whose databases were found, by blanks; NULL: nobody has looked */
    "ALTER TABLE stage ADD COLUMN managers TEXT",
    "CREATE TABLE stage_package ("
    "	digest TEXT NOT NULL REFERENCES stage,"
    "	name TEXT NOT NULL,"
    "	version TEXT NOT NULL,"
    "	PRIMARY KEY (digest, name, version)) STRICT",
    NULL,
};

/* What an administrator asked for and serve hasn't done yet: admin/jobs.h. */
static const char *const orders[] = {
    "CREATE TABLE job_order ("
    "	id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "	job_id INTEGER NOT NULL REFERENCES job,"
    "	what TEXT NOT NULL CHECK (what IN ('cancel', 'retry', 'priority')),"
    "	value INTEGER NOT NULL,"
    "	created INTEGER NOT NULL) STRICT",
    NULL,
};

/* "user" is a reserved word of PostgreSQL. */
static const char *const person[] = {
    "ALTER TABLE user RENAME TO person",
    NULL,
};

/* Which artifacts may go: sweep.h. */
static const char *const unnamed[] = {
    /* whose upload it was, as long as no report names it; 0: unknown */
    "ALTER TABLE blob ADD COLUMN lease_id INTEGER",
    /* NOLINTNEXTLINE(bugprone-suspicious-missing-comma) one statement */
    "UPDATE blob SET lease_id = 0 WHERE NOT EXISTS"
    " (SELECT 1 FROM artifact WHERE artifact.digest = blob.digest)",
    "CREATE INDEX blob_unnamed ON blob (lease_id)"
    " WHERE lease_id IS NOT NULL",
    "CREATE INDEX artifact_unit ON artifact (unit_id, attempt)",
    NULL,
};

/*
 * By content key, the last report of a step that really ran and passed: what
 * it has stands for that of later steps, which are reused.
 */
static const char *const made[] = {
    "CREATE TABLE made ("
    "	key TEXT PRIMARY KEY,"
    "	unit_id INTEGER NOT NULL,"
    "	attempt INTEGER NOT NULL,"
    "	step INTEGER NOT NULL,"
    "	FOREIGN KEY (unit_id, attempt, step) REFERENCES report)"
    " STRICT, WITHOUT ROWID",
    /* NOLINTNEXTLINE(bugprone-suspicious-missing-comma) one statement */
    "INSERT OR REPLACE INTO made"
    " SELECT s.key, r.unit_id, r.attempt, r.step FROM report r"
    " JOIN step s ON s.unit_id = r.unit_id AND s.step = r.step"
    " JOIN unit n ON n.id = r.unit_id AND n.attempt = r.attempt"
    " WHERE n.state = 'passed' AND r.body LIKE '%\"result\":\"passed\"%'"
    " AND r.body LIKE '%\"reused\":false%' ORDER BY r.created",
    NULL,
};

/*
 * The same by slave too: layers stay where they were made, and what one slave
 * says of its own changes nothing for those of others.
 */
static const char *const made_by[] = {
    "ALTER TABLE made RENAME TO made_by_key",
    "CREATE TABLE made ("
    "	key TEXT NOT NULL,"
    "	slave_id INTEGER NOT NULL REFERENCES slave,"
    "	unit_id INTEGER NOT NULL,"
    "	attempt INTEGER NOT NULL,"
    "	step INTEGER NOT NULL,"
    "	PRIMARY KEY (key, slave_id),"
    "	FOREIGN KEY (unit_id, attempt, step) REFERENCES report)"
    " STRICT, WITHOUT ROWID",
    /* NOLINTNEXTLINE(bugprone-suspicious-missing-comma) one statement */
    "INSERT INTO made SELECT m.key, l.slave_id, m.unit_id, m.attempt, m.step"
    " FROM made_by_key m JOIN lease l"
    " ON l.unit_id = m.unit_id AND l.attempt = m.attempt"
    " JOIN slave s ON s.id = l.slave_id AND s.state = 'active'",
    "DROP TABLE made_by_key",
    NULL,
};

/* Artifacts that were found missing or damaged: check.c. */
static const char *const lost[] = {
    "ALTER TABLE blob ADD COLUMN lost INTEGER NOT NULL DEFAULT 0",
    NULL,
};

/* Short logs, until their files are synced: kept.h. */
static const char *const kept[] = {
    "CREATE TABLE kept_log ("
    "	id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "	unit_id INTEGER NOT NULL REFERENCES unit,"
    "	attempt INTEGER NOT NULL,"
    "	step INTEGER NOT NULL,"
    "	text TEXT NOT NULL) STRICT",
    NULL,
};

/*
 * Of units with one content key that really ran: which passed first. No clock
 * says so, as it can be set, nor the ids, which are of when they were wanted.
 */
static const char *const passed[] = {
    /* a number that rises by key; NULL: it didn't run or didn't pass */
    "ALTER TABLE unit ADD COLUMN passed INTEGER",
    /* NOLINTNEXTLINE(bugprone-suspicious-missing-comma) one statement */
    "UPDATE unit SET passed = 1 + (SELECT count(*) FROM unit o"
    " WHERE o.key = unit.key AND o.state = 'passed'"
    " AND o.reused_id IS NULL AND (o.ended < unit.ended"
    " OR (o.ended = unit.ended AND o.id < unit.id)))"
    " WHERE state = 'passed' AND reused_id IS NULL",
    "DROP INDEX unit_passed",
    "CREATE INDEX unit_passed ON unit (key, passed)"
    " WHERE passed IS NOT NULL",
    NULL,
};

/*
 * That a slave lost a unit is remembered beside what it says of it: a soft
 * refusal of a minute doesn't take the place of a loss of a day.
 */
static const char *const losses[] = {
    "ALTER TABLE refusal RENAME TO refusal_of_pair",
    "CREATE TABLE refusal ("
    "	unit_id INTEGER NOT NULL REFERENCES unit,"
    "	slave_id INTEGER NOT NULL REFERENCES slave,"
    /* is that its kind? Here, as SQLite 3.40's integrity_check mistakes the
     * columns when those of a key without rowid aren't the first ones */
    "	lost INTEGER NOT NULL,"
    "	kind TEXT NOT NULL CHECK (kind IN ('soft', 'hard', 'lost')),"
    "	until INTEGER NOT NULL," /* 0: for ever */
    "	reason TEXT NOT NULL,"
    "	PRIMARY KEY (unit_id, slave_id, lost)) STRICT, WITHOUT ROWID",
    /* NOLINTNEXTLINE(bugprone-suspicious-missing-comma) one statement */
    "INSERT INTO refusal SELECT unit_id, slave_id,"
    " CASE WHEN kind = 'lost' THEN 1 ELSE 0 END, kind, until, reason"
    " FROM refusal_of_pair",
    "DROP TABLE refusal_of_pair",
    NULL,
};

/* Whose place the slave takes that joins with a token. */
static const char *const token_name[] = {
    /* NULL: it is a new one */
    "ALTER TABLE token ADD COLUMN name TEXT",
    NULL,
};

const char *const *const migrations[] = {first, tree_forced, key_revoked,
    scheduling, reuse_and_quarantine, audit_chain, slave_rules, user_rights,
    sessions, renewal, stage_packages, orders, person, unnamed, made, made_by,
    lost, kept, passed, losses, token_name};
const int migrations_count = sizeof(migrations) / sizeof(migrations[0]);
