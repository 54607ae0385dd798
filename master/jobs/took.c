/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/jobs/took.h"
#include "master/master.h"
#include "base/arena.h"

#include <jansson.h>

/* Microseconds of one report, at most max. */
static int64_t
took_step(const char *body, int64_t max)
{
	json_t *o = json_loads(body, 0, NULL);
	double us = 1e6 *
	    (json_number_value(json_object_get(o, "ended")) -
		json_number_value(json_object_get(o, "started")));

	json_decref(o);
	if (!(us > 0))
		return 0;
	return us < (double)max ? (int64_t)us : max;
}

int
took_correct(struct master *m, const struct sched_unit *unit, int64_t now,
    struct error *err)
{
	struct sched_lease *l = unit->lease;
	int64_t most = now - l->granted, took = 0;
	enum sql q = SQL_REPORT_BODIES;
	struct arena a = {0};
	int rc;

	if (l->id > m->former)
		return 0;
	db_query(m->db, q, ARGS(INT(unit->id), INT(unit->attempt)));
	while ((rc = db_row(m->db, q, err)) > 0) {
		took += took_step(db_text(m->db, q, 0, &a), most);
		arena_reset(&a);
	}
	arena_release(&a);
	if (rc < 0)
		return -1;
	if (took >= most)
		return 0;
	l->granted = now - took;
	return db_run(m->db, SQL_LEASE_GRANTED,
		   ARGS(INT(l->id), INT(l->granted)), err) < 0
	    ? -1
	    : 0;
}
