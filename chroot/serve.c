/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation. One loop over two descriptors: the socket, and the
 * signals. What takes a moment is done in it; all else in a child of its own
 * for each request, so that the death of one harms no other. A child gets
 * SIGTERM when we die, when the client does, or when it asks for that, and
 * cleans up after itself; who can't any more (it was killed) is cleaned up
 * after by a child that recovers.
 *
 * One child more is there ahead of the next run, see spare.h: it gets the
 * request instead of a child that has to be made first.
 */
#include "chroot/serve.h"
#include "chroot/doctor.h"
#include "chroot/sys/id.h"
#include "chroot/store/import.h"
#include "chroot/store/layer.h"
#include "chroot/jail/jail.h"
#include "chroot/step/prepare.h"
#include "chroot/jail/ready.h"
#include "chroot/step/spare.h"
#include "chroot/store/stage.h"
#include "chroot/store/state.h"
#include "chroot/sys/sys.h"
#include "chroot/jail/uplink.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN_MAX 1024
#define PATIENCE     8000 /* ms that children have to clean up */

struct child {
	pid_t pid;
	char job[72]; /* of a run; else "" */
};

struct server {
	struct state *state;
	const struct serve_options *o;
	int signals;
	sigset_t before;
	struct child children[CHILDREN_MAX + 1]; /* the spare at the end */
	size_t nchildren;
	struct spare spare;
	struct limits last;   /* of the last run */
	struct limits placed; /* those that places is for */
	struct cgroup places; /* of control groups */
	int overlay;          /* can be used: 1; can't: -1; not tried yet: 0 */
	bool over, killed;
};

/* ---- answers ------------------------------------------------------------- */

static void
answer_fill(struct request_answer *a, int code, const char *text)
{
	*a = (struct request_answer){.magic = REQUEST_MAGIC, .code = code};
	snprintf(a->text, sizeof(a->text), "%s", text);
}

/* Who doesn't read has gone, or has itself to blame. */
static void
answer_send(const struct message *m, const void *p, size_t n)
{
	struct pollfd full = {.fd = m->fds[REQUEST_ANSWER], .events = POLLOUT};
	struct error none;

	if (full.fd >= 0 && poll(&full, 1, 0) == 1)
		(void)file_write_all(full.fd, p, n, &none);
}

static void
answer(const struct message *m, int code, const struct error *err)
{
	struct request_answer a;

	answer_fill(&a, code, code == CODE_OK ? "" : err->msg);
	a.error = code == CODE_TROUBLE ? err->code : 0;
	answer_send(m, &a, sizeof(a));
}

static int
code_of(int rc, const struct error *err)
{
	if (rc == 0)
		return CODE_OK;
	return err->code == ENOENT ? CODE_MISSING : CODE_TROUBLE;
}

/* ---- what a child does --------------------------------------------------- */

static int
do_import(struct server *s, const struct message *m, struct error *err)
{
	char id[KEY_HEX];

	return code_of(import_stage_fd(s->state, m->fds[REQUEST_TARBALL],
			   m->q.name[0] ? m->q.name : NULL, m->q.id, id, err),
	    err);
}

/* The answer has the items behind it, so it is sent here. */
static int
do_list(struct server *s, struct message *m)
{
	struct request_answer answer;
	struct request_item item;
	struct arena a = {0};
	struct stage_list l;
	struct error none;
	size_t i;
	int fd = m->fds[REQUEST_ANSWER];

	stage_list(s->state, &a, &l);
	answer_fill(&answer, CODE_OK, "");
	answer.items = (uint32_t)l.n;
	if (file_write_all(fd, &answer, sizeof(answer), &none) < 0)
		l.n = 0;
	for (i = 0; i < l.n; i++) {
		item = (struct request_item){.kind = l.items[i].kind,
		    .size = l.items[i].size,
		    .used = l.items[i].used};
		memcpy(item.id, l.items[i].id, KEY_HEX);
		memcpy(item.name, l.items[i].name, sizeof(item.name));
		if (file_write_all(fd, &item, sizeof(item), &none) < 0)
			break;
	}
	close(fd);
	m->fds[REQUEST_ANSWER] = -1;
	arena_release(&a);
	return CODE_OK;
}

/* Its text comes behind the answer too. */
static int
do_capabilities(struct server *s, struct message *m, struct error *err)
{
	struct request_answer answer;
	struct error none;
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	int rc;

	if (!out)
		return code_of(fail_errno(err, "capabilities"), err);
	rc = doctor_capabilities(out, s->state, s->o->allow_rootful, err);
	if (fclose(out) != 0)
		rc = fail_errno(err, "capabilities");
	if (rc >= 0) {
		answer_fill(&answer, CODE_OK, "");
		answer.items = (uint32_t)n;
		if (file_write_all(m->fds[REQUEST_ANSWER], &answer,
			sizeof(answer), &none) == 0)
			(void)file_write_all(
			    m->fds[REQUEST_ANSWER], text, n, &none);
		close(m->fds[REQUEST_ANSWER]);
		m->fds[REQUEST_ANSWER] = -1;
	}
	free(text);
	return rc < 0 ? code_of(rc, err) : CODE_OK;
}

static int
do_recover(struct server *s, struct error *err)
{
	int rc = state_recover(s->state, err);

	return code_of(rc < 0 ? rc : state_sweep(s->state, err), err);
}

static int
work(struct server *s, struct message *m, struct error *err)
{
	switch ((enum request_kind)m->q.kind) {
	case REQUEST_IMPORT:
		return do_import(s, m, err);
	case REQUEST_LIST:
		return do_list(s, m);
	case REQUEST_CAPABILITIES:
		return do_capabilities(s, m, err);
	case REQUEST_REMOVE:
		return code_of(stage_remove(s->state, m->q.id, err), err);
	case REQUEST_RECOVER:
		return do_recover(s, err);
	case REQUEST_HAS:
	case REQUEST_READY:
	case REQUEST_KILL:
	case REQUEST_RUN:
	case REQUEST_KINDS:
		break;
	}
	return CODE_BROKEN;
}

/*
 * A run, prepared ahead or not. The answer is what somebody waits for; to
 * delete what the run has left needs nobody to.
 */
static _Noreturn void
run_and_exit(struct server *s, struct message *m, struct run *r)
{
	struct run_options o;
	struct error err = {0};
	struct arena a = {0};
	int code = CODE_USAGE;

	if (serve_run_options(s->o, m, &o, &a, &err) == 0)
		code = run_work(r, &o, &err);
	else
		run_cancel(r);
	answer(m, code, &err);
	state_sweep_and_exit(s->state);
}

/* In the fresh child: nothing of the server's but the state's folders. */
static int
become_child(struct server *s, pid_t server, struct error *err)
{
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != server)
		_exit(CODE_TROUBLE);
	close(s->o->socket);
	close(s->signals);
	spare_close(&s->spare);
	/* a lock is its open file's, which the server has too */
	return state_reopen(s->state, err);
}

static _Noreturn void
child(struct server *s, struct message *m, pid_t server)
{
	struct error err = {0};
	sigset_t none;
	struct run r;
	int code = CODE_TROUBLE, rc = become_child(s, server, &err);

	/* a run takes them as data; all others die of them */
	sigemptyset(&none);
	if (m->q.kind != REQUEST_RUN)
		sigprocmask(SIG_SETMASK, &none, NULL);
	else if (rc == 0 && (rc = run_begin(&r, s->state, &err)) == 0)
		run_and_exit(s, m, &r);
	if (rc == 0)
		code = work(s, m, &err);
	answer(m, code, &err);
	_exit(code);
}

/* A request, or else the end. */
static bool
comes(const struct run *r, int socket)
{
	struct pollfd p[2] = {{.fd = r->watch.signals, .events = POLLIN},
	    {.fd = socket, .events = POLLIN}};

	while (poll(p, 2, -1) < 0)
		continue;
	return p[0].revents == 0;
}

/* The child that is there ahead, at its end of the socket. */
static _Noreturn void
wait_for_run(struct server *s, int socket, pid_t server)
{
	struct serve_options own = *s->o;
	struct run_options o;
	struct message m;
	struct error err;
	struct run r;

	if (become_child(s, server, &err) < 0 ||
	    run_begin(&r, s->state, &err) < 0)
		_exit(CODE_TROUBLE);
	run_defaults(&o);
	o.without = own.without;
	o.limits = s->last; /* the next one's are likely of the same kinds */
	own.socket = socket;
	if (prepare_ahead(&r, &o, &s->places, &err) < 0) {
		/* a request may be here already, and can mean other options */
		run_cancel(&r);
		if (run_begin(&r, s->state, &err) < 0)
			_exit(CODE_TROUBLE);
	}
	if (comes(&r, socket) && serve_receive(&own, &m, &err) == 1) {
		close(socket);
		run_and_exit(s, &m, &r);
	}
	run_cancel(&r);
	state_sweep_and_exit(s->state);
}

/* ---- what is done at once ------------------------------------------------ */

/* No run would take the layer, so that it is made again. */
static bool
is_hidden(struct server *s, int ok)
{
	if (layer_is_rootful(ok) && !s->o->rootful)
		return true;
	if (layer_is_whole(ok))
		return false;
	if (s->overlay == 0)
		s->overlay = doctor_overlay(s->state, s->o->without) ? 1 : -1;
	return s->overlay < 0;
}

static int
do_has(struct server *s, const struct request *q, struct error *err)
{
	bool hidden, layer = (q->flags & REQUEST_LAYER) != 0;
	int fd = layer ? layer_hold(s->state, q->id, err)
		       : state_hold(s->state, IMAGE_STAGE, q->id, err);

	if (fd < 0)
		return code_of(-1, err);
	hidden = layer && is_hidden(s, fd);
	close(fd);
	return hidden ? CODE_MISSING : CODE_OK;
}

static int
do_kill(struct server *s, const struct request *q, struct error *err)
{
	bool found = false;
	size_t i;

	/* one of them may have answered, and delete what it has left */
	for (i = 0; i < s->nchildren; i++) {
		if (strcmp(s->children[i].job, q->job) == 0) {
			(void)kill(s->children[i].pid, SIGTERM);
			found = true;
		}
	}
	if (found)
		return CODE_OK;
	fail(err, "no run is called %s", q->job);
	return CODE_MISSING;
}

/* ---- children ------------------------------------------------------------ */

static void
add_child(struct server *s, pid_t pid, const char job[72])
{
	struct child *c = &s->children[s->nchildren++];

	c->pid = pid;
	memcpy(c->job, job, sizeof(c->job));
}

static int
start(struct server *s, struct message *m, struct error *err)
{
	pid_t pid, server = getpid();

	if (s->nchildren == CHILDREN_MAX)
		return fail(err, "more than %d requests at once", CHILDREN_MAX);
	if (m->q.kind == REQUEST_RUN) {
		serve_limits(s->o, &m->q, &s->last);
		pid = spare_give(&s->spare, m);
		if (pid > 0) {
			add_child(s, pid, m->q.job);
			return 0;
		}
	}
	pid = fork();
	if (pid == 0)
		child(s, m, server);
	if (pid < 0)
		return fail_errno(err, "fork");
	add_child(s, pid, m->q.job);
	return 0;
}

/* Where groups are made is looked for once, and not for each run. */
static void
find_places(struct server *s)
{
	if (prepare_same_kinds(&s->placed, &s->last))
		return;
	cgroup_find(&s->places, &s->last, s->o->without);
	s->placed = s->last;
}

/* For the next run; it can as well do without. */
static void
make_spare(struct server *s)
{
	pid_t pid, server = getpid();
	int socket = spare_open(&s->spare);

	if (socket < 0)
		return;
	find_places(s);
	pid = fork();
	if (pid == 0)
		wait_for_run(s, socket, server);
	close(socket);
	s->spare.pid = pid;
	if (pid < 0)
		spare_fail(&s->spare);
}

/* Its folder is still there, and has no lock. */
static void
recover(struct server *s)
{
	struct message m = {.q = {.kind = REQUEST_RECOVER}};
	struct error err;

	memset(m.fds, -1, sizeof(m.fds));
	if (start(s, &m, &err) < 0)
		log_warn("autotua-chroot: recover: %s", err.msg);
}

static void
reap(struct server *s)
{
	bool died = false;
	size_t i;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == s->spare.pid) {
			spare_fail(&s->spare);
			died |= WIFSIGNALED(status);
		}
		for (i = 0; i < s->nchildren; i++) {
			if (s->children[i].pid != pid)
				continue;
			s->children[i] = s->children[--s->nchildren];
			died |= WIFSIGNALED(status);
			break;
		}
	}
	/* once more when all are killed and we end: serve() does that */
	if (died && !s->killed)
		recover(s);
}

static void
kill_children(struct server *s, int sig)
{
	size_t i;

	for (i = 0; i < s->nchildren; i++)
		(void)kill(s->children[i].pid, sig);
}

/* Nothing is under way that waits for us. */
static bool
is_idle(struct pollfd p[2])
{
	return poll(p, 2, 0) == 0;
}

/* ---- the loop ------------------------------------------------------------ */

static void
on_request(struct server *s)
{
	struct message m;
	struct error err = {0};
	int rc = serve_receive(s->o, &m, &err);

	if (rc == 0) {
		s->over = true;
		return;
	}
	if (rc < 0) {
		log_warn("autotua-chroot: refused: %s", err.msg);
		answer(&m, CODE_USAGE, &err);
	} else if (m.q.kind == REQUEST_HAS) {
		answer(&m, do_has(s, &m.q, &err), &err);
	} else if (m.q.kind == REQUEST_READY) {
		rc = ready(s->state->fd, m.q.reserve, m.q.pressure, &err);
		answer(&m, rc < 0 ? CODE_TROUBLE : CODE_OK, &err);
	} else if (m.q.kind == REQUEST_KILL) {
		answer(&m, do_kill(s, &m.q, &err), &err);
	} else if (start(s, &m, &err) < 0) {
		answer(&m, CODE_TROUBLE, &err);
	}
	serve_close_fds(&m);
}

static void
on_signal(struct server *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			reap(s);
		else
			s->over = true;
	}
}

/* Until the client is gone, or somebody wants our end. */
static void
loop(struct server *s)
{
	struct pollfd p[2] = {{.fd = s->o->socket, .events = POLLIN},
	    {.fd = s->signals, .events = POLLIN}};

	while (!s->over) {
		if (spare_is_wanted(&s->spare) && is_idle(p))
			make_spare(s);
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[1].revents != 0)
			on_signal(s);
		if (p[0].revents != 0 && !s->over)
			on_request(s);
	}
}

/* All that runs is asked to end, and then is ended. */
static void
end_children(struct server *s)
{
	struct pollfd p = {.fd = s->signals, .events = POLLIN};
	int64_t until = jail_now() + PATIENCE * (int64_t)1000000;

	if (s->spare.pid > 0)
		add_child(s, s->spare.pid, (const char[72]){""});
	spare_fail(&s->spare);
	kill_children(s, SIGTERM);
	while (s->nchildren > 0 && jail_now() < until) {
		if (poll(&p, 1, 100) > 0)
			on_signal(s);
	}
	s->killed = true;
	kill_children(s, SIGKILL);
	while (s->nchildren > 0) {
		if (poll(&p, 1, 100) > 0)
			on_signal(s);
	}
}

static int
open_signals(struct server *s, struct error *err)
{
	sigset_t set;

	(void)signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return fail_errno(err, "signals");
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals < 0 ? fail_errno(err, "signals") : 0;
}

int
serve(struct state *state, const struct serve_options *o, struct error *err)
{
	struct serve_options own = *o;
	struct server s = {
	    .state = state, .o = &own, .signals = -1, .spare = SPARE_NONE};
	int rc = -1;

	cgroup_find(&s.places, &s.placed, own.without);
	own.users = state->users;
	state->allow_rootful = o->allow_rootful;
	own.rootful = o->allow_rootful &&
	    ((o->without & FEATURE_USERNS) != 0 ||
		!ids_possible(state->fd, state->run, state->users));
	if (open_signals(&s, err) < 0 ||
	    (o->network == NETWORK_PRIVATE &&
		uplink_try(o->without, err) < 0) ||
	    state_recover(state, err) < 0 || state_sweep(state, err) < 0)
		goto out;
	loop(&s);
	end_children(&s);
	rc = state_recover_runs(state, err);
	if (rc == 0)
		rc = state_sweep(state, err);
out:
	if (s.signals >= 0)
		close(s.signals);
	return rc;
}
