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
	    "waits for the lock master:db, which a/b-1.0 (unit 1) holds on s",
	    "the holder is told");
	is(why(sched_unit_get(&sched, 3), 0),
	    "waits for the lock master:net, behind a/b-1.0 (unit 2), which "
	    "came first",
	    "or who is first in the line");
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
	test_no_deadlock();
	return tap_done();
}
