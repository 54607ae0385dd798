/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/jobs/quarantine.h"
#include "base/log.h"

#include <inttypes.h>

int64_t
quarantine_pause(int64_t pauses)
{
	int64_t t = QUARANTINE_FIRST;

	while (pauses-- > 1 && t < QUARANTINE_MAX)
		t *= 2;
	return t < QUARANTINE_MAX ? t : QUARANTINE_MAX;
}

/* The memory of bad pairs knows. */
static bool
failed_here(const struct sched *s, const struct sched_unit *unit,
    const struct sched_slave *sl)
{
	const struct sched_refusal *r;

	for (r = sched_refusals(s, unit); r; r = r->next) {
		if (r->slave == sl->id && r->rather)
			return true;
	}
	return false;
}

struct quarantine
quarantine_failed(
    const struct sched *s, const struct sched_unit *unit, int64_t now)
{
	const struct sched_slave *sl = unit->lease->slave;
	struct quarantine q = {.strikes = sl->strikes,
	    .unit = sl->strike_unit,
	    .pauses = sl->pauses,
	    .until = sl->paused_until};

	/* a unit counts once, and so does all that it had in one silence */
	if (failed_here(s, unit, sl) || q.unit == unit->id ||
	    (sl->struck > 0 && sl->seen <= sl->struck))
		return q;
	q.unit = unit->id;
	q.strikes++;
	if (q.strikes < QUARANTINE_STRIKES)
		return q;
	q.pauses++;
	q.until = now + quarantine_pause(q.pauses);
	return q;
}

int
quarantine_write(struct master *m, const struct sched_slave *sl,
    const struct quarantine *q, struct error *err)
{
	if (q->strikes == sl->strikes && q->unit == sl->strike_unit &&
	    q->pauses == sl->pauses && q->until == sl->paused_until)
		return 0;
	return db_run(m->db, SQL_SLAVE_STRIKES,
		   ARGS(INT(sl->id), INT(q->strikes), INT(q->unit),
		       INT(q->pauses), INT(q->until)),
		   err) < 0
	    ? -1
	    : 0;
}

void
quarantine_apply(struct master *m, struct sched_slave *sl,
    const struct quarantine *q, int64_t now)
{
	if (q->until > now && q->until != sl->paused_until)
		log_warn("slave in quarantine slave=%s failures=%" PRId64
			 " seconds=%" PRId64,
		    sl->name, q->strikes, (q->until - now) / SECOND);
	if (q->until != sl->paused_until)
		events_slave(m, sl, q->until > now ? "quarantine" : "online");
	if (q->strikes != sl->strikes)
		sl->struck = q->strikes > 0 ? now : 0;
	sl->strikes = q->strikes;
	sl->strike_unit = q->unit;
	sl->pauses = q->pauses;
	sched_slave_pause(&m->sched, sl, q->until, now);
}

int
quarantine_end(
    struct master *m, struct sched_slave *sl, int64_t now, struct error *err)
{
	struct quarantine none = {0};

	if (quarantine_write(m, sl, &none, err) < 0)
		return -1;
	quarantine_apply(m, sl, &none, now);
	return 0;
}
