/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a job's units take: laid out at once, used again. */
#include "farm.h"

static struct sched_unit *
unit(const char *arch)
{
	struct sched_wants wants = {.arch = arch, .stage = ""};

	return wanting(job, &wants);
}

static void
test_needs(void)
{
	struct sched_unit *a, *b, *c, *d;
	struct sched_slave *sl;

	begin();
	sl = slave(1, "s", "amd64", 10);
	a = unit("amd64");
	b = unit("amd64");
	c = unit("amd64");
	d = unit("amd64");
	sched_needs(job, (struct sched_edge[]){{c, a}, {c, b}, {d, c}}, 3);
	sched_start(&sched, a, 0);
	sched_start(&sched, b, 0);
	sched_start(&sched, c, 0);
	sched_start(&sched, d, 0);
	is(why(c, 0),
	    "waits for a/b-1.0 (unit 1, ready); waits for a/b-1.0 (unit 2, ready)",
	    "a blocked unit names what it waits for");
	take(sl, 0);
	take(sl, 0);
	is_int(take(sl, 0), 0, "blocked units aren't picked");
	sched_end(&sched, a, UNIT_PASSED, 0);
	is_int(take(sl, 0), 0, "one of two needs is not enough");
	is(why(c, 0), "waits for a/b-1.0 (unit 2, leased)", "one reason less");
	sched_end(&sched, b, UNIT_PASSED, 0);
	is_int(take(sl, 0), 3, "both are");
	sched_end(&sched, c, UNIT_PASSED, 0);
	is_int((long long)job->nopen, 1, "one unit is left");
	ok(!job->failed, "nothing has failed");
	end();
}

/* Each unit has its part of the room that is made for all. */
static void
test_needs_lists(void)
{
	struct sched_unit *a, *b, *c, *d;
	struct sched_slave *sl;

	begin();
	sl = slave(1, "s", "amd64", 10);
	a = unit("amd64");
	b = unit("amd64");
	c = unit("amd64");
	d = unit("amd64");
	sched_needs(
	    job, (struct sched_edge[]){{c, a}, {c, b}, {d, c}, {d, a}}, 4);
	is_int(c->nneeds, 2, "each has its needs");
	ok(c->needs[0] == a && c->needs[1] == b, "in their order");
	ok(d->needs[0] == c && d->needs[1] == a, "not those of another");
	ok(a->nusers == 2 && sched_users(a)[0] == c && sched_users(a)[1] == d,
	    "and users");
	ok(b->nusers == 1 && d->nusers == 0, "as many as it has");
	sched_start(&sched, d, 0);
	sched_start(&sched, c, 0);
	sched_start(&sched, b, 0);
	sched_start(&sched, a, 0);
	take(sl, 0);
	take(sl, 0);
	is_int(take(sl, 0), 0, "blocked units aren't picked");
	is(why(d, 0),
	    "waits for a/b-1.0 (unit 3, blocked); waits for a/b-1.0 (unit 1, leased)",
	    "they say what they wait for");
	sched_end(&sched, a, UNIT_PASSED, 0);
	sched_end(&sched, b, UNIT_PASSED, 0);
	is_int(take(sl, 0), 3, "the next is");
	sched_end(&sched, c, UNIT_PASSED, 0);
	is_int(take(sl, 0), 4, "and the last");
	end();
}

/* A job's memory is used again, with nothing of it. */
static void
test_job_again(void)
{
	struct sched_job *next;

	begin();
	sched_start(&sched, unit("amd64"), 0);
	job->security = job->reuse = true;
	sched_job_drop(&sched, job);
	ok(!sched_job_get(&sched, 1), "a job is forgotten");
	next = sched_job_add(&sched, 2, 0, "alpha", 0);
	ok(!next->security && !next->reuse && !next->units && next->nopen == 0,
	    "the next one has nothing of it");
	ok(sched.first_job == next && !next->next, "and is the only one");
	end();
}

static void
test_ids_reserve(void)
{
	struct ids t = {0};
	int64_t ids[1000];
	size_t nslots;
	int i, good = 0;

	for (i = 0; i < 1000; i++)
		ids[i] = i + 1;
	ids_add(&t, &ids[0]);
	ids_reserve(&t, 1000);
	nslots = t.nslots;
	for (i = 1; i < 1000; i++)
		ids_add(&t, &ids[i]);
	ok(t.nslots == nslots && nslots >= 1000, "room was made once");
	for (i = 0; i < 1000; i++)
		good += ids_get(&t, i + 1) == &ids[i];
	is_int(good, 1000, "all are found, the one from before too");
	ids_reserve(&t, 10);
	ok(t.nslots == nslots, "less than there is changes nothing");
	ids_release(&t);
}

/* Against an array: numbers near each other and far, that come and go. */
static void
test_ids_random(void)
{
	static int64_t ids[2000];
	static bool in[2000];
	uint32_t seed = 7;
	struct ids t = {0};
	size_t n = 0, k;
	int i, bad = 0;

	for (k = 0; k < 2000; k++)
		ids[k] = k % 2 ? (int64_t)k : (int64_t)(k + 1) << 40;
	ok(!ids_get(&t, 1), "nothing is in an empty one");
	ids_remove(&t, 1);
	for (i = 0; i < 200000; i++) {
		seed = seed * 1664525 + 1013904223;
		/* waves: now it fills, now it empties */
		k = (seed >> 8) % 2000;
		if ((seed >> 20) % 8 < (i / 20000 % 2 ? 2u : 6u)) {
			n += !in[k];
			in[k] = true;
			ids_add(&t, &ids[k]);
		} else {
			n -= in[k];
			in[k] = false;
			ids_remove(&t, ids[k]);
		}
		k = (seed >> 4) % 2000;
		bad += ids_get(&t, ids[k]) != (in[k] ? &ids[k] : NULL);
		bad += t.n != n;
	}
	is_int(bad, 0, "what is in is found, what is out is not");
	ids_release(&t);
}

/* One of the same number takes the place. */
static void
test_ids_replaced(void)
{
	int64_t a = 5, b = 5;
	struct ids t = {0};

	ids_add(&t, &a);
	ids_add(&t, &b);
	ok(ids_get(&t, 5) == &b && t.n == 1, "the later one is found");
	ids_remove(&t, 5);
	ok(!ids_get(&t, 5) && t.n == 0, "and no other is behind it");
	ids_release(&t);
}

/* What is said to be needed is what is taken. */
static void
test_room(void)
{
	static const char *const keys[] = {
	    "0000000000000000aaaa", "1111111111111111bbbb"};
	static const char *const locks[] = {"master:board"};
	struct sched_unit_spec spec = {.id = 1,
	    .root = "a/some-longer-name-than-that-1.0",
	    .wants = {.arch = "amd64",
		.stage = "",
		.locks = locks,
		.nlocks = 1},
	    .state = UNIT_BLOCKED,
	    .layers = keys,
	    .nlayers = 2};
	struct sched_unit *a, *b;
	size_t room, held;

	begin();
	room = 2 * sched_unit_room(&spec) + sched_needs_room(1);
	sched_job_reserve(job, room);
	held = arena_size(&job->arena);
	a = sched_unit_add(&sched, job, &spec);
	spec.id = 2;
	spec.class = a->class;
	b = sched_unit_add(&sched, job, &spec);
	sched_needs(job, &(struct sched_edge){b, a}, 1);
	is_int((long long)(arena_size(&job->arena) - held), (long long)room,
	    "all of the room, and no more");
	ok(b->class == a->class && sched_arch(b) == sched_arch(a),
	    "a class that is known is taken");
	end();
}

/* 300,000 of them are to have room in 100 MB, with all that is beside them. */
static void
test_small(void)
{
	static const char *const keys[] = {"0000000000000000aaaa"};
	struct sched_unit_spec spec = {.id = 1,
	    .root = "load/n99-1.0",
	    .wants = {.arch = "amd64", .stage = ""},
	    .state = UNIT_READY,
	    .layers = keys,
	    .nlayers = 1,
	    .key = keys[0]};

	ok(sched_unit_room(&spec) <= 144, "a unit is small");
	spec.reuse = true;
	ok(sched_unit_room(&spec) <= 168, "one that can be the same too");
}

int
main(void)
{
	test_needs();
	test_needs_lists();
	test_job_again();
	test_ids_reserve();
	test_ids_random();
	test_ids_replaced();
	test_room();
	test_small();
	return tap_done();
}
