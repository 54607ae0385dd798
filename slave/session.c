/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slave/session.h"
#include "slave/running.h"
#include "slave/control.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/proc.h"
#include "run/jailer.h"
#include "tree/tree.h"
#include "tree/sign/sign.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define STOP_TIME  5000   /* milliseconds for giving leases back */
#define GRACE      120000 /* milliseconds, until hello says another */
#define PROBE_MAX  (1 << 20)
#define LOOK_EVERY 10000 /* milliseconds between looks at the contract */

/* ---- signals and children -------------------------------------------------
 */

static void
stop(struct session *s)
{
	struct lease *l;

	if (s->stopping) {
		/* the workers die with us, and their jails with them */
		log_warn("stopped at once");
		_exit(1);
	}
	log_info("stopping");
	s->stopping = true;
	s->stop_by = s->host.now + STOP_TIME;
	call_cancel(&s->calls, s->claim);
	call_cancel(&s->calls, s->last_claim);
	call_cancel(&s->calls, s->hello);
	s->claim = s->last_claim = s->hello = NULL;
	for (l = s->leases; l; l = l->next)
		lease_stop(l);
}

static void
reap(struct session *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == s->probe) {
			probe_reaped(s, status);
		} else if (pid == s->jailer) {
			s->failed = true;
			fail(s->err, "autotua-chroot ended: %s",
			    proc_status_text(status));
		} else {
			(void)pool_reaped(&s->pool, pid, status);
			spool_drop_work(s->host.spool, pid);
		}
	}
}

/*
 * Settings that are wrong change nothing: the old ones go on. What runs keeps
 * those that it began with, but for the contract.
 */
static void
reload(struct session *s)
{
	struct slave_conf new;
	struct arena a = {0};
	struct error err;

	notify_reloading();
	if (conf_reload(&new, s->start, &a, &err) < 0) {
		log_err("reload: %s; the former settings stay", err.msg);
		arena_release(&a);
	} else {
		arena_release(&s->read);
		s->read = a;
		s->settings = new;
		control_read(s->lock, &s->settings);
		pool_renew(&s->pool);
		s->next_look = 0;
		s->hello_due = true;
		log_info("settings read again");
	}
	s->next_probe = 0;
	notify("READY=1");
}

static void
read_signals(struct session *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGCHLD:
			reap(s);
			break;
		case SIGHUP:
			if (!s->stopping)
				reload(s);
			break;
		case SIGUSR1:
			log_info("stopping when what runs is finished");
			s->finishing = true;
			break;
		case SIGUSR2:
			s->next_look = 0;
			break;
		default:
			stop(s);
			break;
		}
	}
}

/* ---- the lender's contract ------------------------------------------------
 */

static void
contract_turn(struct session *s)
{
	struct contract *c = &s->contract;
	struct lease *l;

	/* what is used up isn't waited for */
	if (!*c->closed && contract_is_spent(c))
		s->next_look = 0;
	if (s->host.now < s->next_look || s->stopping)
		return;
	s->next_look = s->host.now + LOOK_EVERY;
	contract_save(c);
	if (!contract_look(c, time(NULL)))
		return;
	if (*c->closed)
		log_info("closed reason=\"%s\"", c->closed);
	else
		log_info("open");
	s->hello_due = true;
	for (l = s->leases; *c->ends && l; l = l->next)
		lease_give_back(l, c->ends);
}

/* ---- the loop -------------------------------------------------------------
 */

static void
turn(struct session *s)
{
	struct lease **at = &s->leases, *l;

	while ((l = *at) != NULL) {
		lease_turn(l);
		if (l->state == LEASE_OVER) {
			/* it may have made layers */
			s->hello_soon = true;
			*at = l->next;
			lease_free(l);
		} else {
			at = &l->next;
		}
	}
	contract_turn(s);
	probe_turn(s);
	hello_turn(s);
	renew_turn(s);
	claim_turn(s);
	tell_turn(s);
}

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Milliseconds until something is due by itself. */
static int
time_left(const struct session *s)
{
	int64_t due = s->host.now + 60000;
	const struct lease *l;

	for (l = s->leases; l; l = l->next)
		due = least(due, lease_due(l));
	if (s->stopping)
		due = least(due, s->stop_by);
	else if (s->probe <= 0)
		due = least(due, s->next_probe);
	if (!s->stopping)
		due = least(due, s->next_look);
	if (s->hello_due && !s->hello && s->about && !s->stopping)
		due = least(due, s->hello_wait.at);
	if (s->greeted && !s->claim && !s->stopping)
		due = least(due, s->claim_wait.at);
	if (!s->stopping)
		due = least(due, renew_due(s));
	due = least(due, tell_due(s));
	if (due <= s->host.now)
		return 0;
	return (int)(due - s->host.now);
}

static void
watch(struct curl_waitfd *fds, unsigned *n, int fd)
{
	if (fd < 0)
		return;
	fds[*n].fd = fd;
	fds[*n].events = CURL_WAIT_POLLIN;
	fds[(*n)++].revents = 0;
}

/* The descriptors that may wake the loop besides those of calls. */
static unsigned
watched(const struct session *s, struct curl_waitfd *fds, unsigned max)
{
	unsigned n = 0;

	watch(fds, &n, s->signals);
	watch(fds, &n, s->probe_fd);
	pool_watch(&s->pool, fds, &n, max);
	return n;
}

/* Is anything left but what waits for another day, which the spool keeps? */
static bool
has_work(const struct session *s)
{
	const struct lease *l;

	for (l = s->leases; l; l = l->next) {
		if (l->state != LEASE_ENDED || !l->out.held)
			return true;
	}
	return false;
}

static bool
is_finished(const struct session *s)
{
	if (s->failed)
		return true;
	if (s->stopping)
		return !s->leases || s->host.now >= s->stop_by;
	return s->finishing ? !has_work(s) : s->idle && !s->leases;
}

static void
loop(struct session *s)
{
	/* signals, the probe, and each slot's worker */
	struct curl_waitfd fds[2 + SLOTS_MAX];
	unsigned n;

	for (;;) {
		s->host.now = clock_ms();
		turn(s);
		if (is_finished(s))
			return;
		n = watched(s, fds, sizeof(fds) / sizeof(fds[0]));
		calls_wait(&s->calls, fds, n, time_left(s));
		s->host.now = clock_ms();
		read_signals(s);
		if (s->probe_fd >= 0)
			probe_listen(s);
		pool_listen(&s->pool);
		calls_turn(&s->calls);
		contract_moved(&s->contract, s->calls.moved, time(NULL));
		s->calls.moved = 0;
	}
}

static void
recover(void *ctx, int64_t id)
{
	struct session *s = ctx;
	struct error err;
	struct lease *l = lease_recover(&s->host, id, &err);

	if (!l) {
		log_warn(
		    "spool folder %" PRId64 " was no lease: %s", id, err.msg);
		return;
	}
	l->next = s->leases;
	s->leases = l;
}

/* One slave a state folder. */
static int
open_state(struct session *s, struct error *err)
{
	s->state = open(s->conf->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->state < 0)
		return fail_errno(err, "open %s", s->conf->state);
	s->lock = control_lock(s->state, s->conf->state, err);
	if (s->lock < 0)
		return -1;
	control_read(s->lock, s->start);
	heard_read(&s->heard, s->state);
	contract_init(&s->contract, s->conf, s->state);
	return 0;
}

static int
open_signals(struct session *s, struct error *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signals < 0)
		return fail_errno(err, "signalfd");
	return 0;
}

static void
session_close(struct session *s)
{
	struct lease *l;

	while ((l = s->leases) != NULL) {
		s->leases = l->next;
		lease_free(l);
	}
	pool_close(&s->pool);
	if (s->calls.multi) {
		call_cancel(&s->calls, s->claim);
		call_cancel(&s->calls, s->last_claim);
		call_cancel(&s->calls, s->hello);
		renew_close(s);
		calls_close(&s->calls);
	}
	if (s->host.spool >= 0)
		close(s->host.spool);
	if (s->signals >= 0)
		close(s->signals);
	if (s->lock >= 0) {
		contract_save(&s->contract);
		close(s->lock);
	}
	if (s->state >= 0)
		close(s->state);
	if (s->probe_fd >= 0)
		close(s->probe_fd);
	buf_release(&s->probe_text);
	json_decref(s->about);
	arena_release(&s->arena);
	arena_release(&s->read);
}

int
session_run(const struct slave_conf *c, const struct jailer *jailer, bool once,
    struct error *err)
{
	struct session s = {.start = c,
	    .settings = *c,
	    .jailer = jailer->pid,
	    .host = {.spool = -1, .grace = GRACE},
	    .signals = -1,
	    .lock = -1,
	    .state = -1,
	    .once = once,
	    .probe = -1,
	    .probe_fd = -1,
	    .err = err};
	int rc = -1;

	buf_init(&s.probe_text, PROBE_MAX);
	s.host.session = &s;
	s.host.calls = &s.calls;
	s.host.contract = &s.contract;
	s.conf = s.host.conf = s.pool.conf = &s.settings;
	s.host.pool = &s.pool;
	s.host.now = clock_ms();
	if (open_state(&s, err) < 0)
		goto out;
	sign_warm_up();
	/* for the workers, which inherit it: it takes milliseconds */
	if (tree_warm_up(err) < 0)
		goto out;
	if (open_signals(&s, err) < 0)
		goto out;
	if (renew_recover(c, err) < 0 ||
	    calls_open(&s.calls, c, &s.arena, err) < 0)
		goto out;
	s.host.spool = spool_open(conf_path(c, &s.arena, "spool"), err);
	if (s.host.spool < 0 || spool_each(s.host.spool, recover, &s, err) < 0)
		goto out;
	tell_ready(&s);
	loop(&s);
	notify("STOPPING=1");
	rc = s.failed ? -1 : 0;
out:
	session_close(&s);
	return rc;
}
