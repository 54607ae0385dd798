/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/serve/turn.h"
#include "master/api/api.h"
#include "master/jobs/dispatch.h"
#include "master/http/httpd.h"
#include "base/error.h"
#include "base/log.h"

static const char broken[] =
    "the master could not store this: nothing has changed; try again";

int
turn_schedule(struct master *m, struct error *err)
{
	sched_init(
	    &m->sched, 2 * m->set->lease * SECOND, m->set->half_life * SECOND);
	m->data_version = 0;
	return dispatch_load(m, err);
}

/* What memory knows and the database doesn't is forgotten. */
static void
start_anew(struct master *m, int64_t now)
{
	struct error err;

	claims_close(m);
	httpd_release(m->httpd, broken);
	events_restart(m, now);
	sched_release(&m->sched);
	if (turn_schedule(m, &err) == 0)
		return;
	log_err("the schedule can't be made anew: %s; stopping", err.msg);
	m->failed = m->loop.stop = true;
}

static void
revive(struct master *m, int64_t now)
{
	struct error err;

	if (now - m->revived < SECOND && now >= m->revived)
		return;
	m->revived = now;
	if (db_revive(m->db, &err) == 0)
		log_info("the database takes what is written again");
}

void
turn_end(struct master *m, int64_t now)
{
	struct error err;

	if (db_is_halted(m->db)) {
		revive(m, now);
		return;
	}
	if (!db_is_pending(m->db))
		return;
	if (db_turn_end(m->db, &err) == 0) {
		m->count.turns++;
		httpd_release(m->httpd, NULL);
		return;
	}
	log_err("%s; nothing is written until that is over", err.msg);
	m->count.lost++;
	m->revived = now;
	start_anew(m, now);
}

bool
turn_is_pending(void *ctx)
{
	const struct master *m = ctx;

	return db_is_pending(m->db);
}

void
turn_settle(void *ctx)
{
	struct master *m = ctx;

	turn_end(m, loop_now(&m->loop));
}
