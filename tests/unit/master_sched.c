/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tap.h"
#include "master/sched.h"

#define S ((int64_t)1000000)
static struct sched sched;
static struct sched_job *job;
static int64_t next_unit;

static void
begin(void)
{
	sched_init(&sched, INT64_MAX / 2);
	job = sched_job_add(&sched, 1, 0, "alpha");
	next_unit = 1;
}

static void
end(void)
{
	sched_release(&sched);
}

static struct sched_unit *
unit_of(
    struct sched_job *j, const char *arch, const char *requires, bool exclusive)
{
	const char *words[] = {requires};
	struct sched_unit_spec spec = {.id = next_unit++,
	    .root = "a/b-1.0",
	    .arch = arch,
	    .requires = words,
	    .nrequires = requires != NULL,
	    .exclusive = exclusive,
	    .state = UNIT_BLOCKED};

	return sched_unit_add(&sched, j, &spec);
}

static struct sched_unit *
unit(const char *arch)
{
	return unit_of(job, arch, NULL, false);
}

static struct sched_slave *
slave(int64_t id, const char *name, const char *arch, int64_t slots)
{
	struct sched_slave *sl = sched_slave(&sched, id, name);

	sched_slave_reset(sl, slots);
	sched_slave_arch(sl, arch);
	sl->known = true;
	sl->seen = 1;
	return sl;
}

/* Pick and lease; the unit's number or 0. */
static int64_t
take(struct sched_slave *sl, int64_t now)
{
	static int64_t lease = 100;
	struct sched_unit *u = sched_pick(&sched, sl, now);

	if (!u)
		return 0;
	sched_lease(&sched, u, sl, lease++, now, now + 60 * S);
	return u->id;
}

static const char *
why(struct sched_unit *u, int64_t now)
{
	static struct arena a;
	const char **list;
	size_t n;

	arena_release(&a);
	n = sched_reasons(&sched, u, now, &a, &list);
	return n == 0 ? ""
	    : n == 1  ? list[0]
		      : arena_printf(&a, "%s; %s", list[0], list[1]);
}

static void
test_order(void)
{
	struct sched_job *urgent;
	struct sched_slave *sl;

	begin();
	sl = slave(1, "s", "amd64", 10);
	sched_start(&sched, unit("amd64"));
	sched_start(&sched, unit("amd64"));
	urgent = sched_job_add(&sched, 2, 5, "beta");
	sched_start(&sched, unit_of(urgent, "amd64", NULL, false));
	sched_start(&sched, unit("arm64"));
	is_int(take(sl, 0), 3, "priority goes first");
	is_int(take(sl, 0), 1, "then age");
	is_int(take(sl, 0), 2, "then the next");
	is_int(take(sl, 0), 0, "a foreign architecture is never picked");
	end();
}

static void
test_slots(void)
{
	struct sched_slave *sl;
	struct sched_unit *u;
	int i;

	begin();
	sl = slave(1, "s", "amd64", 2);
	for (i = 0; i < 3; i++)
		sched_start(&sched, u = unit("amd64"));
	ok(take(sl, 0) && take(sl, 0), "two slots, two units");
	is_int(take(sl, 0), 0, "no third one");
	is(why(u, 0), "1 slave matches, none has a free slot",
	    "and the reason is told");
	sched_end(&sched, sched_unit_get(&sched, 1), UNIT_PASSED);
	is_int(take(sl, 0), 3, "a free slot takes it");
	end();
}

static void
test_exclusive(void)
{
	struct sched_slave *sl;

	begin();
	sl = slave(1, "s", "amd64", 4);
	sched_start(&sched, unit("amd64"));
	sched_start(&sched, unit_of(job, "amd64", NULL, true));
	sched_start(&sched, unit("amd64"));
	is_int(take(sl, 0), 1, "the first");
	is_int(take(sl, 0), 3, "exclusive doesn't go beside another");
	is_int(take(sl, 0), 0, "and waits");
	sched_end(&sched, sched_unit_get(&sched, 1), UNIT_PASSED);
	sched_end(&sched, sched_unit_get(&sched, 3), UNIT_PASSED);
	is_int(take(sl, 0), 2, "alone it runs");
	sched_start(&sched, unit("amd64"));
	is_int(take(sl, 0), 0, "nothing goes beside it");
	sched_end(&sched, sched_unit_get(&sched, 2), UNIT_FAILED);
	is_int(take(sl, 0), 4, "until it has ended");
	end();
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
	sched_need(c, a);
	sched_need(c, b);
	sched_need(d, c);
	sched_start(&sched, a);
	sched_start(&sched, b);
	sched_start(&sched, c);
	sched_start(&sched, d);
	is(why(c, 0),
	    "waits for a/b-1.0 (unit 1, ready); waits for a/b-1.0 (unit 2, ready)",
	    "a blocked unit names what it waits for");
	take(sl, 0);
	take(sl, 0);
	is_int(take(sl, 0), 0, "blocked units aren't picked");
	sched_end(&sched, a, UNIT_PASSED);
	is_int(take(sl, 0), 0, "one of two needs is not enough");
	is(why(c, 0), "waits for a/b-1.0 (unit 2, leased)", "one reason less");
	sched_end(&sched, b, UNIT_PASSED);
	is_int(take(sl, 0), 3, "both are");
	sched_end(&sched, c, UNIT_PASSED);
	is_int((long long)job->nopen, 1, "one unit is left");
	ok(!job->failed, "nothing has failed");
	end();
}

static void
test_dep_failed(void)
{
	struct sched_unit *a, *b, *c, *d, **list;
	struct sched_slave *sl;
	struct arena tmp = {0};
	size_t n;

	begin();
	sl = slave(1, "s", "amd64", 10);
	a = unit("amd64");
	b = unit("amd64");
	c = unit("amd64");
	d = unit("amd64");
	sched_need(b, a);
	sched_need(c, b);
	sched_need(c, a);
	sched_start(&sched, a);
	sched_start(&sched, b);
	sched_start(&sched, c);
	sched_start(&sched, d);
	take(sl, 0);
	list = sched_next(a, UNIT_FAILED, &tmp, &n);
	ok(n == 2 && list[0] == b && list[1] == c, "the chain, nearest first");
	ok(b->state == UNIT_BLOCKED, "asking changes nothing");
	sched_end(&sched, a, UNIT_FAILED);
	ok(b->state == UNIT_DEP_FAILED && c->state == UNIT_DEP_FAILED,
	    "what needs it can't run");
	ok(d->state == UNIT_READY && job->nopen == 1, "the other goes on");
	ok(job->failed, "the job will fail");
	arena_release(&tmp);
	end();
}

static void
test_lease(void)
{
	struct sched_slave *one, *two;
	struct sched_unit *a, *b;

	begin();
	one = slave(1, "one", "amd64", 1);
	two = slave(2, "two", "amd64", 1);
	sched_start(&sched, a = unit("amd64"));
	sched_start(&sched, b = unit("amd64"));
	take(one, 0);
	take(two, 10 * S);
	ok(!sched_expired(&sched, 59 * S), "held");
	ok(sched_expired(&sched, 60 * S) == a, "the first one is over");
	sched_renew(&sched, a, 100 * S);
	ok(sched_expired(&sched, 71 * S) == b, "renewed: now the other");
	ok(sched_leased(&sched, b->lease.node.id) == b, "found by number");
	sched_return(&sched, b);
	ok(b->state == UNIT_READY && two->leased == 0, "given back");
	ok(!sched_leased(&sched, 0), "no lease has number 0");
	end();
}

static void
test_refusal(void)
{
	struct sched_slave *one, *two;
	struct sched_unit *u;

	begin();
	one = slave(1, "one", "amd64", 1);
	sched_start(&sched, u = unit("amd64"));
	sched_refuse(u, 1, 60 * S, false, "no room");
	is_int(take(one, 59 * S), 0, "refused for a while");
	is(why(u, 59 * S), "not on one: no room", "which is the reason");
	ok(sched_pick(&sched, one, 60 * S) == u, "not for longer");
	sched_refuse(u, 1, UNTIL_EVER, false, "never");
	ok(!sched_pick(&sched, one, INT64_MAX - 1), "refused for ever");
	sched_refuse(u, 1, UNTIL_EVER, true, "lost it");
	ok(sched_pick(&sched, one, 0) == u, "the only one may try again");
	two = slave(2, "two", "amd64", 1);
	ok(!sched_pick(&sched, one, 0), "but rather another");
	ok(sched_pick(&sched, two, 0) == u, "that is this one");
	end();
}

static void
test_requires(void)
{
	struct sched_slave *sl;
	struct sched_unit *u;

	begin();
	sl = slave(1, "s", "amd64", 1);
	sched_slave_can(sl, "python", "3.8");
	sched_start(&sched, u = unit_of(job, "amd64", "python>=3.9", false));
	is_int(take(sl, 0), 0, "too old");
	is(why(u, 0), "no slave for arch amd64 fulfils python>=3.9", "told so");
	sched_slave_reset(sl, 1);
	sched_slave_arch(sl, "amd64");
	sched_slave_can(sl, "python", "3.11");
	is_int(take(sl, 0), 1, "new enough: 3.11 is more than 3.9");
	sched_start(&sched, u = unit("arm64"));
	is(why(u, 0), "no slave for arch arm64", "no slave at all");
	end();
}

static void
test_cancel(void)
{
	struct sched_unit *a, *b, *c;
	struct sched_slave *sl;

	begin();
	sl = slave(1, "s", "amd64", 1);
	a = unit("amd64");
	b = unit("amd64");
	c = unit("amd64");
	sched_need(c, b);
	sched_start(&sched, a);
	sched_start(&sched, b);
	sched_start(&sched, c);
	take(sl, 0);
	sched_cancel(&sched, job);
	ok(b->state == UNIT_CANCELLED && c->state == UNIT_CANCELLED,
	    "what hasn't begun is cancelled");
	ok(a->state == UNIT_LEASED && sched.nunwanted == 1,
	    "the other is unwanted");
	sched_end(&sched, a, UNIT_CANCELLED);
	ok(job->nopen == 0 && sched.nunwanted == 0, "all is over");
	sched_job_drop(&sched, job);
	ok(!sched_job_get(&sched, 1) && !sched_unit_get(&sched, 1),
	    "forgotten");
	is_int((long long)sched.nready, 0, "nothing is ready");
	end();
}

/* Many units through the heaps, with removals in the middle. */
static void
test_heap(void)
{
	struct sched_slave *sl;
	int64_t last = 0, got;
	bool sorted = true;
	int i, n = 0;

	begin();
	sl = slave(1, "s", "amd64", 100000);
	for (i = 0; i < 5000; i++)
		sched_start(&sched, unit("amd64"));
	for (i = 3; i <= 5000; i += 3)
		sched_end(&sched, sched_unit_get(&sched, i), UNIT_CANCELLED);
	while ((got = take(sl, 0)) != 0) {
		sorted &= got > last && got % 3 != 0;
		last = got;
		n++;
	}
	ok(sorted, "in order, without what was taken out");
	is_int(n, 3334, "all of them");
	end();
}

int
main(void)
{
	test_order();
	test_slots();
	test_exclusive();
	test_needs();
	test_dep_failed();
	test_lease();
	test_refusal();
	test_requires();
	test_cancel();
	test_heap();
	return tap_done();
}
