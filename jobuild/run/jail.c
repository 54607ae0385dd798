/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation. autotua-chroot gets the write ends of three pipes
 * (status lines, report records, its own standard error) and the read end of
 * a fourth, the leash: when our end of that closes, because we want it or
 * because we die, it kills and removes everything. One poll loop reads the
 * pipes until the program has ended (a pidfd tells) and they are drained; it
 * never blocks on a pipe that something left behind might hold open.
 */
#include "run/jail.h"
#include "base/error.h"
#include "base/log.h"
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS    250  /* how often "cancelled" is asked */
#define ERRORS_MAX 4096 /* bytes kept of its standard error */

enum { EXIT_PHASE = 1 };

struct session {
	const struct jail_step *step;
	struct outcome *outcome;
	struct buf errors;
	int status, report, errfd, leash, pidfd;
	bool cancelled, garbled;
};

/* ---- what comes through the pipes ---------------------------------------- */

/* Read what is there into p; 0 when there is nothing (more). */
static size_t
take(int fd, char *p, size_t n)
{
	ssize_t got;

	do
		got = read(fd, p, n);
	while (got < 0 && errno == EINTR);
	return got > 0 ? (size_t)got : 0;
}

static void
drain_report(struct session *s)
{
	char chunk[16384];
	size_t n;

	while ((n = take(s->report, chunk, sizeof(chunk))) > 0)
		outcome_records(s->outcome, chunk, n);
}

/*
 * A phase's records were written before the line that ends it, so they are
 * read before that line counts.
 */
static void
take_line(struct session *s, const char *line)
{
	struct phase_figures *p;

	drain_report(s);
	if (strncmp(line, "shell phase=", 12) == 0) {
		if (s->step->shell)
			s->step->shell(s->step->ctx, line + 12);
		return;
	}
	if (outcome_line(s->outcome, line) < 0) {
		log_warn("autotua-chroot: unexpected line: %s", line);
		s->garbled = true;
	}
	p = outcome_phase(s->outcome);
	if (strncmp(line, "start ", 6) == 0 && p && s->step->phase)
		s->step->phase(s->step->ctx, p->name);
}

static void
drain_status(struct session *s)
{
	struct buf *line = &s->outcome->line;
	char chunk[4096], *p, *end;
	size_t n;

	while ((n = take(s->status, chunk, sizeof(chunk))) > 0) {
		for (p = chunk; n > 0;
		     n -= (size_t)(end - p) + 1, p = end + 1) {
			end = memchr(p, '\n', n);
			if (buf_add(line, p, end ? (size_t)(end - p) : n) < 0)
				s->garbled = true;
			if (!end)
				break;
			take_line(s, line->data);
			line->len = 0;
		}
	}
	drain_report(s);
}

/* Keep the beginning: what came first is mostly the cause. */
static void
drain_errors(struct session *s)
{
	char chunk[1024];
	size_t n, room;

	while ((n = take(s->errfd, chunk, sizeof(chunk))) > 0) {
		room = s->errors.max - s->errors.len;
		buf_add(&s->errors, chunk, n < room ? n : room);
	}
}

static void
close_leash(struct session *s)
{
	if (s->leash >= 0)
		close(s->leash);
	s->leash = -1;
}

/* Until the program has ended and nothing is left to read. */
static void
follow(struct session *s)
{
	struct pollfd fds[4] = {{.fd = s->pidfd, .events = POLLIN},
	    {.fd = s->status, .events = POLLIN},
	    {.fd = s->report, .events = POLLIN},
	    {.fd = s->errfd, .events = POLLIN}};
	bool ended = false;
	int i;

	while (!ended) {
		if (poll(fds, 4, LOOK_MS) < 0 && errno != EINTR)
			break;
		ended = (fds[0].revents & POLLIN) != 0;
		drain_status(s);
		drain_errors(s);
		/* a closed pipe would wake us again and again */
		for (i = 1; i < 4; i++) {
			if ((fds[i].revents & (POLLHUP | POLLIN)) == POLLHUP)
				fds[i].fd = -1;
			fds[i].revents = 0;
		}
		if (!s->cancelled && s->step->cancelled &&
		    s->step->cancelled(s->step->ctx)) {
			s->cancelled = true;
			close_leash(s);
		}
	}
}

/* ---- start and end ------------------------------------------------------- */

static int
open_pipe(int *ours, int *theirs, bool we_read, struct error *err)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return fail_errno(err, "pipe");
	*ours = fds[we_read ? 0 : 1];
	*theirs = fds[we_read ? 1 : 0];
	if (we_read)
		fcntl(*ours, F_SETFL, O_NONBLOCK);
	return 0;
}

static const char *
decimal(struct arena *a, int n)
{
	return arena_printf(a, "%d", n);
}

/* The whole argument vector: program, state, "run", descriptors, the rest. */
static const char **
make_argv(const struct jail_step *j, struct arena *a, int status, int report,
    int leash)
{
	const char *head[] = {j->conf->chroot, "-s", j->conf->state, "run",
	    "--log-fd", decimal(a, j->logfd), "--status-fd", decimal(a, status),
	    "--report-fd", decimal(a, report), "--leash-fd", decimal(a, leash)};
	size_t n = sizeof(head) / sizeof(head[0]);
	const char **argv = arena_array(a, n + j->nargs + 1, const char *);

	memcpy(argv, head, sizeof(head));
	memcpy(argv + n, j->args, j->nargs * sizeof(*argv));
	return argv;
}

static pid_t
start(struct session *s, struct error *err)
{
	int keep[5] = {s->step->logfd, -1, -1, -1}, errfd = -1, i;
	struct proc p = {.in = -1, .out = s->step->logfd, .keep = keep};
	pid_t pid = -1;

	if (open_pipe(&s->status, &keep[1], true, err) < 0 ||
	    open_pipe(&s->report, &keep[2], true, err) < 0 ||
	    open_pipe(&s->errfd, &errfd, true, err) < 0 ||
	    open_pipe(&s->leash, &keep[3], false, err) < 0)
		goto out;
	p.argv =
	    make_argv(s->step, s->outcome->arena, keep[1], keep[2], keep[3]);
	p.err = errfd;
	keep[4] = s->step->conf->shell;
	p.nkeep = keep[4] > 0 ? 5 : 4;
	pid = proc_start(&p, err);
	if (pid < 0)
		goto out;
	s->pidfd = pidfd_open(pid, 0);
	if (s->pidfd < 0) {
		fail_errno(err, "watch autotua-chroot");
		close_leash(s);
		waitpid(pid, NULL, 0);
		pid = -1;
	}
out:
	for (i = 1; i < 4; i++) {
		if (keep[i] >= 0)
			close(keep[i]);
	}
	if (errfd >= 0)
		close(errfd);
	return pid;
}

/* Its own last words, or else its exit. */
static enum jail_end
trouble(struct session *s, int status, struct error *err)
{
	const char *text = "";

	if (s->errors.len > 0)
		text = outcome_text(s->outcome->arena, s->errors.data,
		    s->errors.len, sizeof(err->msg) - 64);
	/* the journal's priority */
	if (text[0] == '<' && text[1] && text[2] == '>')
		text += 3;
	if (*text)
		fail(err, "%s", text);
	else
		fail(err, "autotua-chroot: %s", proc_status_text(status));
	err->code = EAGAIN;
	return JAIL_TROUBLE;
}

static enum jail_end
judge(struct session *s, int status, struct error *err)
{
	if (s->cancelled) {
		fail(err, "cancelled");
		err->code = ECANCELED;
		return JAIL_CANCELLED;
	}
	if (s->garbled) {
		fail(err, "autotua-chroot and this program don't fit together");
		return JAIL_TROUBLE;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return JAIL_OK;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_PHASE) {
		trouble(s, status, err);
		return JAIL_FAILED;
	}
	return trouble(s, status, err);
}

enum jail_end
jail_run(const struct jail_step *j, struct outcome *o, struct error *err)
{
	struct session s = {.step = j,
	    .outcome = o,
	    .status = -1,
	    .report = -1,
	    .errfd = -1,
	    .leash = -1,
	    .pidfd = -1};
	int *fds[] = {&s.status, &s.report, &s.errfd, &s.leash, &s.pidfd};
	enum jail_end end = JAIL_TROUBLE;
	int status;
	size_t i;
	pid_t pid;

	buf_init(&s.errors, ERRORS_MAX);
	pid = start(&s, err);
	if (pid < 0)
		goto out;
	follow(&s);
	close_leash(&s);
	if (proc_wait(pid, &status, err) == 0)
		end = judge(&s, status, err);
out:
	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
	}
	buf_release(&s.errors);
	return end;
}

/* ---- layers -------------------------------------------------------------- */

/* Its exit status, or -1 when it can't be told. */
static int
call(const struct run_conf *c, const char *verb, const char *noun,
    const char *id, struct error *err)
{
	const char *const argv[] = {c->chroot, "-s", c->state, verb,
	    noun ? noun : id, noun ? id : NULL, NULL};
	struct proc p = {.argv = argv, .in = -1, .out = -1, .err = 2};
	int status;
	pid_t pid;

	pid = proc_start(&p, err);
	if (pid < 0 || proc_wait(pid, &status, err) < 0)
		return -1;
	if (!WIFEXITED(status))
		return fail(err, "%s %s: %s", c->chroot, verb,
		    proc_status_text(status));
	return WEXITSTATUS(status);
}

int
jail_has_layer(const struct run_conf *c, const char *key, struct error *err)
{
	int status = call(c, "has", "layer", key, err);

	if (status == 0)
		return 1;
	if (status == 3)
		return 0;
	if (status > 0)
		fail(err, "%s has layer: exit %d", c->chroot, status);
	return -1;
}

void
jail_remove_layer(const struct run_conf *c, const char *key)
{
	struct error err;
	int status = call(c, "remove", NULL, key, &err);

	if (status < 0)
		log_warn("layer %s stays: %s", key, err.msg);
	else if (status > 0)
		log_warn("layer %s stays: exit %d", key, status);
}
