/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Children of the loop. A child leads a process group, so that gpg and what
 * else it started ends with it, and dies with its parent. It keeps only its
 * pipe open: connections of the parent must close when the parent says so.
 */
#include "master/serve/loop.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/proc.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CPU_SECONDS 300
#define LONGEST     3600 /* seconds of one that gets on */
#define MICRO       ((int64_t)1000000)
#define MEMORY_MAX  ((rlim_t)4 << 30)

struct child {
	struct arena arena; /* it lives in there itself */
	struct child_work w;
	struct loop *loop;
	struct watch watch;
	pid_t pid; /* 0: waits for its turn */
	int64_t begun, deadline;
	bool late, broken;
	struct buf out;
	struct child *prev, *next;
};

static void
limit(int what, rlim_t max)
{
	struct rlimit rl = {max, max};

	(void)setrlimit(what, &rl);
}

/* Close all but 0 to 2 and keep. */
static void
close_others(int keep)
{
	if (keep > 3)
		(void)close_range(3, (unsigned)keep - 1, 0);
	(void)close_range((unsigned)keep + 1, ~0U, 0);
}

static _Noreturn void
be_child(const struct child *c, int out, pid_t parent)
{
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	setpgid(0, 0);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	close_others(out);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_CPU, CPU_SECONDS);
#ifndef __SANITIZE_ADDRESS__
	limit(RLIMIT_AS, MEMORY_MAX);
#endif
	if (c->loop->tmp)
		setenv("TMPDIR", c->loop->tmp, 1);
	c->w.work(c->w.ctx, out);
	_exit(0);
}

static void
drop(struct child *c)
{
	struct loop *l = c->loop;
	struct arena a;

	if (c->prev)
		c->prev->next = c->next;
	else
		l->first = c->next;
	if (c->next)
		c->next->prev = c->prev;
	else
		l->last = c->prev;
	buf_release(&c->out);
	a = c->arena;
	arena_release(&a);
}

static void
finish(struct child *c, const struct error *err)
{
	c->w.done(c->w.ctx, err ? NULL : &c->out, err);
	drop(c);
}

void
child_fail(int out, const struct error *err)
{
	char text[sizeof(err->msg) + 16];
	struct error ignored;
	int n;

	n = snprintf(text, sizeof(text), "%c%d %s", '\0', err->code, err->msg);
	(void)file_write_all(out, text, (size_t)n, &ignored);
}

int
child_result(
    const struct buf *text, const struct error *ended, struct error *err)
{
	char *why;
	long code;

	if (!text) {
		*err = *ended;
		return -1;
	}
	if (text->len == 0 || text->data[0] != '\0')
		return 0;
	code = strtol(text->data + 1, &why, 10);
	fail(err, "%s", *why ? why + 1 : "it failed");
	err->code = (int)code;
	return -1;
}

/* It has ended, or must this moment. */
static void
conclude(struct child *c)
{
	struct error err = {0};
	int status = 0;

	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	c->loop->running--;
	if (c->late)
		fail(&err, "took longer than %lld s", (long long)c->w.limit);
	else if (c->broken)
		fail(&err, "its result is larger than %zu bytes", c->w.max);
	else if (status != 0)
		fail(&err, "ended with %s", proc_status_text(status));
	finish(c, err.msg[0] ? &err : NULL);
}

static void
ended(void *ctx)
{
	struct child *c = ctx;

	loop_remove(c->loop, &c->watch);
	close(c->watch.fd);
	conclude(c);
}

/*
 * The pipe is at its end: the child is exiting, or was killed. To take apart
 * what it had takes the kernel a while, in which the loop goes on.
 */
static void
reap(struct child *c)
{
	struct error err;
	int fd;

	loop_remove(c->loop, &c->watch);
	close(c->watch.fd);
	kill(-c->pid, SIGKILL);
	c->deadline = INT64_MAX; /* all it had to say is here */
	fd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	c->watch = (struct watch){.fd = fd, .ready = ended, .ctx = c};
	if (fd >= 0 && loop_add(c->loop, &c->watch, &err) == 0)
		return;
	if (fd >= 0)
		close(fd);
	conclude(c);
}

static void
readable(void *ctx)
{
	struct child *c = ctx;
	char chunk[65536];
	ssize_t n;

	n = read(c->watch.fd, chunk, sizeof(chunk));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		reap(c);
		return;
	}
	if (!c->broken && buf_add(&c->out, chunk, (size_t)n) < 0) {
		c->broken = true;
		kill(-c->pid, SIGKILL);
	}
}

static int
begin(struct child *c, int64_t now, struct error *err)
{
	pid_t parent = getpid();
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return fail_errno(err, "pipe");
	fflush(NULL);
	c->pid = fork();
	if (c->pid == 0)
		be_child(c, fds[1], parent);
	close(fds[1]);
	if (c->pid < 0) {
		c->pid = 0;
		fail_errno(err, "fork");
		close(fds[0]);
		return -1;
	}
	setpgid(c->pid, c->pid);
	c->begun = now;
	c->deadline = now + c->w.limit * MICRO;
	c->watch = (struct watch){.fd = fds[0], .ready = readable, .ctx = c};
	if (loop_add(c->loop, &c->watch, err) < 0) {
		kill(-c->pid, SIGKILL);
		waitpid(c->pid, NULL, 0);
		close(fds[0]);
		return -1;
	}
	c->loop->running++;
	return 0;
}

/* Its time is over: end it, unless it has got on meanwhile. */
static void
expire(struct child *c, int64_t now)
{
	int64_t span = c->w.limit * MICRO;

	if (c->w.gets_on && now - c->begun < LONGEST * MICRO &&
	    c->w.gets_on(c->w.ctx, now_us() - span)) {
		c->deadline = now + span;
		return;
	}
	c->late = true;
	kill(-c->pid, SIGKILL);
}

void
loop_children(struct loop *l, int64_t now)
{
	struct child *c, *next;
	struct error err;

	for (c = l->first; c; c = next) {
		next = c->next;
		if (c->pid != 0) {
			if (now > c->deadline && !c->late)
				expire(c, now);
		} else if (l->running < l->max_children &&
		    begin(c, now, &err) < 0) {
			finish(c, &err);
		}
	}
}

void
child_start(struct loop *l, const struct child_work *w)
{
	struct arena a = {0};
	struct child *c = arena_new(&a, struct child);

	c->arena = a;
	c->w = *w;
	c->loop = l;
	buf_init(&c->out, w->max);
	c->prev = l->last;
	if (l->last)
		l->last->next = c;
	else
		l->first = c;
	l->last = c;
}

void
loop_close(struct loop *l)
{
	struct error err = {0};
	struct child *c;

	fail(&err, "the master is stopping");
	while ((c = l->first) != NULL) {
		if (c->pid != 0) {
			kill(-c->pid, SIGKILL);
			close(c->watch.fd);
			waitpid(c->pid, NULL, 0);
		}
		finish(c, &err);
	}
	if (l->epoll >= 0)
		close(l->epoll);
	l->epoll = -1;
}
