/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Anything happens to slaves, units and jobs, at random. After each event the
 * lines of the locks are as the state alone says, however it came about:
 * looked at by what lock.c promises, and compared with those of a schedule
 * that is made anew. And no slave waits for what it could have: sched_turn()
 * has found all that sched_pick() gives.
 *
 *	master_lines.t [FIRST LAST]	these seeds, not those of "make check"
 */
#include "anyfarm.h"

#include <stdlib.h>

#define SEEDS  600
#define EVENTS 600

/* ---- what must be -------------------------------------------------------- */

static bool
fits(const struct said *s, const struct made *m)
{
	bool asked = s->label && m->label && strcmp(s->label, m->label) == 0;

	return (asked || (!m->label && !(s->label && s->mandatory))) &&
	    (s->memory == 0 || m->memory <= s->memory);
}

static bool
takes(size_t k, size_t i)
{
	const struct sched_slave *sl = slaves[k];
	const struct sched_refusal *r;

	if (sl->closed || sl->paused_until > now ||
	    !sched_is_online(&sched, sl, now) || !fits(&said[k], &made[i]))
		return false;
	for (r = sched_refusals(&sched, units[i]); r; r = r->next) {
		if (r->slave == sl->id && r->until > now && !r->rather)
			return false;
	}
	return true;
}

static bool
has_slave(size_t i)
{
	size_t k;

	for (k = 0; k < SLAVES; k++) {
		if (takes(k, i))
			return true;
	}
	return false;
}

static const struct lock_use *
use_of(const struct sched_unit *u, const struct sched_lock *l)
{
	size_t i;

	for (i = 0; i < u->nuses; i++) {
		if (sched_uses(u)[i].lock == l)
			return &sched_uses(u)[i];
	}
	return NULL;
}

static bool
is_before(const struct sched_unit *a, const struct sched_unit *b)
{
	return a->ready != b->ready ? a->ready < b->ready : a->id < b->id;
}

/* Does y keep x from this lock of the master's? */
static bool
keeps(const struct sched_unit *y, const struct lock_use *x, bool y_has_slave)
{
	const struct lock_use *use = y == x->unit ? NULL : use_of(y, x->lock);

	if (!use || (use->shared && x->shared))
		return false;
	return y->state == UNIT_LEASED ||
	    (y->state == UNIT_READY && !y->held && y_has_slave &&
		is_before(y, x->unit));
}

static bool
may_go(const struct sched_unit *u, const bool *has)
{
	size_t i, k;

	for (i = 0; i < u->nuses; i++) {
		for (k = 0; !sched_uses(u)[i].lock->per_slave && k < UNITS;
		     k++) {
			if (units[k] &&
			    keeps(units[k], &sched_uses(u)[i], has[k]))
				return false;
		}
	}
	return true;
}

/* Is what a slave has the sum of its leases? */
static bool
adds_up(size_t k)
{
	const struct sched_slave *sl = slaves[k];
	int64_t leased = 0, used = 0;
	bool alone = false;
	size_t i;

	for (i = 0; i < UNITS; i++) {
		if (!units[i] || units[i]->state != UNIT_LEASED ||
		    units[i]->lease->slave != sl)
			continue;
		leased++;
		used += made[i].memory ? made[i].memory
				       : sl->offer[SCHED_MEMORY] / sl->slots;
		alone |= made[i].exclusive;
	}
	return sl->leased == leased && sl->used[SCHED_MEMORY] == used &&
	    sl->alone == alone;
}

static bool
all_is_well(void)
{
	bool has[UNITS] = {0};
	size_t i, nready = 0;

	for (i = 0; i < UNITS; i++)
		has[i] = units[i] && has_slave(i);
	for (i = 0; i < UNITS; i++) {
		if (!units[i] || units[i]->state != UNIT_READY)
			continue;
		nready++;
		if (units[i]->held || units[i]->nuses == 0)
			continue;
		if (units[i]->aside == has[i] ||
		    units[i]->parked != (!has[i] || !may_go(units[i], has)))
			return false;
	}
	for (i = 0; i < SLAVES; i++) {
		if (!adds_up(i))
			return false;
	}
	return nready == sched.nready;
}

static bool
nobody_waits_in_vain(void)
{
	size_t i;

	for (i = 0; i < SLAVES; i++) {
		if (slaves[i]->waiting && sched_pick(&sched, slaves[i], now))
			return false;
	}
	return true;
}

/* ---- the same, made anew ------------------------------------------------- */

static void
make_slaves(struct sched *s)
{
	struct sched_slave *sl;
	size_t i;

	for (i = 0; i < SLAVES; i++) {
		sl = sched_slave(s, slaves[i]->id, "s");
		if (slaves[i]->known)
			says_hello(s, sl, &said[i]);
		sl->seen = slaves[i]->seen;
		sched_slave_close(s, sl, slaves[i]->closed);
		sched_slave_pause(s, sl, slaves[i]->paused_until, now);
		sched_wait(s, sl, slaves[i]->waiting);
		if (slaves[i]->retired)
			sched_slave_retire(s, sl);
	}
}

static struct sched_job *
make_job(struct sched *s, const struct sched_job *old)
{
	struct sched_job *j = sched_job_get(s, old->id);

	if (!j)
		j = sched_job_add(s, old->id, 0, old->user, old->created);
	j->cancelled = old->cancelled;
	return j;
}

static void
make_unit(struct sched *s, size_t i)
{
	const struct sched_unit *old = units[i];
	struct sched_unit_spec spec = spec_of(&made[i], old->id);
	const struct sched_refusal *r;
	struct sched_unit *u;

	if (old->state == UNIT_LEASED)
		spec.state = UNIT_LEASED;
	spec.ready = old->ready;
	u = sched_unit_add(s, make_job(s, old->job), &spec);
	for (r = sched_refusals(&sched, old); r; r = r->next)
		sched_refuse(s, u, r->slave, r->until, r->rather, "no");
	if (old->state == UNIT_LEASED)
		sched_lease(s, u, ids_get(&s->slave_ids, old->lease->slave->id),
		    old->lease->id, now, now + DAY);
	else
		sched_start(s, u, old->ready);
}

static bool
is_same_list(const struct lock_list *a, const struct lock_list *b)
{
	const struct lock_use *x, *y = b->first;

	for (x = a->first; x && y; x = x->next, y = y->next) {
		if (x->unit->id != y->unit->id)
			return false;
	}
	return !x && !y;
}

static bool
is_same_anew(void)
{
	const struct sched_lock *l, *m;
	struct sched s;
	bool same = true;
	size_t i;

	sched_init(&s, PATIENCE, DAY);
	make_slaves(&s);
	for (i = 0; i < UNITS; i++) {
		if (units[i])
			make_unit(&s, i);
	}
	sched_turn(&s, now);
	for (i = 0; i < sched.locks.n; i++) {
		l = sched.locks.items[i].value;
		m = map_gets(&s.locks, l->name);
		same &= m ? is_same_list(&l->waiting, &m->waiting)
			  : !l->waiting.first;
	}
	sched_release(&s);
	return same;
}

/* ---- what happens -------------------------------------------------------- */

/* With some seeds slaves' only: those are looked at one by one. */
static const char *
any_lock(void)
{
	return lock_names[first_seed % 2 ? any(7) : 4 + any(3)];
}

static void
add_unit(size_t i)
{
	struct made *m = &made[i];
	struct sched_job *job = jobs[any(JOBS)];
	struct sched_unit_spec spec;

	if (job->cancelled)
		return;
	*m = (struct made){.nlocks = any(3), .exclusive = any(8) == 0};
	m->locks[0] = any_lock();
	m->locks[1] = any_lock();
	m->label = any(3) == 0 ? "x" : any(3) == 0 ? "y" : NULL;
	m->key = any(2) ? "aaaa" : any(2) ? "bbbb" : NULL;
	m->memory = any(3) * 3;
	spec = spec_of(m, ++next_unit);
	units[i] = sched_unit_add(&sched, job, &spec);
	/* some were ready long before */
	sched_start(&sched, units[i], now - (any(4) ? any(30) * S : LONG));
}

static void
end_unit(struct sched_unit *u)
{
	sched_end(
	    &sched, u, u->job->cancelled ? UNIT_CANCELLED : UNIT_PASSED, now);
}

static void
unit_event(size_t i)
{
	struct sched_unit *u = units[i];
	struct sched_slave *sl = slaves[any(SLAVES)];

	if (!u) {
		add_unit(i);
	} else if (u->state == UNIT_LEASED && !u->job->cancelled &&
	    any(3) == 0) {
		sl = u->lease->slave;
		sched_return(&sched, u, now);
		if (any(3))
			sched_refuse(&sched, u, sl->id,
			    any(2) ? UNTIL_EVER : now + any(60) * S, any(2),
			    "no");
	} else if (u->state == UNIT_LEASED || any(40) == 0) {
		end_unit(u);
	} else if (any(9) == 0) {
		sched_refuse(&sched, u, sl->id, UNTIL_EVER, any(2), "no");
	}
}

/* Those that are over are forgotten, and a job that is. */
static void
forget(void)
{
	size_t i;

	for (i = 0; i < UNITS; i++) {
		if (units[i] && unit_state_is_over(units[i]->state))
			units[i] = NULL;
	}
	for (i = 0; i < JOBS; i++) {
		if (!jobs[i]->cancelled || jobs[i]->nopen > 0)
			continue;
		sched_job_drop(&sched, jobs[i]);
		new_job(i);
	}
}

static void
job_event(struct sched_job *job)
{
	int64_t by;

	switch (any(6)) {
	case 0:
		if (!job->cancelled)
			sched_cancel(&sched, job, now);
		break;
	case 1:
		by = ((int64_t)any(200) - 100) * S;
		sched_move(&sched, by);
		now += by;
		break;
	default:
		sched_job_priority(&sched, job, any(5));
		break;
	}
}

/* Some are through by an earlier result. */
static void
take(struct sched_slave *sl, uint32_t most)
{
	struct sched_unit *u;

	while (most > 0 && (u = sched_pick(&sched, sl, now)) != NULL) {
		if (u->reuse && any(2)) {
			sched_end(&sched, u, UNIT_PASSED, now);
			continue;
		}
		sched_lease(&sched, u, sl, ++next_lease, now, now + DAY);
		most--;
	}
}

/* It asks, and waits when there is nothing more for it. */
static void
asks(struct sched_slave *sl)
{
	sched_seen(&sched, sl, now);
	take(sl, UINT32_MAX);
	sched_wait(&sched, sl, &who);
}

static void
comes_and_goes(size_t i)
{
	struct sched_slave *sl = slaves[i];

	if (sl->retired) {
		sched_slave_rejoin(&sched, sl);
	} else if (any(4) > 0) {
		sched_seen(&sched, sl, now);
		says_anything(i);
	} else {
		sched_wait(&sched, sl, NULL);
		sched_slave_retire(&sched, sl);
	}
}

static void
slave_event(size_t i)
{
	struct sched_slave *sl = slaves[i];

	if (!sl->known || sl->retired) {
		comes_and_goes(i);
		return;
	}
	switch (any(7)) {
	case 0:
		sched_slave_close(&sched, sl, sl->closed ? NULL : "drained");
		break;
	case 1:
		sched_slave_pause(&sched, sl, any(2) * (now + 20 * S), now);
		break;
	case 2:
		comes_and_goes(i);
		break;
	case 3:
		sched_seen(&sched, sl, now);
		sched_forgive(&sched, sl->id, true);
		sched_slave_ready(&sched, sl);
		break;
	case 4:
		sched_seen(&sched, sl, now);
		take(sl, any(3));
		break;
	default:
		if (sl->waiting)
			sched_wait(&sched, sl, NULL);
		else
			asks(sl);
		break;
	}
}

/* As the master's loop does. False: one was found that there is nothing for. */
static bool
serve_all(void)
{
	struct sched_slave *sl;

	while ((sl = sched_turn(&sched, now)) != NULL) {
		if (!sched_pick(&sched, sl, now))
			return false;
		take(sl, 1);
		sched_wait(&sched, sl, NULL);
		sched_seen(&sched, sl, now);
		if (any(2))
			asks(sl);
	}
	forget();
	return true;
}

static void
event(void)
{
	now += any(5) == 0 ? any(3) * S : 0;
	if (any(60) == 0)
		now += any(LONG / S) * S;
	if (any(3) == 0)
		slave_event(any(SLAVES));
	else if (any(30) == 0)
		job_event(jobs[any(JOBS)]);
	else
		unit_event(any(UNITS));
	forget();
}

static void
begin(void)
{
	size_t i;

	now = 1000 * DAY;
	next_unit = next_job = next_lease = 0;
	sched_init(&sched, PATIENCE, DAY);
	for (i = 0; i < JOBS; i++)
		new_job(i);
	for (i = 0; i < SLAVES; i++) {
		slaves[i] = sched_slave(&sched, (int64_t)i + 1, "s");
		slaves[i]->seen = now;
		says_anything(i);
	}
}

/* Is nothing left over when all is over? */
static bool
end(void)
{
	bool nothing;
	size_t i;

	for (i = 0; i < UNITS; i++) {
		if (units[i])
			sched_end(&sched, units[i], UNIT_CANCELLED, now);
		units[i] = NULL;
	}
	for (i = 0; i < JOBS; i++)
		sched_job_drop(&sched, jobs[i]);
	nothing = sched.nready == 0 && sched.nleased == 0 &&
	    sched.units.n + sched.sames.n + sched.refusals.n == 0 &&
	    !sched.classes;
	sched_release(&sched);
	return nothing;
}

/* What is wrong after some event, or NULL. */
static const char *
try(uint32_t from)
{
	const char *wrong = NULL;
	int n;

	seed = first_seed = from;
	begin();
	for (n = 0; n < EVENTS && !wrong; n++) {
		event();
		if (!serve_all())
			wrong = "nothing is there for one that is found";
		else if (!nobody_waits_in_vain())
			wrong = "a slave waits for what it could have";
		else if (!all_is_well())
			wrong = "one doesn't stand where it should";
		else if (n % 50 == 0 && !is_same_anew())
			wrong = "nor where it does when all is made anew";
	}
	if (wrong)
		printf("# seed %u, event %d\n", from, n);
	if (!end() && !wrong)
		wrong = "something is left over";
	return wrong;
}

int
main(int argc, char *argv[])
{
	uint32_t first = 1, last = SEEDS, i;
	const char *wrong = NULL;

	if (argc == 3) {
		first = (uint32_t)strtoul(argv[1], NULL, 10);
		last = (uint32_t)strtoul(argv[2], NULL, 10);
	}
	for (i = first; i <= last && !wrong; i++)
		wrong = try(i);
	is(wrong, NULL, "whatever happens, all is as it should be");
	return tap_done();
}
