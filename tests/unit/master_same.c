/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The same unit of several jobs: one runs, the others wait for it. */
#include "farm.h"

#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static struct sched_unit *
unit(struct sched_job *j, const char *key, const char *arch, bool reuse)
{
	struct sched_unit_spec spec = {.id = next_unit++,
	    .root = "a/b-1.0",
	    .wants = {.arch = arch, .stage = ""},
	    .state = UNIT_BLOCKED,
	    .key = key,
	    .reuse = reuse};
	struct sched_unit *u = sched_unit_add(&sched, j, &spec);

	sched_start(&sched, u, 0);
	return u;
}

/* As unit(), which wants a lock too. */
static struct sched_unit *
locked(struct sched_job *j, const char *key)
{
	static const char *const locks[] = {"master:board"};
	struct sched_unit_spec spec = {.id = next_unit++,
	    .root = "a/b-1.0",
	    .wants = {.arch = "amd64",
		.stage = "",
		.locks = locks,
		.nlocks = 1},
	    .state = UNIT_BLOCKED,
	    .key = key,
	    .reuse = true};
	struct sched_unit *u = sched_unit_add(&sched, j, &spec);

	sched_start(&sched, u, 0);
	return u;
}

static struct sched_job *
other(int64_t id)
{
	return sched_job_add(&sched, id, 0, "beta", 0);
}

static void
test_held(void)
{
	struct sched_unit *a, *b, *c;
	struct sched_reason *list;
	struct sched_slave *sl;
	struct arena tmp = {0};

	begin();
	sl = slave(1, "s", "amd64", 10);
	a = unit(job, KEY_A, "amd64", true);
	b = unit(other(2), KEY_A, "amd64", true);
	c = unit(other(3), KEY_B, "amd64", true);
	is_int(take(sl, 0), a->id, "the first runs");
	is_int(take(sl, 0), c->id, "another thing goes past the second");
	is_int(take(sl, 0), 0, "which waits");
	is(why(b, 0), "the same unit runs for job 1 (unit 1 on s)",
	    "and says for whom");
	is_int((long long)sched_reasons(&sched, b, 0, &tmp, &list), 1,
	    "one reason");
	is(reason_kind_names[list[0].kind], "same", "of its own kind");
	ok(list[0].unit == a->id && list[0].job == 1, "with unit and job");
	arena_release(&tmp);
	ok(sched_same(&sched, a) == b && !sched_same_next(b), "it is found");
	sched_end(&sched, a, UNIT_FAILED, 0);
	is_int(take(sl, 0), b->id, "when the first has failed it runs itself");
	end();
}

static void
test_passed(void)
{
	struct sched_unit *a, *b, *c;
	struct sched_slave *sl;

	begin();
	sl = slave(1, "s", "amd64", 10);
	a = unit(job, KEY_A, "amd64", true);
	take(sl, 0);
	b = unit(other(2), KEY_A, "amd64", true);
	c = unit(other(3), KEY_A, "amd64", true);
	is_int(take(sl, 0), 0, "those that come later wait too");
	sched_end(&sched, a, UNIT_PASSED, 0);
	sched_end(&sched, b, UNIT_PASSED, 0);
	is_int(take(sl, 0), c->id, "whoever isn't through by it then runs");
	is_int((long long)sched.sames.n, 1, "one key is known");
	sched_end(&sched, c, UNIT_PASSED, 0);
	is_int((long long)sched.sames.n, 0, "and none when all are through");
	is_int((long long)sched.nready, 0, "nothing is left");
	end();
}

static void
test_apart(void)
{
	struct sched_slave *sl;

	begin();
	sl = slave(1, "s", "amd64", 10);
	sched_slave_arch(sl, "arm64");
	sched_slave_ready(&sched, sl);
	unit(job, KEY_A, "amd64", true);
	sched_start(&sched,
	    wanting(
		other(2), &(struct sched_wants){.arch = "amd64", .stage = ""}),
	    0);
	unit(other(3), KEY_A, "amd64", false);
	unit(other(4), KEY_A, "arm64", true);
	unit(other(5), NULL, "amd64", true);
	unit(other(6), "", "amd64", true);
	ok(take(sl, 0) && take(sl, 0) && take(sl, 0) && take(sl, 0) &&
		take(sl, 0) && take(sl, 0),
	    "without reuse, with another arch or no key all run at once");
	end();
}

static void
test_returned(void)
{
	struct sched_unit *a, *b;
	struct sched_slave *sl;
	int64_t first;

	begin();
	sl = slave(1, "s", "amd64", 10);
	a = unit(job, KEY_A, "amd64", true);
	b = unit(other(2), KEY_A, "amd64", true);
	take(sl, 0);
	sched_return(&sched, a, 5);
	ok(!a->held && !b->held, "given back, both may run");
	first = take(sl, 6);
	ok(first == a->id || first == b->id, "one of them does");
	is_int(take(sl, 6), 0, "one alone");
	end();
}

static void
test_cancelled(void)
{
	struct sched_job *second;
	struct sched_unit *a, *b, *c;
	struct sched_slave *sl;

	begin();
	sl = slave(1, "s", "amd64", 10);
	a = unit(job, KEY_A, "amd64", true);
	take(sl, 0);
	second = other(2);
	b = unit(second, KEY_A, "amd64", true);
	c = unit(other(3), KEY_A, "amd64", true);
	sched_cancel(&sched, second, 1);
	ok(b->state == UNIT_CANCELLED, "one that waits can be cancelled");
	sched_job_drop(&sched, second);
	is_int(take(sl, 1), 0, "the next still waits");
	sched_cancel(&sched, job, 2);
	is_int(take(sl, 2), c->id,
	    "until what runs is unwanted, though it isn't over");
	sched_end(&sched, a, UNIT_CANCELLED, 3);
	ok(c->lease && sched_same(&sched, c) == NULL, "and goes on");
	sched_end(&sched, c, UNIT_PASSED, 4);
	is_int((long long)sched.sames.n, 0, "nothing is left");
	end();
}

/* As at start: ready ones are queued before the leases are known. */
static void
test_rebuilt(void)
{
	struct sched_unit *a, *b;
	struct sched_slave *sl;

	begin();
	sl = slave(1, "s", "amd64", 10);
	b = unit(job, KEY_A, "amd64", true);
	a = sched_unit_add(&sched, other(2),
	    &(struct sched_unit_spec){.id = next_unit++,
		.root = "a/b-1.0",
		.wants = {.arch = "amd64", .stage = ""},
		.state = UNIT_LEASED,
		.key = KEY_A,
		.reuse = true});
	sched_lease(&sched, a, sl, 7, 0, 60 * S);
	is_int(take(sl, 0), 0, "a lease of before holds the others");
	is(why(b, 0), "the same unit runs for job 2 (unit 2 on s)", "as told");
	sched_end(&sched, a, UNIT_FAILED, 0);
	is_int(take(sl, 0), b->id, "as long as it is held");
	end();
}

/* A unit that is held doesn't stand in a lock's line. */
static void
test_locks(void)
{
	struct sched_unit *a, *b, *c;
	struct sched_slave *sl;

	begin();
	sl = slave(1, "s", "amd64", 10);
	a = locked(job, KEY_A);
	b = locked(other(2), KEY_A);
	c = locked(other(3), KEY_B);
	is_int(take(sl, 0), a->id, "the first has the lock");
	is(why(c, 0),
	    "waits for the lock master:board, which a/b-1.0 (unit 1 of job 1) "
	    "holds on s",
	    "another waits for the lock");
	ok(b->held && !sched_uses(b)[0].prev && !sched_uses(b)[0].next,
	    "the same one is in no line");
	sched_end(&sched, a, UNIT_FAILED, 0);
	is_int(take(sl, 0), b->id, "and has its place back afterwards");
	is_int(take(sl, 0), 0, "alone");
	sched_job_priority(&sched, c->job, 3);
	sched_end(&sched, b, UNIT_PASSED, 0);
	is_int(take(sl, 0), c->id, "then the other");
	end();
}

static void
test_priority(void)
{
	struct sched_job *second;
	struct sched_unit *a, *b;
	struct sched_slave *sl;

	begin();
	sl = slave(1, "s", "amd64", 10);
	a = unit(job, KEY_A, "amd64", true);
	second = other(2);
	b = unit(second, KEY_A, "amd64", true);
	take(sl, 0);
	sched_job_priority(&sched, second, 9);
	is_int(take(sl, 0), 0, "a higher priority doesn't let it go");
	sched_end(&sched, a, UNIT_FAILED, 0);
	is_int(take(sl, 0), b->id, "the end does");
	is_int(take(sl, 0), 0, "once");
	end();
}

int
main(void)
{
	test_held();
	test_passed();
	test_apart();
	test_returned();
	test_cancelled();
	test_rebuilt();
	test_locks();
	test_priority();
	return tap_done();
}
