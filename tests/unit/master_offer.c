/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a slave has and offers, against what units want. */
#include "farm.h"

#include <string.h>

static struct sched_unit *
plain(void)
{
	const struct sched_wants wants = {.arch = "amd64", .stage = ""};

	return wanting(job, &wants);
}

static void
test_labels(void)
{
	const char *gpu[] = {"gpu"};
	const struct sched_wants labelled = {
	    .arch = "amd64", .stage = "", .labels = gpu, .nlabels = 1};
	struct sched_slave *one, *two;
	struct sched_unit *u;

	begin();
	one = slave(1, "one", "amd64", 1);
	sched_start(&sched, u = wanting(job, &labelled), 0);
	is_int(take(one, 0), 0, "a label that it hasn't");
	is(why(u, 0), "no slave for arch amd64 has the label gpu", "told so");
	two = slave(2, "two", "amd64", 2);
	sched_slave_label(two, "gpu", true);
	sched_slave_ready(&sched, two);
	sched_start(&sched, plain(), 0);
	is_int(take(two, 0), 1, "one that has it");
	is_int(take(two, 0), 0, "a mandatory one keeps others away");
	is_int(take(one, 0), 2, "who go elsewhere");
	end();
}

/* A slave that offers something else has given as much of that. */
static void
test_offer_changed(void)
{
	struct sched_slave *sl;

	begin();
	sl = slave(1, "s", "amd64", 1);
	sl->offer[SCHED_MEMORY] = 8;
	sched_slave_ready(&sched, sl);
	sched_start(&sched, plain(), 0);
	is_int(take(sl, 0), 1, "a unit has all of a slave");
	is_int(sl->used[SCHED_MEMORY], 8, "and its memory");
	sched_slave_reset(sl, 4);
	sched_slave_arch(sl, "amd64");
	sl->offer[SCHED_MEMORY] = 8;
	sched_slave_ready(&sched, sl);
	is_int(sl->used[SCHED_MEMORY], 2, "with four slots a quarter");
	sched_end(&sched, sched_unit_get(&sched, 1), UNIT_PASSED, 0);
	is_int(sl->used[SCHED_MEMORY], 0, "of which nothing stays");
	end();
}

/* What keeps a unit off a slave that has all that it wants is told. */
static void
test_barred(void)
{
	const char *gpu[] = {"gpu"};
	const struct sched_wants labelled = {
	    .arch = "amd64", .stage = "", .labels = gpu, .nlabels = 1};
	struct sched_slave *one, *two;
	struct sched_unit *u, *v;

	begin();
	one = slave(1, "one", "amd64", 1);
	sched_slave_label(one, "gpu", true);
	sched_slave_label(one, "fast", false);
	sched_slave_ready(&sched, one);
	sched_start(&sched, u = plain(), 0);
	is(why(u, 0), "not on one: it takes only jobs with the label gpu",
	    "a mandatory label, not one that isn't");
	sched_slave_label(one, "big", true);
	sched_slave_ready(&sched, one);
	is(why(u, 0),
	    "not on one: it takes only jobs with the label gpu; "
	    "not on one: it takes only jobs with the label big",
	    "each of them");
	sched_start(&sched, v = wanting(job, &labelled), 0);
	is(why(v, 0), "not on one: it takes only jobs with the label big",
	    "only those that it doesn't ask for");
	two = slave(2, "two", "amd64", 1);
	sched_slave_close(&sched, two, "drained");
	is(why(u, 0),
	    "not on two: drained; "
	    "not on one: it takes only jobs with the label gpu",
	    "beside one that is closed");
	sched_slave_close(&sched, two, NULL);
	is(why(u, 0), "1 slave matches, waiting for one to ask",
	    "not while another is open");
	end();
}

static void
test_resources(void)
{
	const struct sched_wants big = {.arch = "amd64",
				     .stage = "",
				     .resources = {6 << 20}},
				 huge = {.arch = "amd64",
				     .stage = "",
				     .resources = {0, 9}};
	struct sched_slave *sl;
	struct sched_unit *u;

	begin();
	sl = slave(1, "s", "amd64", 4);
	sl->offer[SCHED_MEMORY] = 8 << 20;
	sl->offer[SCHED_CPUS] = 8;
	sched_start(&sched, u = wanting(job, &huge), 0);
	is_int(take(sl, 0), 0, "more than there is");
	is(why(u, 0), "no slave for arch amd64 offers cpus=9", "told so");
	sched_start(&sched, wanting(job, &big), 0);
	sched_start(&sched, wanting(job, &big), 0);
	sched_start(&sched, plain(), 0);
	sched_start(&sched, plain(), 0);
	is_int(take(sl, 0), 2, "it fits");
	is_int(take(sl, 0), 4, "not twice; one with a slot's share does");
	is_int(take(sl, 0), 0, "that was all of the memory");
	sched_end(&sched, sched_unit_get(&sched, 4), UNIT_PASSED, 0);
	sched_end(&sched, sched_unit_get(&sched, 2), UNIT_PASSED, 0);
	is_int(take(sl, 0), 3, "given back");
	end();
}

/* ---- why there is no room ------------------------------------------------ */

static struct sched_unit *
taking(int64_t memory, int64_t cpus, bool exclusive)
{
	const struct sched_wants wants = {.arch = "amd64",
	    .stage = "",
	    .exclusive = exclusive,
	    .resources = {memory, cpus}};
	struct sched_unit *u = wanting(job, &wants);

	u->expect = (float)(10 * u->id);
	sched_start(&sched, u, 0);
	return u;
}

/* The kind, the name and the end, in seconds, of its only reason. */
static const char *
short_why(struct sched_unit *u)
{
	static struct arena a;
	struct sched_reason *r;

	arena_release(&a);
	if (sched_reasons(&sched, u, 0, &a, &r) != 1)
		return "not one reason";
	return arena_printf(&a, "%s %s %lld", reason_kind_names[r->kind],
	    r->name ? r->name : "-", (long long)(r->until / S));
}

static void
test_room(void)
{
	struct sched_slave *sl;
	struct sched_unit *u;

	begin();
	sl = slave(1, "s", "amd64", 3);
	sl->offer[SCHED_MEMORY] = 6000;
	sl->offer[SCHED_CPUS] = 3;
	taking(0, 2, false);
	u = taking(0, 2, false);
	is_int(take(sl, 0), 1, "one that takes two of three cpus");
	is(why(u, 0), "1 slave matches, none has room for cpus=2",
	    "a second one lacks cpus, not a slot");
	is(short_why(u), "room cpus 10", "which and until when, as data");
	u = taking(5000, 1, false);
	is(short_why(u), "room memory 10", "so with memory");
	taking(0, 0, false);
	is_int(take(sl, 0), 4, "one with a slot's share goes past them");
	is(short_why(u), "room memory 0", "no one end would be enough");
	u = taking(0, 0, false);
	is(why(u, 0), "1 slave matches, none has room for its share of cpus",
	    "nor is a share always there");
	sl->offer[SCHED_CPUS] = 0;
	is_int(take(sl, 0), 2, "the last slot");
	is(short_why(taking(0, 0, false)), "busy - 10", "then slots lack");
	end();
}

static void
test_alone(void)
{
	struct sched_slave *one, *two;
	struct sched_unit *u;

	begin();
	one = slave(1, "one", "amd64", 2);
	taking(0, 0, false);
	is_int(take(one, 0), 1, "a plain one");
	u = taking(0, 0, true);
	is(why(u, 0),
	    "1 slave matches, none has room for a unit that runs alone",
	    "what runs alone waits for an idle slave");
	is(short_why(u), "exclusive - 10", "as data");
	sched_end(&sched, sched_unit_get(&sched, 1), UNIT_CANCELLED, 0);
	is_int(take(one, 0), 2, "it has one");
	u = taking(0, 0, false);
	is(why(u, 0),
	    "1 slave matches, none has room beside a unit that runs alone",
	    "nobody beside it");
	is(short_why(u), "exclusive - 20", "until it has ended");
	two = slave(2, "two", "amd64", 1);
	is_int(take(two, 0), 3, "a slot elsewhere");
	u = taking(0, 0, false);
	is(why(u, 0),
	    "2 slaves match, 1 lacks a free slot; "
	    "2 slaves match, 1 lacks room beside a unit that runs alone",
	    "each for its own");
	end();
}

static void
test_reserve(void)
{
	const struct sched_wants alone = {
	    .arch = "amd64", .stage = "", .exclusive = true};
	struct sched_slave *one, *two;
	struct sched_unit *u;
	int64_t late = 301 * S;
	int i;

	begin();
	one = slave(1, "one", "amd64", 2);
	two = slave(2, "two", "amd64", 2);
	for (i = 0; i < 3; i++)
		sched_start(&sched, plain(), 0);
	take(one, 0);
	take(two, 0);
	sched_start(&sched, u = wanting(job, &alone), 0);
	sched_end(&sched, sched_unit_get(&sched, 3), UNIT_CANCELLED, 0);
	is_int(take(one, late), 0, "nothing beside an exclusive one");
	sched_start(&sched, plain(), late);
	is_int(take(one, late), 0, "one slave is kept free for it");
	is_int(take(two, late), 5, "only one");
	ok(strstr(why(u, late), "one is kept free for it"), "told so");
	sched_end(&sched, sched_unit_get(&sched, 1), UNIT_PASSED, late);
	is_int(take(one, late), 4, "idle: there it is");
	end();
}

/* A slave with one of two slots taken, kept free for one that runs alone. */
static struct sched_slave *kept;
static struct sched_unit *alone;

static void
begin_kept(void)
{
	const struct sched_wants wants = {
	    .arch = "amd64", .stage = "", .exclusive = true};
	static int who;

	begin();
	kept = slave(1, "one", "amd64", 2);
	sched_start(&sched, plain(), 0);
	take(kept, 0);
	sched_start(&sched, alone = wanting(job, &wants), 0);
	take(kept, 301 * S);
	sched_start(&sched, plain(), 301 * S);
	sched_wait(&sched, kept, &who);
	ok(!sched_turn(&sched, 301 * S), "a slave is kept free");
	is(why(sched_unit_get(&sched, 3), 301 * S),
	    "one is kept free for a/b-1.0 (unit 2 of job 1)",
	    "which others are told");
}

static void
test_kept_lane(void)
{
	struct sched_job *urgent;
	struct sched_unit *u;

	begin_kept();
	urgent = sched_job_add(&sched, 2, 0, "alpha", 0);
	urgent->security = true;
	sched_start(&sched,
	    u = wanting(
		urgent, &(struct sched_wants){.arch = "amd64", .stage = ""}),
	    301 * S);
	is(why(u, 301 * S), "1 slave matches, other units are first",
	    "the security lane isn't kept out");
	ok(sched_turn(&sched, 301 * S) == kept, "but is looked at");
	is_int(take(kept, 301 * S), 4, "and goes");
	sched_end(&sched, u, UNIT_PASSED, 301 * S);
	is_int(take(kept, 301 * S), 0, "others don't");
	sched_end(&sched, sched_unit_get(&sched, 1), UNIT_PASSED, 301 * S);
	is_int(take(kept, 301 * S), 2, "idle: there it is");
	end();
}

static void
test_kept_no_more(void)
{
	begin_kept();
	sched_end(&sched, alone, UNIT_CANCELLED, 301 * S);
	ok(sched_turn(&sched, 301 * S) == kept,
	    "cancelled: the slave is looked at, at once");
	is_int(take(kept, 301 * S), 3, "for the next");
	end();
}

/* What a slave would rather not have, it has when the other is shut. */
static void
test_rather(void)
{
	struct sched_slave *two;
	struct sched_unit *u;
	int who;

	begin();
	kept = slave(1, "one", "amd64", 1);
	two = slave(2, "two", "amd64", 1);
	sched_start(&sched, u = plain(), 0);
	sched_refuse(&sched, u, 1, 60 * S, true, "lost it");
	sched_wait(&sched, kept, &who);
	ok(!sched_turn(&sched, 0), "another can have it");
	sched_slave_close(&sched, two, "drained");
	ok(sched_turn(&sched, 0) == kept, "no more: looked at, at once");
	end();
}

static void
test_nearness(void)
{
	const struct sched_wants x = {.arch = "amd64", .stage = "aa"},
				 y = {.arch = "amd64", .stage = "bb"};
	const char *layers[] = {"00000000000000010", "00000000000000020"};
	struct sched_unit_spec spec = {.id = 10,
	    .root = "a/b-1.0",
	    .wants = y,
	    .state = UNIT_BLOCKED,
	    .layers = layers,
	    .nlayers = 2};
	struct sched_slave *sl;

	begin();
	sl = slave(1, "s", "amd64", 10);
	sched_slave_stage(sl, "bb");
	sched_slave_layer(sl, layers[0]);
	sched_start(&sched, wanting(job, &x), 0);
	sched_start(&sched, wanting(job, &y), 0);
	sched_start(&sched, sched_unit_add(&sched, job, &spec), 0);
	is_int(take(sl, 0), 10, "the stage is there, and a layer");
	is_int(take(sl, 0), 2, "the stage is there");
	is_int(take(sl, 0), 1, "nothing is there");
	end();
}

/* What its stage has is the same wherever it runs. */
static void
test_stage(void)
{
	const char *words[] = {"stage:zlib1g>=1.3", "stage:gcc"};
	const struct sched_wants wants = {
	    .arch = "amd64", .stage = "aa", .requires = words, .nrequires = 2};
	struct sched_unit *u, *old;
	struct sched_stage *st;
	struct sched_slave *sl;

	begin();
	sl = slave(1, "s", "amd64", 4);
	sched_start(&sched, u = wanting(job, &wants), 0);
	is_int(take(sl, 0), 0, "nobody knows what is in the stage");
	ok(strstr(why(u, 0), "the packages of stage aa are not known"),
	    "told so");
	st = sched_stage(&sched, "aa");
	sched_stage_name(&sched, st, "debian");
	sched_stage_package(&sched, st, "zlib1g", "1:1.2.13.dfsg-1");
	sched_stage_ready(&sched, st);
	is_int(take(sl, 0), 0, "too old");
	is(why(u, 0),
	    "stage debian has zlib1g 1:1.2.13.dfsg-1, wanted >=1.3; "
	    "stage debian has no package gcc",
	    "told so");
	old = u;
	st = sched_stage(&sched, "bb");
	sched_stage_package(&sched, st, "zlib1g", "1:1.2.13.dfsg-1");
	sched_stage_package(&sched, st, "zlib1g", "1:1.3.dfsg-3");
	sched_stage_package(&sched, st, "gcc", "4:12.2.0-3");
	sched_start(&sched,
	    u = wanting(job,
		&(struct sched_wants){.arch = "amd64",
		    .stage = "bb",
		    .requires = words,
		    .nrequires = 2}),
	    0);
	ok(sched_turn(&sched, 0) == NULL, "nobody waits");
	sched_stage_ready(&sched, st);
	is_int(take(sl, 0), u->id, "one of its versions is enough");
	ok(old->state == UNIT_READY, "the other still waits");
	is_int(take(sl, 0), 0, "for ever");
	end();
}

static void
test_closed(void)
{
	struct sched_slave *sl;
	struct sched_unit *u;
	int who;

	begin();
	sl = slave(1, "s", "amd64", 1);
	sched_slave_close(&sched, sl, "paused by its owner");
	sched_start(&sched, u = plain(), 0);
	is_int(take(sl, 0), 0, "a closed slave gets nothing");
	is(why(u, 0), "not on s: paused by its owner", "with its reason");
	sched_wait(&sched, sl, &who);
	ok(!sched_turn(&sched, 0), "nor is it looked at");
	sched_slave_close(&sched, sl, NULL);
	ok(sched_turn(&sched, 0) == sl, "until it is open again");
	end();
}

int
main(void)
{
	test_labels();
	test_barred();
	test_offer_changed();
	test_resources();
	test_room();
	test_alone();
	test_reserve();
	test_kept_lane();
	test_kept_no_more();
	test_rather();
	test_nearness();
	test_stage();
	test_closed();
	return tap_done();
}
