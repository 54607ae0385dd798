/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The schedule as the database has it, at start. What slaves offered last is
 * good for explanations, but they get nothing before they say hello again;
 * leases that they hold stay theirs, for long enough to find us again.
 */
#include "master/api/api.h"
#include "master/jobs/dispatch.h"
#include "master/jobs/quarantine.h"
#include "master/admin/slaves.h"
#include "base/error.h"
#include "base/log.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

static int
load_slaves(struct master *m, struct error *err)
{
	enum sql q = SQL_SLAVE_LIST;
	struct arena a = {0};
	struct sched_slave *sl;
	const char *text;
	json_t *hello;
	int rc;

	db_query(m->db, q, NULL);
	while ((rc = db_row(m->db, q, err)) > 0) {
		sl = sched_slave(
		    &m->sched, db_int(m->db, q, 0), db_text(m->db, q, 1, &a));
		text = db_text(m->db, q, 3, &a);
		hello = text ? json_loads(text, 0, NULL) : NULL;
		if (hello)
			api_take_hello(&m->sched, sl, hello);
		json_decref(hello);
		if (strcmp(db_text(m->db, q, 2, &a), "retired") == 0)
			sched_slave_retire(&m->sched, sl);
	}
	arena_release(&a);
	return rc;
}

/* What is held against slaves: quarantine.h. */
static int
load_quarantine(struct master *m, struct error *err)
{
	enum sql q = SQL_SLAVE_HELD;
	int64_t now = loop_now(&m->loop);
	struct sched_slave *sl;
	struct quarantine held;
	int rc;

	db_query(m->db, q, NULL);
	while ((rc = db_row(m->db, q, err)) > 0) {
		sl = ids_get(&m->sched.slave_ids, db_int(m->db, q, 0));
		held.strikes = db_int(m->db, q, 1);
		held.unit = db_int(m->db, q, 2);
		held.pauses = db_int(m->db, q, 3);
		held.until = db_int(m->db, q, 4);
		/* of a clock that was ahead */
		if (held.until > now + quarantine_pause(held.pauses))
			held.until = now + quarantine_pause(held.pauses);
		if (sl)
			quarantine_apply(m, sl, &held, now);
	}
	return rc;
}

static int
load_restored(struct master *m, struct error *err)
{
	int rc = db_one(m->db, SQL_META_GET, ARGS(TEXT("restored")), err);

	m->restored = rc > 0 ? db_int(m->db, SQL_META_GET, 0) : 0;
	/* by a clock that was ahead, which would refuse all */
	if (m->restored > now_us() / 1000000)
		m->restored = 0;
	db_end(m->db, SQL_META_GET);
	return rc < 0 ? -1 : 0;
}

static int
load_leases(struct master *m, struct error *err)
{
	enum sql q = SQL_LEASE_HELD;
	struct sched_unit *u;
	struct sched_slave *sl;
	int64_t now = loop_now(&m->loop);
	int64_t expires = now + (m->set->lease + m->set->grace) * SECOND;
	int64_t granted;
	int rc;

	db_query(m->db, q, NULL);
	while ((rc = db_row(m->db, q, err)) > 0) {
		m->former = db_int(m->db, q, 0);
		u = sched_unit_get(&m->sched, db_int(m->db, q, 1));
		sl = ids_get(&m->sched.slave_ids, db_int(m->db, q, 2));
		if (!u || !sl || u->state != UNIT_LEASED) {
			db_end(m->db, q);
			return fail(err,
			    "database: a lease of a unit that isn't leased");
		}
		granted = db_int(m->db, q, 3);
		sched_lease(&m->sched, u, sl, m->former,
		    granted < now ? granted : now, expires);
	}
	return rc;
}

/* What people had lately; after ten half-lives nothing is left of it. */
static int
load_usage(struct master *m, struct error *err)
{
	enum sql q = SQL_LEASE_USAGE;
	struct arena a = {0};
	int64_t now = loop_now(&m->loop), until;
	int64_t since = now - 10 * m->sched.half_life;
	int rc;

	db_query(m->db, q, ARGS(INT(since)));
	while ((rc = db_row(m->db, q, err)) > 0) {
		until = db_int(m->db, q, 1);
		/* a later one is of a clock that was ahead */
		sched_charge(&m->sched, db_text(m->db, q, 0, &a),
		    (double)db_int(m->db, q, 2) / 1e6,
		    until < now ? until : now);
	}
	arena_release(&a);
	return rc;
}

int
dispatch_load(struct master *m, struct error *err)
{
	/* the slaves that were there have some time to come back */
	m->sched.since = loop_now(&m->loop);
	if (load_slaves(m, err) < 0 || load_quarantine(m, err) < 0 ||
	    slaves_load(m, err) < 0 || load_usage(m, err) < 0 ||
	    dispatch_load_jobs(m, err) < 0 || load_leases(m, err) < 0 ||
	    load_restored(m, err) < 0)
		return -1;
	log_info("schedule rebuilt ready=%zu leased=%zu", m->sched.nready,
	    m->sched.nleased);
	return 0;
}
