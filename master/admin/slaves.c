/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/admin/slaves.h"
#include "master/admin/jobs.h"
#include "master/stages/stages.h"
#include "master/api/api.h"
#include "master/commands.h"
#include "master/jobs/dispatch.h"
#include "master/http/httpd.h"
#include "master/jobs/quarantine.h"
#include "base/error.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Words of the database, and what they are as reasons; constants. */
static const struct {
	const char *word, *reason;
} rules[] = {
    {"", NULL},
    {"drained", "drained by an administrator"},
    {"paused", "paused by an administrator"},
};

enum { RULE_OPEN, RULE_DRAINED, RULE_PAUSED, RULES };

/* ---- in the running master ----------------------------------------------- */

static const char *
reason_of(const char *word)
{
	size_t i;

	for (i = 0; i < RULES; i++) {
		if (strcmp(rules[i].word, word) == 0)
			return rules[i].reason;
	}
	return rules[RULE_DRAINED].reason;
}

static void
apply(struct master *m, struct sched_slave *sl, const char *word)
{
	const char *reason = reason_of(word);
	struct sched_lease *l;

	if (sl->ruled == reason)
		return;
	log_info(
	    "slave %s is %s", sl->name, reason ? reason : "open to work again");
	sl->ruled = reason;
	slave_close(&m->sched, sl);
	for (l = m->sched.first_lease; l; l = l->next) {
		if (l->slave != sl)
			continue;
		l->released = reason != rules[RULE_PAUSED].reason;
		m->sched.untold |= !l->released;
	}
}

/* It is believed no more: what it has open is closed. */
static void
retire(struct master *m, struct sched_slave *sl)
{
	claims_drop(m, sl);
	sched_slave_retire(&m->sched, sl);
	if (m->httpd)
		httpd_cut(m->httpd, sl->id);
}

void
slaves_joined(struct master *m, int64_t id, const char *name)
{
	struct sched_slave *sl = sched_slave(&m->sched, id, name);

	claims_drop(m, sl);
	sched_slave_rejoin(&m->sched, sl);
	httpd_cut(m->httpd, id);
}

int
slaves_load(struct master *m, struct error *err)
{
	enum sql q = SQL_SLAVE_RULES;
	struct arena a = {0};
	const struct quarantine none = {0};
	struct sched_slave *sl;
	int rc;

	db_query(m->db, q, NULL);
	while ((rc = db_row(m->db, q, err)) > 0) {
		sl = sched_slave(
		    &m->sched, db_int(m->db, q, 0), db_text(m->db, q, 1, &a));
		if (db_int(m->db, q, 3) && !sl->retired)
			retire(m, sl);
		apply(m, sl, db_text(m->db, q, 2, &a));
		/* the command has ended what we know of: see change() */
		if (db_int(m->db, q, 6) == 0 && sl->strikes + sl->pauses > 0)
			quarantine_apply(m, sl, &none, loop_now(&m->loop));
	}
	arena_release(&a);
	return rc;
}

void
slaves_turn(struct master *m, int64_t clock)
{
	enum sql q = SQL_DATA_VERSION;
	struct error err = {0};
	int64_t version;

	if (clock < m->ruled_at)
		return;
	m->ruled_at = clock + SECOND / 2;
	if (db_one(m->db, q, NULL, &err) <= 0) {
		log_err("%s", err.msg);
		return;
	}
	version = db_int(m->db, q, 0);
	db_end(m->db, q);
	if (version == m->data_version)
		return;
	m->data_version = version;
	if (slaves_load(m, &err) < 0 || stages_load(m, &err) < 0 ||
	    orders_load(m, &err) < 0) {
		log_err("%s", err.msg);
		m->data_version = 0; /* look again */
	}
}

void
slaves_release(struct master *m, const struct sched_slave *sl, json_t *events)
{
	struct sched_lease *l;

	if (sl->ruled != rules[RULE_PAUSED].reason || sl->leased == 0)
		return;
	for (l = m->sched.first_lease; l; l = l->next) {
		if (l->slave != sl || l->released)
			continue;
		l->released = l->recalled = true;
		json_array_append_new(events,
		    json_pack("{s:s, s:I}", "event", "release", "lease",
			(json_int_t)l->id));
	}
}

/* ---- what changes it ----------------------------------------------------- */

static const char *
state_of(struct db *db, struct arena *a)
{
	enum sql q = SQL_SLAVE_RULES;
	const char *word = db_text(db, q, 2, a);

	if (db_int(db, q, 3))
		return "retired";
	return *word ? word : "active";
}

static int
list(struct db *db, struct error *err)
{
	enum sql q = SQL_SLAVE_RULES;
	struct arena a = {0};
	int rc;

	db_query(db, q, NULL);
	while ((rc = db_row(db, q, err)) > 0)
		printf("%s %s\n", db_text(db, q, 1, &a), state_of(db, &a));
	arena_release(&a);
	return rc;
}

static int
show_row(struct db *db, struct arena *a)
{
	enum sql q = SQL_SLAVE_RULES;
	const char *text = db_text(db, q, 4, a);
	json_t *hello = text ? json_loads(text, 0, NULL) : NULL;
	json_t *o = json_pack("{s:I, s:s, s:s, s:o, s:o?}", "slave",
	    (json_int_t)db_int(db, q, 0), "name", db_text(db, q, 1, a), "state",
	    state_of(db, a), "last_seen", api_time(db_int(db, q, 5)), "hello",
	    hello);

	return cmd_json(o);
}

static int
show(struct db *db, const char *name, struct error *err)
{
	enum sql q = SQL_SLAVE_RULES;
	struct arena a = {0};
	bool found = false;
	int rc;

	db_query(db, q, NULL);
	while ((rc = db_row(db, q, err)) > 0) {
		if (strcmp(db_text(db, q, 1, &a), name) != 0)
			continue;
		found = true;
		show_row(db, &a);
	}
	arena_release(&a);
	if (rc == 0 && !found)
		rc = fail(err, "there is no slave \"%s\"", name);
	return rc;
}

/* Rows that were changed: 0, there is no active slave of this name. */
static int
write_rule(struct db *db, const char *what, const char *name, struct error *err)
{
	enum sql q = SQL_SLAVE_RULE;
	const char *word = rules[RULE_OPEN].word;
	int n;

	if (strcmp(what, "retire") == 0) {
		n = db_run(db, SQL_MADE_RETIRE, ARGS(TEXT(name)), err);
		return n < 0
		    ? -1
		    : db_run(db, SQL_SLAVE_RETIRE, ARGS(TEXT(name)), err);
	}
	if (strcmp(what, "drain") == 0)
		word = rules[RULE_DRAINED].word;
	else if (strcmp(what, "pause") == 0)
		word = rules[RULE_PAUSED].word;
	n = db_run(db, q, ARGS(TEXT(name), TEXT(word)), err);
	if (n == 1 && strcmp(what, "resume") == 0)
		n = db_run(db, SQL_SLAVE_FORGIVE, ARGS(TEXT(name)), err);
	return n;
}

int
slaves_rule(struct master *m, const char *what, const char *name,
    const struct change *ch, struct error *err)
{
	char said[32];
	int n;

	snprintf(said, sizeof(said), "slave %s", what);
	if (db_begin(m->db, err) < 0)
		return -1;
	n = write_rule(m->db, what, name, err);
	if (n < 1 ||
	    (ch->nonce && dispatch_nonce(m, ch->nonce, ch->now, err) < 0) ||
	    audit(m->db, ch->now, ch->user, said, name, ch->origin, err) < 0) {
		db_rollback(m->db);
		return n == 0 ? 0 : -1;
	}
	if (db_commit(m->db, err) < 0 || slaves_load(m, err) < 0)
		return -1;
	return 1;
}

/* Why nobody was changed. Returns -1. */
static int
fail_unchanged(struct db *db, const char *name, struct error *err)
{
	enum sql q = SQL_SLAVE_RULES;
	struct arena a = {0};
	bool found = false;
	int rc;

	db_query(db, q, NULL);
	while ((rc = db_row(db, q, err)) > 0)
		found |= strcmp(db_text(db, q, 1, &a), name) == 0;
	arena_release(&a);
	if (rc < 0)
		return -1;
	return found ? fail(err, "the slave %s is retired", name)
		     : fail(err, "there is no slave \"%s\"", name);
}

static int
change(struct db *db, const char *what, const char *name, struct error *err)
{
	char said[32];
	int n;

	if (db_begin(db, err) < 0)
		return -1;
	n = write_rule(db, what, name, err);
	if (n == 0)
		fail_unchanged(db, name, err);
	if (n < 1) {
		db_rollback(db);
		return -1;
	}
	snprintf(said, sizeof(said), "slave %s", what);
	return cmd_finish(db, said, name, err);
}

static bool
is_change(const char *what)
{
	static const char *const words[] = {
	    "drain", "pause", "resume", "retire"};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i], what) == 0)
			return true;
	}
	return false;
}

int
cmd_slave(const char *path, int argc, char *argv[])
{
	struct state st;
	struct error err;
	int rc;

	if (!(argc == 1 && strcmp(argv[0], "list") == 0) &&
	    !(argc == 2 &&
		(strcmp(argv[0], "show") == 0 || is_change(argv[0]))))
		return cmd_usage(
		    "slave list | slave show|drain|pause|resume|retire NAME");
	if (state_open(&st, path, &err) < 0)
		return cmd_failed(&err);
	if (argc == 1)
		rc = list(&st.db, &err);
	else if (strcmp(argv[0], "show") == 0)
		rc = show(&st.db, argv[1], &err);
	else
		rc = change(&st.db, argv[0], argv[1], &err);
	state_close(&st);
	return rc < 0 ? cmd_failed(&err) : 0;
}
