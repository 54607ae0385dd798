/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slave/pool.h"
#include "slave/conf.h"
#include "slave/lease.h"
#include "slave/worker.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define CHILD_FD  3   /* where kept descriptors go */
#define TAKEN_MAX 500 /* leases of one worker: nothing grows for ever */

static void
shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void
worker_free(struct worker *w)
{
	struct arena a = w->arena;

	shut(&w->say);
	shut(&w->leash);
	arena_release(&a);
}

/* It ends by itself, as soon as it sees that. */
static void
retire(struct worker *w)
{
	w->old = true;
	if (!w->lease)
		shut(&w->leash);
}

void
worker_detach(pid_t parent, int keep[], unsigned n)
{
	sigset_t none;
	unsigned i;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	/* first out of the way, then in order from CHILD_FD on */
	for (i = 0; i < n; i++)
		keep[i] = fcntl(keep[i], F_DUPFD_CLOEXEC, CHILD_FD + (int)n);
	for (i = 0; i < n; i++)
		keep[i] = dup3(keep[i], CHILD_FD + (int)i, O_CLOEXEC);
	close_range(CHILD_FD + n, ~0U, 0);
}

static pid_t
fork_worker(const struct slave_conf *c, int *fd, int *leash, struct error *err)
{
	int say[2], hold[2], keep[3];
	struct slave_conf own = *c;
	pid_t pid, parent = getpid();

	if (pipe2(say, O_CLOEXEC) < 0)
		return fail_errno(err, "pipe");
	if (pipe2(hold, O_CLOEXEC) < 0) {
		fail_errno(err, "pipe");
		close(say[0]);
		close(say[1]);
		return -1;
	}
	pid = fork();
	if (pid == 0) {
		keep[0] = say[1];
		keep[1] = hold[0];
		keep[2] = c->jailer;
		worker_detach(parent, keep, 3);
		own.jailer = keep[2];
		worker_run(&own, keep[0], keep[1]);
	}
	close(say[1]);
	close(hold[0]);
	if (pid < 0) {
		fail_errno(err, "fork");
		close(say[0]);
		close(hold[1]);
		return -1;
	}
	fcntl(say[0], F_SETFL, O_NONBLOCK);
	*fd = say[0];
	*leash = hold[1];
	return pid;
}

static struct worker *
start(struct pool *p, struct error *err)
{
	struct arena a = {0};
	struct worker *w = arena_new(&a, struct worker);

	w->arena = a;
	w->say = w->leash = -1;
	w->pid = fork_worker(p->conf, &w->say, &w->leash, err);
	if (w->pid < 0) {
		worker_free(w);
		return NULL;
	}
	w->next = p->workers;
	p->workers = w;
	return w;
}

static struct worker *
find_idle(struct pool *p)
{
	struct worker *w;

	for (w = p->workers; w; w = w->next) {
		if (!w->lease && !w->old)
			return w;
	}
	return NULL;
}

struct worker *
pool_give(struct pool *p, struct lease *l, struct error *err)
{
	struct worker_order order = {.lease = l->id};
	const ssize_t size = (ssize_t)sizeof(order);
	struct worker *w;

	/* one that died a moment ago has nobody at the pipe's other end */
	while ((w = find_idle(p)) != NULL &&
	    write(w->leash, &order, sizeof(order)) != size)
		retire(w);
	if (!w) {
		w = start(p, err);
		if (!w)
			return NULL;
		if (write(w->leash, &order, sizeof(order)) != size) {
			fail_errno(err, "order a worker");
			worker_kill(w);
			return NULL;
		}
	}
	w->lease = l;
	w->nline = 0;
	if (++w->taken >= TAKEN_MAX)
		w->old = true;
	return w;
}

void
worker_grant(struct worker *w, int64_t bytes)
{
	const struct worker_grant grant = {.bytes = bytes};
	struct error none;

	/* one that died meanwhile is heard of otherwise */
	(void)file_write_all(w->leash, &grant, sizeof(grant), &none);
}

void
worker_kill(struct worker *w)
{
	w->old = true;
	shut(&w->leash);
	kill(w->pid, SIGKILL);
}

/* A line of its: the last one of a lease makes it idle. */
static void
on_line(struct worker *w, const char *line)
{
	struct lease *l = w->lease;
	bool stale = strcmp(line, "stale") == 0;

	if (!l)
		return;
	if (!stale && strcmp(line, "end") != 0) {
		lease_line(l, line);
		return;
	}
	w->lease = NULL;
	if (w->old)
		retire(w);
	lease_worked(l, stale);
}

static void
listen_to(struct worker *w)
{
	char *end;
	ssize_t n;

	while (w->say >= 0) {
		n = read(
		    w->say, w->line + w->nline, sizeof(w->line) - 1 - w->nline);
		if (n == 0)
			shut(&w->say);
		if (n <= 0)
			return;
		w->nline += (size_t)n;
		w->line[w->nline] = '\0';
		while ((end = strchr(w->line, '\n')) != NULL) {
			*end++ = '\0';
			on_line(w, w->line);
			w->nline -= (size_t)(end - w->line);
			memmove(w->line, end, w->nline + 1);
		}
		if (w->nline == sizeof(w->line) - 1)
			w->nline = 0;
	}
}

void
pool_listen(struct pool *p)
{
	struct worker *w;

	for (w = p->workers; w; w = w->next)
		listen_to(w);
}

bool
pool_reaped(struct pool *p, pid_t pid, int status)
{
	struct worker **at = &p->workers, *w;
	struct lease *l;

	while (*at && (*at)->pid != pid)
		at = &(*at)->next;
	w = *at;
	if (!w)
		return false;
	listen_to(w);
	l = w->lease;
	*at = w->next;
	worker_free(w);
	if (l)
		lease_reaped(l, status);
	return true;
}

void
pool_renew(struct pool *p)
{
	struct worker *w;

	for (w = p->workers; w; w = w->next)
		retire(w);
}

void
pool_watch(
    const struct pool *p, struct curl_waitfd *fds, unsigned *n, unsigned max)
{
	const struct worker *w;

	for (w = p->workers; w && *n < max; w = w->next) {
		if (w->say < 0)
			continue;
		fds[*n].fd = w->say;
		fds[*n].events = CURL_WAIT_POLLIN;
		fds[(*n)++].revents = 0;
	}
}

void
pool_close(struct pool *p)
{
	struct worker *w;

	while ((w = p->workers) != NULL) {
		p->workers = w->next;
		worker_free(w);
	}
}
