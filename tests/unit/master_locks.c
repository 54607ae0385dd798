/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "farm.h"

#include <string.h>

/* ---- locks --------------------------------------------------------------- */

static struct sched_unit *
locking(const char *lock, const char *other, int64_t ready)
{
	const char *locks[] = {lock, other};
	struct sched_wants wants = {.arch = "amd64",
	    .stage = "",
	    .locks = locks,
	    .nlocks = other ? 2 : 1};
	struct sched_unit *u = wanting(job, &wants);

	sched_start(&sched, u, ready);
	return u;
}

static void
test_locks(void)
{
	struct sched_slave *sl;
	struct sched_unit *u;

	begin();
	sl = slave(1, "s", "amd64", 10);
	locking("master:db", NULL, 1);
	u = locking("master:db", "master:net", 2);
	locking("master:net", NULL, 3);
	locking("master:x=shared", NULL, 4);
	locking("master:x=shared", NULL, 5);
	locking("master:x", NULL, 6);
	locking("master:x=shared", NULL, 7);
	is_int(take(sl, 0), 1, "the first has it");
	ok(take(sl, 0) == 4 && take(sl, 0) == 5, "shared, two have it");
	is_int(take(sl, 0), 0, "nobody passes who came before");
	is(why(u, 0),
	    "waits for the lock master:db, which a/b-1.0 (unit 1 of job 1) "
	    "holds on s",
	    "the holder is told");
	is(why(sched_unit_get(&sched, 3), 0),
	    "waits for the lock master:net, behind a/b-1.0 (unit 2 of job 1), "
	    "which came first: waits for the lock master:db, which a/b-1.0 "
	    "(unit 1 of job 1) holds on s",
	    "or who is first in the line, and what that waits for");
	sched_end(&sched, sched_unit_get(&sched, 4), UNIT_PASSED, 0);
	is_int(take(sl, 0), 0, "one of the shared ones is still there");
	sched_end(&sched, sched_unit_get(&sched, 5), UNIT_FAILED, 0);
	is_int(take(sl, 0), 6, "then alone");
	sched_end(&sched, sched_unit_get(&sched, 1), UNIT_PASSED, 0);
	is_int(take(sl, 0), 2, "both at once");
	sched_return(&sched, sched_unit_get(&sched, 2), 0);
	is_int(take(sl, 0), 2, "given back, it is where it was");
	sched_end(&sched, sched_unit_get(&sched, 2), UNIT_PASSED, 0);
	is_int(take(sl, 0), 3, "the next");
	sched_end(&sched, sched_unit_get(&sched, 6), UNIT_PASSED, 0);
	is_int(take(sl, 0), 7, "and the last");
	end();
}

static void
test_slave_locks(void)
{
	struct sched_slave *one, *two;
	struct sched_unit *u;

	begin();
	one = slave(1, "one", "amd64", 10);
	two = slave(2, "two", "amd64", 10);
	locking("slave:port", NULL, 1);
	locking("slave:port", NULL, 2);
	u = locking("slave:port", NULL, 3);
	is_int(take(one, 0), 1, "one on each slave");
	is_int(take(one, 0), 0, "not two");
	is_int(take(two, 0), 2, "but on the other");
	ok(strstr(why(u, 0), "waits for the lock slave:port"), "told so");
	sched_end(&sched, sched_unit_get(&sched, 2), UNIT_PASSED, 0);
	is_int(take(two, 0), 3, "free again");
	end();
}

static void
test_lock_nobody(void)
{
	const char *locks[] = {"master:db"};
	struct sched_wants wants = {
	    .arch = "arm64", .stage = "", .locks = locks, .nlocks = 1};
	struct sched_unit *u;
	struct sched_slave *sl;

	begin();
	sl = slave(1, "s", "amd64", 10);
	u = wanting(job, &wants);
	sched_start(&sched, u, 1);
	locking("master:db", NULL, 2);
	is_int(take(sl, 0), 2, "nobody waits for what no slave can run");
	ok(take(slave(2, "arm", "arm64", 1), 0) == 0, "then it has to wait");
	sched_end(&sched, sched_unit_get(&sched, 2), UNIT_PASSED, 0);
	ok(sched_pick(&sched, sched_slave(&sched, 2, "arm"), 0) == u,
	    "for its turn");
	end();
}

/* ---- who can't run stands in nobody's way -------------------------------- */

static struct sched_unit *
labelled(const char *label, const char *lock, int64_t ready)
{
	struct sched_wants wants = {.arch = "amd64",
	    .stage = "",
	    .labels = &label,
	    .nlabels = 1,
	    .locks = &lock,
	    .nlocks = 1};
	struct sched_unit *u = wanting(job, &wants);

	sched_start(&sched, u, ready);
	return u;
}

static void
says_hello(struct sched_slave *sl, const char *label)
{
	sched_slave_reset(sl, 10);
	sched_slave_arch(sl, "amd64");
	if (label)
		sched_slave_label(sl, label, false);
	sched_slave_ready(&sched, sl);
	sl->known = true;
	sl->seen = 1;
}

/* Two slaves, and a line: the first only for "special", the second for all. */
static struct sched_slave *big, *special;
static struct sched_unit *first;

static void
begin_line(void)
{
	begin();
	big = sched_slave(&sched, 1, "one");
	says_hello(big, "big");
	special = sched_slave(&sched, 2, "two");
	says_hello(special, "special");
	first = labelled("special", "master:db", 1);
	labelled("big", "master:db", 2);
	is_int(take(big, 0), 0, "who comes first goes first");
}

static void
test_gone(void)
{
	begin_line();
	sched_slave_retire(&sched, special);
	ok(strstr(why(first, 0), "no slave for arch amd64 has the label"),
	    "no slave fits the first any more");
	is_int(take(big, 0), 2, "the next isn't held up by it");
	end();

	begin_line();
	says_hello(special, NULL);
	is_int(take(big, 0), 2, "nor when the slave has its label no more");
	says_hello(special, "special");
	labelled("big", "master:db", 3);
	is_int(take(special, 0), 0, "which it has again: the first waits");
	sched_end(&sched, sched_unit_get(&sched, 2), UNIT_PASSED, 0);
	is_int(take(big, 0), 0, "and is before who came later");
	is_int(take(special, 0), 1, "where it was");
	end();
}

static void
test_refused(void)
{
	struct sched_unit *u;
	int who;

	begin_line();
	sched_wait(&sched, big, &who);
	ok(!sched_turn(&sched, 0), "nobody is looked at");
	sched_refuse(&sched, first, 2, UNTIL_EVER, false, "not signed");
	is(why(first, 0), "not on two: not signed", "all refuse the first");
	ok(sched_turn(&sched, 0) == big, "which lets the next go, at once");
	is_int(take(big, 0), 2, "so it does");
	sched_wait(&sched, big, NULL);
	u = labelled("big", "master:db", 3);
	sched_forgive(&sched, 2, true);
	sched_slave_ready(&sched, special);
	sched_end(&sched, sched_unit_get(&sched, 2), UNIT_PASSED, 0);
	ok(!sched_pick(&sched, big, 0), "forgiven, it is before the others");
	sched_refuse(&sched, first, 2, 60 * S, false, "no room");
	ok(sched_pick(&sched, big, 0) == u, "refused for a while: not now");
	ok(!sched_turn(&sched, 60 * S) && !sched_pick(&sched, big, 60 * S),
	    "then again");
	ok(sched_pick(&sched, special, 60 * S) == first, "and it goes");
	sched_refuse(&sched, first, 2, UNTIL_EVER, true, "lost it");
	ok(!sched_pick(&sched, big, 60 * S), "what it would rather not is no");
	end();
}

static void
test_refused_elsewhere(void)
{
	struct sched_slave *one, *two;
	struct sched_unit *a, *b;

	begin();
	one = slave(1, "one", "amd64", 1);
	two = slave(2, "two", "amd64", 1);
	a = locking("slave:port", NULL, 1);
	b = locking("slave:port", NULL, 2);
	sched_refuse(&sched, a, 1, UNTIL_EVER, false, "not signed");
	ok(sched_pick(&sched, one, 0) == b,
	    "a slave's lock is for those that it takes");
	ok(sched_pick(&sched, two, 0) == a, "on another they come first");
	end();
}

/* The slave of the first takes nothing: shut, and then open. */
static void
test_shut(void)
{
	struct sched_unit *u;
	int who;

	begin_line();
	sched_wait(&sched, big, &who);
	ok(!sched_turn(&sched, 0), "nobody is looked at");
	sched_slave_close(&sched, special, "drained");
	ok(sched_turn(&sched, 0) == big, "drained: the next goes");
	is_int(take(big, 0), 2, "it has the lock");
	u = labelled("big", "master:db", 3);
	sched_slave_close(&sched, special, NULL);
	sched_end(&sched, sched_unit_get(&sched, 2), UNIT_PASSED, 0);
	ok(!sched_turn(&sched, 0), "open: the first is where it was");
	sched_slave_pause(&sched, special, 60 * S, 0);
	ok(sched_turn(&sched, 0) == big && sched_pick(&sched, big, 0) == u,
	    "in quarantine: the next");
	is_int(sched_wake(&sched), 60 * S, "until when is known");
	ok(!sched_turn(&sched, 60 * S), "then the first again");
	ok(sched_pick(&sched, special, 60 * S) == first, "which goes");
	end();
}

static void
test_silent(void)
{
	struct sched_unit *u;
	int who;

	begin_line();
	sched.patience = 100 * S;
	u = sched_unit_get(&sched, 2);
	sched_wait(&sched, big, &who);
	sched_wait(&sched, special, &who);
	special->seen = 50 * S;
	sched_wait(&sched, special, NULL);
	ok(sched_wake(&sched) <= 150 * S + 1, "its silence will be noticed");
	sched_turn(&sched, 149 * S);
	ok(!sched_pick(&sched, big, 149 * S), "a slave may be silent a while");
	ok(sched_turn(&sched, 151 * S) == big, "but not for long");
	ok(sched_pick(&sched, big, 151 * S) == u, "the next goes");
	sched_wait(&sched, special, &who);
	ok(!sched_pick(&sched, big, 151 * S), "it asks: the first again");
	end();
}

/* Busy is not shut: the first keeps the line. */
static void
test_busy(void)
{
	struct sched_wants wants = {.arch = "amd64", .stage = ""};
	struct sched_unit *u;

	begin_line();
	sched_end(&sched, first, UNIT_CANCELLED, 0);
	sched_end(&sched, sched_unit_get(&sched, 2), UNIT_CANCELLED, 0);
	special->slots = 1;
	sched_start(&sched, u = wanting(job, &wants), 1);
	sched_lease(&sched, u, special, 1, 0, 60 * S);
	labelled("special", "master:db", 3);
	labelled("big", "master:db", 4);
	is_int(
	    take(big, 0), 0, "who waits for a slot is before who came later");
	end();
}

/* ---- who is in the way --------------------------------------------------- */

static size_t
reasons(struct sched_unit *u, struct sched_reason **list)
{
	static struct arena a;

	arena_release(&a);
	return sched_reasons(&sched, u, 0, &a, list);
}

static void
test_why(void)
{
	struct sched_wants wants = {.arch = "amd64", .stage = ""};
	struct sched_job *other;
	struct sched_reason *r;
	struct sched_slave *sl;
	struct sched_unit *u;

	begin();
	sl = slave(1, "s", "amd64", 1);
	other = sched_job_add(&sched, 2, 0, "beta", 0);
	sched_start(&sched, wanting(other, &wants), 0);
	is_int(take(sl, 0), 1, "the slot is taken");
	locking("master:db", NULL, 1);
	locking("master:db", NULL, 2);
	u = locking("master:db", NULL, 3);
	is(why(u, 0),
	    "waits for the lock master:db, behind a/b-1.0 (unit 2 of job 1), "
	    "which came first: 1 slave matches, none has a free slot",
	    "the first of the line is in the way, which waits for a slot");
	ok(reasons(u, &r) == 1 && r->kind == REASON_LOCK && r->unit == 2 &&
		r->job == 1 && r->count == 2,
	    "so as data, with how many are before it");
	sched_slave_close(&sched, sl, "drained");
	is(why(u, 0), "not on s: drained", "shut is told as what it is");
	sched_slave_close(&sched, sl, NULL);
	sched_refuse(&sched, u, 1, UNTIL_EVER, false, "not signed");
	is(why(u, 0), "not on s: not signed", "and so is what is refused");
	end();
}

/* A slave's lock is held: that is why, and not a want of slots. */
static void
test_why_slave(void)
{
	struct sched_reason *r;
	struct sched_slave *sl;
	struct sched_unit *u;

	begin();
	sl = slave(1, "s", "amd64", 3);
	locking("slave:port", NULL, 1);
	is_int(take(sl, 0), 1, "a slave's lock");
	u = locking("slave:port", NULL, 2);
	ok(reasons(u, &r) == 1 && r->kind == REASON_LOCK && r->unit == 1 &&
		r->until > 0,
	    "is the only reason, with when it ends");
	end();
}

/*
 * What is made of reasons grows with the slaves: each has lines of its own,
 * and who is first in one may wait in others.
 */
static size_t
size_of_why(int64_t nslaves)
{
	struct sched_wants wants = {.arch = "amd64", .stage = ""};
	struct sched_reason *list;
	struct arena a = {0};
	struct sched_unit *u;
	size_t size;
	int64_t i;

	begin();
	for (i = 1; i <= nslaves; i++) {
		sched_start(&sched, u = wanting(job, &wants), 0);
		sched_lease(&sched, u, slave(i, "s", "amd64", 2), i, 0, 60 * S);
	}
	wants.exclusive = true;
	wants.locks = (const char *const[]){"slave:c"};
	wants.nlocks = 1;
	sched_start(&sched, wanting(job, &wants), 1);
	locking("slave:c", "slave:b", 2);
	locking("slave:b", "slave:a", 3);
	u = locking("slave:a", NULL, 4);
	is_int((long long)sched_reasons(&sched, u, 5, &a, &list), nslaves,
	    "each slave has its reason");
	ok(strstr(list[0].text, "which came first: waits for the lock slave:b"),
	    "the first says what it comes from");
	size = arena_size(&a);
	arena_release(&a);
	end();
	return size;
}

static void
test_why_many(void)
{
	size_t few = size_of_why(20), many = size_of_why(80);

	ok(many < 8 * few, "four times the slaves, not 64 times the text");
}

/* Who is refused somewhere first is told, too, what the first waits for. */
static void
test_why_refused(void)
{
	struct sched_unit *u;

	begin();
	slave(1, "one", "amd64", 1);
	slave(2, "two", "amd64", 1);
	is_int(take(sched_slave(&sched, 2, "two"), 0), 0, "nothing yet");
	locking("master:a", NULL, 1);
	locking("master:a", "master:b", 2);
	u = locking("master:b", NULL, 3);
	is_int(take(sched_slave(&sched, 2, "two"), 4), 1, "the first runs");
	sched_refuse(&sched, u, 2, UNTIL_EVER, false, "not signed");
	ok(strstr(why(u, 5), "which came first: waits for the lock master:a"),
	    "a refusal hides nothing");
	end();
}

static uint32_t seed = 1;

static uint32_t
any(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

/* Do two holders of one lock bear each other? */
static bool
holders_agree(void)
{
	const struct lock_use *x, *y;
	const struct sched_lock *l;
	size_t i;

	for (i = 0; i < sched.locks.n; i++) {
		l = sched.locks.items[i].value;
		for (x = l->holders.first; x; x = x->next) {
			for (y = x->next; y; y = y->next) {
				if (!(x->shared && y->shared) &&
				    (!l->per_slave ||
					x->unit->lease->slave ==
					    y->unit->lease->slave))
					return false;
			}
		}
	}
	return true;
}

/*
 * Hundreds of units with random locks on three slaves, ended in random
 * order: as long as something is left, something runs or can be taken.
 */
static void
test_no_deadlock(void)
{
	static const char *const names[] = {"master:a", "master:b=shared",
	    "master:b", "master:c", "master:c=shared", "slave:d",
	    "slave:d=shared", "slave:e"};
	struct sched_unit *running[30];
	struct sched_slave *sl[3];
	size_t n = 0, left = 600, i;
	bool agree = true, stuck = false;

	begin();
	for (i = 0; i < 3; i++)
		sl[i] = slave((int64_t)i + 1, "s", "amd64", 10);
	for (i = 0; i < left; i++)
		locking(names[any(8)], any(2) ? names[any(8)] : NULL,
		    (int64_t)i + 1);
	while (left > 0 && agree && !stuck) {
		int64_t got = 1;

		for (i = any(3); got && n < 30; i = (i + 1) % 3) {
			size_t k;

			for (k = 0, got = 0; k < 3 && !got; k++)
				got = take(sl[(i + k) % 3], 0);
			if (got)
				running[n++] = sched_unit_get(&sched, got);
		}
		agree = holders_agree();
		stuck = n == 0;
		for (i = any(3) + 1; i > 0 && n > 0; i--) {
			size_t k = any((uint32_t)n);

			if (any(10) == 0) {
				sched_return(&sched, running[k], 0);
				left++;
			} else {
				sched_end(&sched, running[k], UNIT_PASSED, 0);
			}
			running[k] = running[--n];
			left--;
		}
	}
	ok(agree, "no two hold what only one may");
	ok(!stuck && left == 0, "all of them came through");
	end();
}

int
main(void)
{
	test_locks();
	test_slave_locks();
	test_lock_nobody();
	test_gone();
	test_refused();
	test_refused_elsewhere();
	test_shut();
	test_silent();
	test_busy();
	test_why();
	test_why_slave();
	test_why_many();
	test_why_refused();
	test_no_deadlock();
	return tap_done();
}
