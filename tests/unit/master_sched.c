/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "farm.h"

#define DAY (86400 * S)

static struct sched_unit *
unit_of(
    struct sched_job *j, const char *arch, const char *requires, bool exclusive)
{
	const char *words[] = {requires};
	struct sched_wants wants = {.arch = arch,
	    .stage = "",
	    .requires = words,
	    .nrequires = requires != NULL,
	    .exclusive = exclusive};

	return wanting(j, &wants);
}

static struct sched_unit *
unit(const char *arch)
{
	return unit_of(job, arch, NULL, false);
}

static void
test_order(void)
{
	struct sched_job *urgent;
	struct sched_slave *sl;

	begin();
	sl = slave(1, "s", "amd64", 10);
	sched_start(&sched, unit("amd64"), 0);
	sched_start(&sched, unit("amd64"), 0);
	urgent = sched_job_add(&sched, 2, 5, "alpha", 0);
	sched_start(&sched, unit_of(urgent, "amd64", NULL, false), 0);
	sched_start(&sched, unit("arm64"), 0);
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
		sched_start(&sched, u = unit("amd64"), 0);
	ok(take(sl, 0) && take(sl, 0), "two slots, two units");
	is_int(take(sl, 0), 0, "no third one");
	is(why(u, 0), "1 slave matches, none has a free slot",
	    "and the reason is told");
	sched_end(&sched, sched_unit_get(&sched, 1), UNIT_PASSED, 0);
	is_int(take(sl, 0), 3, "a free slot takes it");
	end();
}

static void
test_exclusive(void)
{
	struct sched_slave *sl;

	begin();
	sl = slave(1, "s", "amd64", 4);
	sched_start(&sched, unit("amd64"), 0);
	sched_start(&sched, unit_of(job, "amd64", NULL, true), 0);
	sched_start(&sched, unit("amd64"), 0);
	is_int(take(sl, 0), 1, "the first");
	is_int(take(sl, 0), 3, "exclusive doesn't go beside another");
	is_int(take(sl, 0), 0, "and waits");
	sched_end(&sched, sched_unit_get(&sched, 1), UNIT_PASSED, 0);
	sched_end(&sched, sched_unit_get(&sched, 3), UNIT_PASSED, 0);
	is_int(take(sl, 0), 2, "alone it runs");
	sched_start(&sched, unit("amd64"), 0);
	is_int(take(sl, 0), 0, "nothing goes beside it");
	sched_end(&sched, sched_unit_get(&sched, 2), UNIT_FAILED, 0);
	is_int(take(sl, 0), 4, "until it has ended");
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
	sched_needs(job, (struct sched_edge[]){{b, a}, {c, b}, {c, a}}, 3);
	sched_start(&sched, a, 0);
	sched_start(&sched, b, 0);
	sched_start(&sched, c, 0);
	sched_start(&sched, d, 0);
	take(sl, 0);
	list = sched_next(a, UNIT_FAILED, &tmp, &n);
	ok(n == 2 && list[0] == b && list[1] == c, "the chain, nearest first");
	ok(b->state == UNIT_BLOCKED, "asking changes nothing");
	sched_end(&sched, a, UNIT_FAILED, 0);
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
	sched_start(&sched, a = unit("amd64"), 0);
	sched_start(&sched, b = unit("amd64"), 0);
	take(one, 0);
	take(two, 10 * S);
	ok(!sched_expired(&sched, 59 * S), "held");
	ok(sched_expired(&sched, 60 * S) == a, "the first one is over");
	sched_renew(&sched, a, 100 * S);
	ok(sched_expired(&sched, 71 * S) == b, "renewed: now the other");
	ok(sched_leased(&sched, b->lease->id) == b, "found by number");
	sched_return(&sched, b, 0);
	ok(b->state == UNIT_READY && two->leased == 0, "given back");
	ok(!sched_leased(&sched, 0), "no lease has number 0");
	end();
}

static int64_t
until(struct sched_unit *u, int64_t now)
{
	struct sched_reason *list;
	struct arena a = {0};
	int64_t at = 0;

	if (sched_reasons(&sched, u, now, &a, &list) > 0)
		at = list[0].until;
	arena_release(&a);
	return at;
}

/* Of the slaves that have no room, whatever else there is to say. */
static int64_t
until_busy(struct sched_unit *u)
{
	struct sched_reason *list;
	struct arena a = {0};
	int64_t at = -1;
	size_t i, n = sched_reasons(&sched, u, DAY, &a, &list);

	for (i = 0; i < n; i++) {
		if (list[i].kind == REASON_BUSY)
			at = list[i].until;
	}
	arena_release(&a);
	return at;
}

static void
test_refusal(void)
{
	struct sched_slave *one, *two;
	struct sched_unit *u;

	begin();
	one = slave(1, "one", "amd64", 1);
	sched_start(&sched, u = unit("amd64"), 0);
	sched_refuse(&sched, u, 1, 60 * S, false, "no room");
	is_int(take(one, 59 * S), 0, "refused for a while");
	is(why(u, 59 * S), "not on one: no room", "which is the reason");
	ok(sched_pick(&sched, one, 60 * S) == u, "not for longer");
	one->own_words = "out of its hours";
	one->own_until = 90 * S;
	sched_slave_close(&sched, one, one->own_words);
	is(why(u, 59 * S), "not on one: out of its hours",
	    "why the slave is closed goes before");
	is_int(until(u, 59 * S), 90 * S, "with its own time");
	sched_slave_close(&sched, one, "drained");
	is_int(until(u, 59 * S), 0, "an administrator's word has none");
	sched_slave_close(&sched, one, NULL);
	is(why(u, 59 * S), "not on one: no room", "open: the refusal again");
	sched_refuse(&sched, u, 1, UNTIL_EVER, false, "never");
	ok(!sched_pick(&sched, one, INT64_MAX - 1), "refused for ever");
	sched_slave_close(&sched, one, one->own_words);
	is(why(u, 59 * S), "not on one: never", "which closing doesn't hide");
	sched_slave_close(&sched, one, NULL);
	sched_forgive(&sched, 2, true);
	ok(!sched_pick(&sched, one, 0), "another's word changes nothing");
	sched_forgive(&sched, 1, false);
	ok(!sched_pick(&sched, one, 0), "nor what is only for a while");
	sched_forgive(&sched, 1, true);
	ok(sched_pick(&sched, one, 0) == u, "its own does");
	sched_refuse(&sched, u, 1, UNTIL_EVER, true, "lost it");
	ok(sched_pick(&sched, one, 0) == u, "the only one may try again");
	two = slave(2, "two", "amd64", 1);
	ok(!sched_pick(&sched, one, 0), "but rather another");
	sched_forgive(&sched, 1, true);
	ok(!sched_pick(&sched, one, 0), "which is not forgiven");
	ok(sched_pick(&sched, two, 0) == u, "that is this one");
	sched_refuse(&sched, u, 1, 60 * S, false, "no room");
	ok(!sched_pick(&sched, one, 61 * S),
	    "nor by what it has refused since, which is over");
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
	sched_slave_ready(&sched, sl);
	sched_start(&sched, u = unit_of(job, "amd64", "python>=3.9", false), 0);
	is_int(take(sl, 0), 0, "too old");
	is(why(u, 0), "no slave for arch amd64 fulfils python>=3.9", "told so");
	sched_slave_reset(sl, 1);
	sched_slave_arch(sl, "amd64");
	sched_slave_can(sl, "python", "3.11");
	sched_slave_ready(&sched, sl);
	is_int(take(sl, 0), 1, "new enough: 3.11 is more than 3.9");
	sched_start(&sched, u = unit("arm64"), 0);
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
	sched_needs(job, &(struct sched_edge){c, b}, 1);
	sched_start(&sched, a, 0);
	sched_start(&sched, b, 0);
	sched_start(&sched, c, 0);
	take(sl, 0);
	sched_cancel(&sched, job, 0);
	ok(b->state == UNIT_CANCELLED && c->state == UNIT_CANCELLED,
	    "what hasn't begun is cancelled");
	ok(a->state == UNIT_LEASED && sched.nunwanted == 1,
	    "the other is unwanted");
	sched_end(&sched, a, UNIT_CANCELLED, 0);
	ok(job->nopen == 0 && sched.nunwanted == 0, "all is over");
	sched_job_drop(&sched, job);
	ok(!sched_job_get(&sched, 1) && !sched_unit_get(&sched, 1),
	    "forgotten");
	is_int((long long)sched.nready, 0, "nothing is ready");
	end();
}

/* A class that was empty for a while knows of slaves that came meanwhile. */
static void
test_class_again(void)
{
	struct sched_job *again;
	struct sched_unit *u;

	begin();
	sched_start(&sched, u = unit("arm64"), 0);
	sched_end(&sched, u, UNIT_CANCELLED, 0);
	sched_job_drop(&sched, job);
	ok(!sched.classes, "nobody is in any class");
	again = sched_job_add(&sched, 2, 0, "alpha", 0);
	slave(1, "s", "arm64", 1);
	sched_start(&sched, unit_of(again, "arm64", NULL, false), 0);
	is_int(take(sched_slave(&sched, 1, "s"), 0), 2, "used again");
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
		sched_start(&sched, unit("amd64"), 0);
	for (i = 3; i <= 5000; i += 3)
		sched_end(&sched, sched_unit_get(&sched, i), UNIT_CANCELLED, 0);
	while ((got = take(sl, 0)) != 0) {
		sorted &= got > last && got % 3 != 0;
		last = got;
		n++;
	}
	ok(sorted, "in order, without what was taken out");
	is_int(n, 3334, "all of them");
	end();
}

/* ---- whose turn it is ---------------------------------------------------- */

#define HOUR (3600 * S)

static void
test_share(void)
{
	struct sched_job *other;
	struct sched_slave *sl;
	int64_t got[4];
	int i;

	begin();
	other = sched_job_add(&sched, 2, 1000, "beta", 0);
	sl = slave(1, "s", "amd64", 100);
	for (i = 0; i < 4; i++)
		sched_start(&sched, unit("amd64"), 0);
	for (i = 0; i < 4; i++)
		sched_start(&sched, unit_of(other, "amd64", NULL, false), 0);
	for (i = 0; i < 4; i++)
		got[i] = take(sl, 0);
	ok(got[0] == 5 && got[1] == 1 && got[2] == 6 && got[3] == 2,
	    "priority breaks the tie, then each user has every other one");
	sched_charge(&sched, "beta", 100000, 0);
	ok(take(sl, 0) == 3 && take(sl, 0) == 4,
	    "who had more waits for the other");
	is_int(take(sl, 0), 7, "and has what is left");
	ok(sched_usage(&sched, "beta", 0) > 100000 &&
		sched_usage(&sched, "beta", 24 * HOUR) < 50200,
	    "after a half-life half of it counts");
	ok(sched_usage(&sched, "nobody", 0) < 1, "a stranger had nothing");
	end();
}

static void
test_share_corrected(void)
{
	struct sched_slave *sl;
	struct sched_unit *u;

	begin();
	sl = slave(1, "s", "amd64", 1);
	sched_start(&sched, u = unit("amd64"), 0);
	take(sl, 0);
	ok(sched_usage(&sched, "alpha", 0) > 59, "charged ahead as typical");
	sched_end(&sched, u, UNIT_PASSED, 5 * S);
	ok(sched_usage(&sched, "alpha", 5 * S) > 4.9 &&
		sched_usage(&sched, "alpha", 5 * S) < 5.1,
	    "and then what it was");
	end();
}

static void
test_age(void)
{
	struct sched_job *late, *later, *lane;
	struct sched_slave *sl;

	begin();
	sl = slave(1, "s", "amd64", 100);
	late = sched_job_add(&sched, 2, 3, "alpha", 2 * HOUR);
	later = sched_job_add(&sched, 3, 3, "alpha", 5 * HOUR);
	lane = sched_job_add(&sched, 4, 0, "alpha", 9 * HOUR);
	lane->security = true;
	sched_start(&sched, unit("amd64"), 0);
	sched_start(&sched, unit_of(late, "amd64", NULL, false), 0);
	sched_start(&sched, unit_of(later, "amd64", NULL, false), 0);
	sched_start(&sched, unit_of(lane, "amd64", NULL, false), 0);
	is_int(take(sl, 0), 4, "the security lane goes before all");
	is_int(take(sl, 0), 2, "a point of priority is an hour of age");
	sched_job_priority(&sched, later, 9);
	is_int(take(sl, 0), 3, "a higher one, given later");
	is_int(take(sl, 0), 1, "and what is left");
	end();
}

static void
test_rank(void)
{
	struct sched_unit *a, *b, *c, *d;
	struct sched_slave *sl;

	begin();
	sl = slave(1, "s", "amd64", 1);
	a = unit("amd64");
	b = unit("amd64");
	c = unit("amd64");
	d = unit("amd64");
	c->expect = 10;
	d->expect = 1000;
	sched_needs(job, (struct sched_edge[]){{c, a}, {d, b}}, 2);
	sched_job_rank(&sched, job);
	ok(b->rank > 1059 && b->rank < 1061 && a->rank < 71,
	    "a rank is the work from here to the end");
	sched_start(&sched, a, 0);
	sched_start(&sched, b, 0);
	sched_start(&sched, c, 0);
	sched_start(&sched, d, 0);
	is_int(take(sl, 0), 2, "the longer chain is begun first");
	end();
}

/* ---- events -------------------------------------------------------------- */

static void
test_turn(void)
{
	struct sched_slave *one, *two;
	struct sched_unit *a, *b;
	int who;

	begin();
	one = slave(1, "one", "arm64", 1);
	two = slave(2, "two", "amd64", 1);
	sched_wait(&sched, one, &who);
	sched_wait(&sched, two, &who);
	ok(!sched_turn(&sched, 0), "nothing is there");
	sched_start(&sched, a = unit("amd64"), 0);
	ok(sched_turn(&sched, 0) == two, "a ready unit wakes who can have it");
	take(two, 0);
	ok(!sched_turn(&sched, 0), "and nobody else");
	b = unit("amd64");
	sched_needs(job, &(struct sched_edge){b, a}, 1);
	sched_start(&sched, b, 0);
	sched_end(&sched, a, UNIT_PASSED, 0);
	ok(sched_turn(&sched, 0) == two, "so does what becomes ready");
	sched_refuse(&sched, b, 2, 60 * S, false, "no");
	ok(!sched_turn(&sched, 0), "not what it refused");
	is_int(sched_wake(&sched) / S, 60, "until when is known");
	ok(sched_turn(&sched, 60 * S) == two, "and then again");
	sched_wait(&sched, two, NULL);
	ok(!sched_turn(&sched, 60 * S), "not one who doesn't wait");
	end();
}

/* Slaves that get nothing have no slot for it, however soon one is free. */
static void
test_free(void)
{
	struct sched_slave *one, *two, *three;
	struct sched_unit *u;

	begin();
	sched.patience = 100 * S;
	one = slave(1, "one", "amd64", 1);
	two = slave(2, "two", "amd64", 1);
	three = slave(3, "three", "amd64", 1);
	one->seen = two->seen = three->seen = DAY;
	sched_start(&sched, u = unit("amd64"), 0);
	u->expect = 10;
	take(one, DAY);
	sched_start(&sched, u = unit("amd64"), 0);
	u->expect = 20;
	take(two, DAY);
	sched_start(&sched, u = unit("amd64"), 0);
	u->expect = 30;
	take(three, DAY);
	sched_start(&sched, u = unit("amd64"), 0);
	is_int(until(u, DAY), DAY + 10 * S, "when the first slot is free");
	sched_slave_close(&sched, one, "drained");
	is_int(until_busy(u), DAY + 20 * S, "not one of a drained slave");
	sched_slave_close(&sched, one, NULL);
	sched_slave_pause(&sched, one, DAY + 90 * S, DAY);
	is_int(until_busy(u), DAY + 20 * S, "or of one in quarantine");
	sched_slave_pause(&sched, one, 0, DAY);
	one->seen = DAY - 200 * S;
	is_int(until_busy(u), DAY + 20 * S, "or of one that isn't there");
	one->seen = DAY;
	sched_refuse(&sched, u, 1, DAY + 95 * S, false, "no");
	is_int(until_busy(u), DAY + 20 * S, "or of one that refused it");
	end();
}

/* The clock goes a day forward, or back, in the middle of it. */
static void
test_clock(int64_t by)
{
	struct sched_slave *one, *two;
	struct sched_unit *a, *b;

	begin();
	one = slave(1, "one", "amd64", 1);
	two = slave(2, "two", "amd64", 1);
	one->seen = two->seen = DAY;
	sched.patience = 10 * S;
	sched_start(&sched, a = unit("amd64"), DAY);
	sched_start(&sched, b = unit("amd64"), DAY);
	sched_lease(&sched, a, one, 1, DAY, DAY + 5 * S);
	sched_refuse(&sched, b, 2, DAY + 7 * S, false, "no");
	sched_refuse(&sched, b, 1, UNTIL_EVER, false, "never");
	sched_slave_pause(&sched, two, DAY + 9 * S, DAY);
	sched_move(&sched, by);
	ok(!sched_expired(&sched, DAY + by + 4 * S), "a lease goes on");
	ok(sched_expired(&sched, DAY + by + 5 * S) == a, "as long as before");
	ok(sched_is_online(&sched, one, DAY + by + 9 * S), "a slave is there");
	ok(!sched_is_online(&sched, one, DAY + by + 11 * S),
	    "and is missed in time");
	is_int(sched_wake(&sched), DAY + by + 7 * S, "a refusal ends in time");
	is_int(two->paused_until, DAY + by + 9 * S, "so does a pause");
	ok(sched_refusals(&sched, b)->until == UNTIL_EVER,
	    "but what has no end");
	is_int(b->ready, DAY + by, "a unit has waited as long as before");
	is_int((int64_t)(sched_usage(&sched, "alpha", DAY + by) + 0.5),
	    (int64_t)(a->lease->charged + 0.5), "and its user had as much");
	sched_end(&sched, a, UNIT_PASSED, DAY + by + 4 * S);
	end();
}

int
main(void)
{
	test_order();
	test_slots();
	test_exclusive();
	test_dep_failed();
	test_lease();
	test_refusal();
	test_requires();
	test_cancel();
	test_heap();
	test_class_again();
	test_share();
	test_share_corrected();
	test_age();
	test_rank();
	test_turn();
	test_free();
	test_clock(DAY);
	test_clock(-7200 * S);
	return tap_done();
}
