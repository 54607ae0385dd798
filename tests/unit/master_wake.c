/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who waits doesn't miss what it could have by what happens elsewhere. */
#include "farm.h"

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

static struct sched_unit *
large(int64_t memory, const char *lock, int64_t ready)
{
	struct sched_wants wants = {.arch = "amd64",
	    .stage = "",
	    .resources = {memory},
	    .locks = &lock,
	    .nlocks = lock != NULL};
	struct sched_unit *u = wanting(job, &wants);

	sched_start(&sched, u, ready);
	return u;
}

static struct sched_slave *
offering(int64_t id, const char *name, int64_t memory)
{
	struct sched_slave *sl = slave(id, name, "amd64", 2);

	sl->offer[SCHED_MEMORY] = memory;
	sched_slave_ready(&sched, sl);
	return sl;
}

/* The first in a slave's line goes elsewhere: the next can go here. */
static void
test_taken_elsewhere(void)
{
	struct sched_slave *one, *two;
	struct sched_unit *u, *first, *next;
	int who;

	begin();
	one = offering(1, "one", 10);
	two = offering(2, "two", 10);
	u = large(6, NULL, 0);
	take(one, 0);
	large(6, NULL, 0);
	take(two, 0);
	first = large(8, "slave:port", 1);
	next = large(1, "slave:port", 2);
	sched_wait(&sched, two, &who);
	ok(!sched_turn(&sched, 3), "the first has no room, the next waits");
	sched_end(&sched, u, UNIT_PASSED, 3);
	is_int(take(one, 3), first->id, "the first goes elsewhere");
	ok(sched_turn(&sched, 3) == two && sched_pick(&sched, two, 3) == next,
	    "the next is given at once");
	end();
}

/*
 * A slave opens that hasn't lost the first, which leaves the line of the one
 * that has, though it waits for another lock too.
 */
static void
test_lost(void)
{
	struct sched_unit *lost, *next;
	struct sched_slave *one, *two;
	int who;

	begin();
	one = offering(1, "one", 10);
	two = offering(2, "two", 10);
	locking("master:db", NULL, 0);
	is_int(take(two, 0), 1, "a lock is held");
	sched_slave_close(&sched, two, "drained");
	lost = locking("slave:port", "master:db", 1);
	sched_refuse(&sched, lost, 1, 60 * S, true, "lost it");
	next = labelled("big", "slave:port", 2);
	sched_slave_label(one, "big", false);
	sched_slave_ready(&sched, one);
	sched_wait(&sched, one, &who);
	ok(!sched_turn(&sched, 3), "no other is open: it stands there");
	sched_slave_close(&sched, two, NULL);
	ok(sched_turn(&sched, 3) == one && sched_pick(&sched, one, 3) == next,
	    "another opens: who came next is given");
	end();
}

/*
 * A slave is kept free for who has waited long, as long as that can go there:
 * not when one that came before it comes back.
 */
static void
test_kept_in_vain(void)
{
	struct sched_unit *kept, *small, *before;
	struct sched_slave *sl;
	int who;

	begin();
	sl = offering(1, "one", 10);
	before = locking("slave:port", "master:db", 1);
	sched_refuse(&sched, before, 1, 500 * S, false, "no");
	large(6, NULL, 0);
	is_int(take(sl, 0), 2, "a slave has little room");
	kept = large(8, "slave:port", 2);
	small = large(1, NULL, 3);
	sched_wait(&sched, sl, &who);
	ok(!sched_turn(&sched, 400 * S) && sl->reserved == kept,
	    "it is kept free");
	sched_lease(&sched, locking("master:db", NULL, 4),
	    slave(2, "two", "arm64", 1), 1, 400 * S, 900 * S);
	ok(!sched_turn(&sched, 401 * S), "whatever else happens");
	ok(sched_turn(&sched, 500 * S) == sl &&
		sched_pick(&sched, sl, 500 * S) == small,
	    "until one is before it again at the slave's lock");
	end();
}

/* What comes while slaves are served is for those before, too. */
static void
test_between(void)
{
	struct sched_wants wants = {.arch = "amd64", .stage = ""};
	struct sched_slave *arm, *two;
	int who;

	begin();
	arm = slave(1, "arm", "arm64", 1);
	two = slave(2, "two", "amd64", 1);
	sched_wait(&sched, arm, &who);
	sched_wait(&sched, two, &who);
	sched_wait(&sched, slave(3, "three", "amd64", 1), &who);
	sched_start(&sched, wanting(job, &wants), 0);
	ok(sched_turn(&sched, 0) == two, "one in the middle is served");
	take(two, 0);
	sched_wait(&sched, two, NULL);
	wants.arch = "arm64";
	sched_start(&sched, wanting(job, &wants), 0);
	ok(sched_turn(&sched, 0) == arm, "then one before it");
	end();
}

int
main(void)
{
	test_taken_elsewhere();
	test_lost();
	test_kept_in_vain();
	test_between();
	return tap_done();
}
