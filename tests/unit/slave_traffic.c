/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The owner's traffic of a day, dealt out to the workers of all slots: the
 * parent's side and that of a worker, each with pipes instead of the other.
 */
#include "slave/leash.h"
#include "slave/running.h"
#include "slave/worker.h"
#include "base/file.h"
#include "tests/unit/tap.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#define DAY 1000000

static char top[] = "/tmp/autotua-traffic-XXXXXX";
static struct error err;

/* A worker of which only the pipe is there, and who can be killed. */
struct fake {
	struct worker worker;
	int hears;
};

static void
fake_begin(struct fake *f, struct pool *p)
{
	int hold[2] = {-1, -1};

	if (pipe2(hold, O_CLOEXEC | O_NONBLOCK) < 0)
		exit(1);
	*f = (struct fake){.hears = hold[0]};
	f->worker = (struct worker){
	    .next = p->workers, .say = -1, .leash = hold[1], .pid = fork()};
	if (f->worker.pid == 0) {
		pause();
		_exit(0);
	}
	p->workers = &f->worker;
}

static void
fake_end(struct fake *f)
{
	kill(f->worker.pid, SIGKILL);
	waitpid(f->worker.pid, NULL, 0);
	if (f->worker.leash >= 0)
		close(f->worker.leash);
	close(f->hears);
}

/* What the worker is granted; -1: it heard nothing. */
static long long
heard(const struct fake *f)
{
	struct worker_grant g = {0};

	return read(f->hears, &g, sizeof(g)) == (ssize_t)sizeof(g) ? g.bytes
								   : -1;
}

static struct lease *
taken(struct session *s, int lease)
{
	json_t *capsule = json_pack("{s:i, s:i}", "lease", lease, "attempt", 1);
	struct lease *l = lease_take(&s->host, capsule, &err);

	json_decref(capsule);
	if (!l || l->state != LEASE_RUNNING)
		exit(1);
	l->next = s->leases;
	s->leases = l;
	return l;
}

static void
end_leases(struct session *s)
{
	struct lease *l;

	while ((l = s->leases) != NULL) {
		s->leases = l->next;
		lease_over(l);
		lease_free(l);
	}
	s->pool.workers = NULL;
}

static void
test_promises(struct session *s)
{
	struct fake one, two;
	struct lease *a, *b;

	fake_begin(&two, &s->pool);
	fake_begin(&one, &s->pool);
	a = taken(s, 1);
	b = taken(s, 2);
	heard(&one);
	heard(&two);
	lease_line(a, "want 600000");
	is_int(heard(&one), 600000, "a worker may fetch what is left");
	lease_line(b, "want 600000");
	is_int(heard(&two), 0, "another not what is promised to the first");
	lease_line(b, "want 400000");
	is_int(heard(&two), 400000, "but what is left beside");
	is_int(lease_traffic_left(&s->host), 0, "nothing is left now");
	lease_line(a, "moved 100000 500000");
	lease_line(b, "moved 200000 0");
	is_int(s->contract.moved, 300000, "what came is counted");
	is_int(lease_traffic_left(&s->host), 200000,
	    "what doesn't come after all is left for others");
	lease_line(b, "want -5");
	is_int(heard(&two), 0, "less than nothing isn't granted");
	lease_reaped(a, 0);
	is_int(lease_traffic_left(&s->host), 700000,
	    "nor does it come if its worker died");
	fake_end(&one);
	fake_end(&two);
	end_leases(s);
}

/* What comes all the same once the day's traffic is used up. */
static void
test_spent(struct session *s)
{
	json_t *answer = json_pack("{s:[{s:i, s:i}], s:[]}", "capsules",
	    "lease", 7, "attempt", 1, "events");
	struct fake one;

	fake_begin(&one, &s->pool);
	s->greeted = true;
	s->ready_at = INT64_MAX; /* it is ready until then */
	contract_look(&s->contract, time(NULL));
	is_int(claim_room(s), 2, "all slots are free");
	s->contract.waits = s->contract.conf->traffic;
	is_int(claim_room(s), 0, "none while something waits for another day");
	s->contract.waits = 0;
	s->contract.moved = DAY;
	is_int(claim_room(s), 0, "nor when the day's traffic is used up");
	claim_given(s, answer);
	ok(s->leases && s->leases->state == LEASE_KILLED &&
		s->leases->ending.kind == ENDING_REFUSE_SOFT,
	    "what comes then goes back");
	is(s->leases->ending.reason, "its traffic of today is used up",
	    "for that reason");
	s->contract.moved = 0;
	fake_end(&one);
	end_leases(s);
	json_decref(answer);
}

/* What has ended so, with more to send than any day has room for. */
static void
test_beyond(struct session *s)
{
	struct lease l = {.host = &s->host, .state = LEASE_ENDED};

	ending_set(&l.ending, ENDING_DONE, "failed", "");
	ok(lease_is_held(&l, DAY + 1), "more than a day's isn't sent");
	is_int(l.ending.kind, ENDING_REFUSE_HARD, "the unit is refused");
	ending_set(&l.ending, ENDING_DONE, "cancelled", "by the master");
	ok(lease_is_held(&l, DAY + 1), "nor is it of a cancelled one");
	is(l.ending.result, "cancelled", "which stays cancelled");
	is_int(l.ending.kind, ENDING_DONE, "and isn't refused");
	ok(l.out.spoilt, "only its end goes out");
}

/* ---- a worker's side ----------------------------------------------------- */

/* What the parent reads. */
static const char *
told(int fd)
{
	static char text[200];
	ssize_t n = read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void
test_leash(void)
{
	const struct worker_grant all = {.bytes = 700}, none = {0};
	int tell[2], hold[2];
	struct leash l;

	if (pipe2(tell, O_CLOEXEC | O_NONBLOCK) < 0 ||
	    pipe2(hold, O_CLOEXEC | O_NONBLOCK) < 0)
		exit(1);
	leash_init(&l, tell[1], hold[0], 0);
	ok(leash_need(&l, DAY, &err) == 0 && !*told(tell[0]),
	    "without a limit nobody is asked");
	l.day = 1000;
	is_int(write(hold[1], &all, sizeof(all)), sizeof(all), "granted");
	is_int(leash_need(&l, 700, &err), 0, "so it may come");
	is(told(tell[0]), "want 700\n", "having been asked for");
	ok(leash_need(&l, 300, &err) == 0 && !*told(tell[0]),
	    "what is granted isn't asked for again");
	leash_took(&l, 300);
	is_int(write(hold[1], &none, sizeof(none)), sizeof(none), "refused");
	is_int(leash_need(&l, 500, &err), -1, "so more may not");
	is_int(err.code, EAGAIN, "today");
	is(told(tell[0]), "want 100\n", "what lacks was asked for");
	leash_done(&l);
	leash_beside(&l, 50);
	leash_beside(&l, 0);
	leash_tell_now(&l);
	is(told(tell[0]), "moved 300 0\nmoved 50 0\n", "what came is told");
	is_int(leash_need(&l, 1001, &err), -1, "more than a day's");
	is_int(err.code, LEASH_BEYOND, "never");
	ok(!*told(tell[0]), "nobody is asked");
	close(hold[1]);
	is_int(leash_need(&l, 1, &err), -1, "nobody answers any more");
	close(hold[0]);
	close(tell[0]);
	close(tell[1]);
	buf_release(&l.news);
}

int
main(void)
{
	struct session s = {.hello_wait = {0}};

	s.host.spool = spool_open(mkdtemp(top), &err);
	s.state = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	s.settings = (struct slave_conf){.state = top,
	    .chroot_state = top,
	    .traffic = DAY,
	    .slots = 2,
	    .on_battery = true};
	s.conf = s.host.conf = s.pool.conf = &s.settings;
	s.host.calls = &s.calls;
	s.host.contract = &s.contract;
	s.host.session = &s;
	s.host.pool = &s.pool;
	contract_init(&s.contract, s.conf, s.state);
	test_promises(&s);
	test_spent(&s);
	test_beyond(&s);
	test_leash();
	close(s.state);
	close(s.host.spool);
	file_remove_tree(AT_FDCWD, top, &err);
	return tap_done();
}
