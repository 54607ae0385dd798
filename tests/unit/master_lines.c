/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Anything happens to slaves and units, at random. After each event the lines
 * of the locks are as the state alone says, however it came about: looked at
 * by what lock.c promises, and compared with those of a schedule that is made
 * anew.
 */
#include "tap.h"
#include "master/sched/sched.h"

#define S ((int64_t)1000000)

#define EVENTS   6000
#define UNITS    40 /* at a time */
#define SLAVES   4
#define PATIENCE (50 * S)

static const char *const lock_names[] = {"master:a", "master:a=shared",
    "master:b", "master:b=shared", "slave:c", "slave:c=shared"};

/* What a unit was made of. */
struct made {
	const char *locks[2], *label;
	size_t nlocks;
};

static struct sched sched;
static struct sched_job *job;
static struct sched_unit *units[UNITS];
static struct made made[UNITS];
static const char *labels[SLAVES];
static struct sched_slave *slaves[SLAVES];
static int64_t now, next_unit, next_lease;
static uint32_t seed = 7;

static uint32_t
any(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static struct sched_wants
wants_of(struct made *m)
{
	return (struct sched_wants){.arch = "amd64",
	    .stage = "",
	    .labels = &m->label,
	    .nlabels = m->label != NULL,
	    .locks = m->locks,
	    .nlocks = m->nlocks};
}

static void
says_hello(struct sched *s, struct sched_slave *sl, const char *label)
{
	sched_slave_reset(sl, 3);
	sched_slave_arch(sl, "amd64");
	if (label)
		sched_slave_label(sl, label, false);
	sl->known = true;
	sched_slave_ready(s, sl);
}

/* ---- what must be -------------------------------------------------------- */

static bool
takes(const struct sched_slave *sl, const struct made *m,
    const struct sched_unit *u)
{
	const struct sched_refusal *r;

	if (sl->closed || sl->paused_until > now ||
	    !sched_is_online(&sched, sl, now) ||
	    (m->label && !map_gets(&sl->labels, m->label)))
		return false;
	for (r = sched_refusals(&sched, u); r; r = r->next) {
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
		if (takes(slaves[k], &made[i], units[i]))
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
	    (y->state == UNIT_READY && y_has_slave && is_before(y, x->unit));
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

static bool
all_is_well(void)
{
	bool has[UNITS] = {0};
	size_t i;

	for (i = 0; i < UNITS; i++)
		has[i] = units[i] && has_slave(i);
	for (i = 0; i < UNITS; i++) {
		if (!units[i] || units[i]->state != UNIT_READY)
			continue;
		if (units[i]->aside == has[i] ||
		    units[i]->parked != (!has[i] || !may_go(units[i], has)))
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
		says_hello(s, sl, labels[i]);
		sl->seen = slaves[i]->seen;
		sched_slave_close(s, sl, slaves[i]->closed);
		sched_slave_pause(s, sl, slaves[i]->paused_until, now);
		sched_wait(s, sl, slaves[i]->waiting);
	}
}

static void
make_unit(struct sched *s, struct sched_job *j, size_t i)
{
	const struct sched_unit *old = units[i];
	struct sched_unit_spec spec = {.id = old->id,
	    .root = sched_root(old),
	    .wants = wants_of(&made[i]),
	    .state = old->state == UNIT_LEASED ? UNIT_LEASED : UNIT_BLOCKED,
	    .ready = old->ready};
	struct sched_unit *u = sched_unit_add(s, j, &spec);
	const struct sched_refusal *r;

	for (r = sched_refusals(&sched, old); r; r = r->next)
		sched_refuse(s, u, r->slave, r->until, r->rather, "no");
	if (old->state == UNIT_LEASED)
		sched_lease(s, u, ids_get(&s->slave_ids, old->lease->slave->id),
		    old->lease->id, now, UNTIL_EVER - 1);
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
	struct sched_job *j;
	struct sched s;
	bool same = true;
	size_t i;

	sched_init(&s, PATIENCE, 86400 * S);
	make_slaves(&s);
	j = sched_job_add(&s, 1, 0, "alpha", 0);
	for (i = 0; i < UNITS; i++) {
		if (units[i])
			make_unit(&s, j, i);
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

static void
add_unit(size_t i)
{
	struct made *m = &made[i];

	*m = (struct made){.nlocks = any(2) + 1};
	m->locks[0] = lock_names[any(6)];
	m->locks[1] = lock_names[any(6)];
	m->label = any(3) == 0 ? "x" : any(2) ? "y" : NULL;
	units[i] = sched_unit_add(&sched, job,
	    &(struct sched_unit_spec){.id = ++next_unit,
		.root = "a/b-1.0",
		.wants = wants_of(m),
		.state = UNIT_BLOCKED});
	/* some were ready long before */
	sched_start(&sched, units[i], now - any(30) * S);
}

static void
unit_event(size_t i)
{
	struct sched_unit *u = units[i];
	struct sched_slave *sl = slaves[any(SLAVES)];

	if (!u) {
		add_unit(i);
	} else if (u->state == UNIT_LEASED && any(3) == 0) {
		sl = u->lease->slave;
		sched_return(&sched, u, now);
		sched_refuse(&sched, u, sl->id,
		    any(2) ? UNTIL_EVER : now + any(60) * S, any(3) == 0, "no");
	} else if (u->state == UNIT_LEASED || any(9) == 0) {
		sched_end(&sched, u, UNIT_PASSED, now);
		units[i] = NULL;
	} else if (any(9) == 0) {
		sched_refuse(&sched, u, sl->id, UNTIL_EVER, false, "no");
	}
}

static void
slave_event(size_t i)
{
	static int who;
	struct sched_slave *sl = slaves[i];

	switch (any(6)) {
	case 0:
		sched_slave_close(&sched, sl, sl->closed ? NULL : "drained");
		break;
	case 1:
		sched_slave_pause(&sched, sl, any(2) * (now + 20 * S), now);
		break;
	case 2:
		labels[i] = any(3) == 0 ? NULL : any(2) ? "x" : "y";
		says_hello(&sched, sl, labels[i]);
		break;
	case 3:
		sched_forgive(&sched, sl->id, true);
		sched_slave_ready(&sched, sl);
		break;
	default:
		sl->seen = now;
		sched_wait(&sched, sl, sl->waiting ? NULL : &who);
		break;
	}
}

static void
take_some(void)
{
	struct sched_slave *sl = slaves[any(SLAVES)];
	struct sched_unit *u;

	if (!sched_is_online(&sched, sl, now))
		return;
	while ((u = sched_pick(&sched, sl, now)) != NULL)
		sched_lease(&sched, u, sl, ++next_lease, now, UNTIL_EVER - 1);
}

int
main(void)
{
	bool well = true, same = true;
	size_t i;
	int n;

	sched_init(&sched, PATIENCE, 86400 * S);
	job = sched_job_add(&sched, 1, 0, "alpha", 0);
	now = 1000 * S;
	for (i = 0; i < SLAVES; i++) {
		slaves[i] = sched_slave(&sched, (int64_t)i + 1, "s");
		slaves[i]->seen = now;
		says_hello(&sched, slaves[i], NULL);
	}
	for (n = 0; n < EVENTS && well && same; n++) {
		now += any(5) == 0 ? any(20) * S : 0;
		if (any(4) == 0)
			slave_event(any(SLAVES));
		else if (any(2) == 0)
			unit_event(any(UNITS));
		else
			take_some();
		/* as often as the master's loop does */
		sched_turn(&sched, now);
		well = all_is_well();
		same = n % 10 > 0 || is_same_anew();
	}
	ok(well, "each stands where it should, after each of %d events", n);
	ok(same, "and where it does when all is made anew");
	for (i = 0; i < UNITS; i++) {
		if (units[i])
			sched_end(&sched, units[i], UNIT_CANCELLED, now);
	}
	ok(sched.nready == 0 && sched.nleased == 0, "nothing is left over");
	sched_release(&sched);
	return tap_done();
}
