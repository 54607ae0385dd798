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
	ok(a->nusers == 2 && a->users[0] == c && a->users[1] == d, "and users");
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
	struct id_node nodes[1000];
	struct arena a = {0};
	struct ids t;
	size_t nslots;
	int i, good = 0;

	ids_init(&t, &a);
	ids_add(&t, &nodes[0], 1);
	ids_reserve(&t, 1000);
	nslots = t.nslots;
	for (i = 1; i < 1000; i++)
		ids_add(&t, &nodes[i], i + 1);
	ok(t.nslots == nslots && nslots >= 1000, "room was made once");
	for (i = 0; i < 1000; i++)
		good += ids_get(&t, i + 1) == &nodes[i];
	is_int(good, 1000, "all are found, the one from before too");
	ids_reserve(&t, 10);
	ok(t.nslots == nslots, "less than there is changes nothing");
	arena_release(&a);
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

int
main(void)
{
	test_needs();
	test_needs_lists();
	test_job_again();
	test_ids_reserve();
	test_room();
	return tap_done();
}
