/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation. Of each n items every one of n workers does one; it
 * writes a length and the bytes of each into its own pipe. The parent reads the
 * pipes item by item, so that they come in order without being kept; who is
 * ahead waits when its pipe is full. A worker whose pipe is closed is ended by
 * SIGPIPE, so none is left when the parent gives up.
 */
#include "cli/workers.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/proc.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FLUSH 16384 /* bytes that a worker collects before it writes */

struct worker {
	pid_t pid;
	FILE *in;
};

static size_t
how_many(const struct workers *w)
{
	size_t n = w->jobs ? w->jobs : proc_processors();

	if (n > WORKERS_MAX)
		n = WORKERS_MAX;
	return n > w->n ? w->n : n;
}

/*
 * Which of n workers does item i: the sum of its digits to the base n decides.
 * In turn would be unfair where every n-th item is a large one.
 */
static size_t
worker_of(size_t i, size_t n)
{
	size_t sum = 0;

	for (; i > 0; i /= n)
		sum += i % n;
	return sum % n;
}

/* ---- in a worker --------------------------------------------------------- */

static int
flush(struct buf *b, int fd)
{
	struct error err;
	int rc;

	rc = b->len > 0 ? file_write_all(fd, b->data, b->len, &err) : 0;
	b->len = 0;
	return rc;
}

static int
work(const struct workers *w, size_t k, size_t n, int fd)
{
	struct buf all, one;
	uint32_t len;
	size_t i;
	int rc = 0;

	buf_init(&all, WORKERS_ITEM_MAX + FLUSH + sizeof(len));
	buf_init(&one, WORKERS_ITEM_MAX);
	for (i = 0; rc == 0 && i < w->n; i++) {
		if (worker_of(i, n) != k)
			continue;
		one.len = 0;
		w->work(w->ctx, i, &one);
		len = (uint32_t)one.len;
		if (buf_add(&all, &len, sizeof(len)) < 0 ||
		    (len > 0 && buf_add(&all, one.data, one.len) < 0))
			rc = -1;
		else if (all.len >= FLUSH)
			rc = flush(&all, fd);
	}
	if (rc == 0)
		rc = flush(&all, fd);
	buf_release(&one);
	buf_release(&all);
	return rc;
}

/* ---- in the parent ------------------------------------------------------- */

static int
start(const struct workers *w, struct worker *list, size_t k, size_t n,
    struct error *err)
{
	int fds[2];
	size_t i;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return fail_errno(err, "pipe");
	list[k].pid = fork();
	if (list[k].pid == 0) {
		/* only the parent reads the pipes of earlier workers */
		for (i = 0; i < k; i++)
			close(fileno(list[i].in));
		close(fds[0]);
		(void)signal(SIGPIPE, SIG_DFL);
		(void)signal(SIGINT, SIG_DFL);
		(void)signal(SIGTERM, SIG_DFL);
		_exit(work(w, k, n, fds[1]) < 0 ? 1 : 0);
	}
	close(fds[1]);
	if (list[k].pid < 0) {
		fail_errno(err, "fork");
		close(fds[0]);
		return -1;
	}
	list[k].in = fdopen(fds[0], "re");
	if (list[k].in)
		return 0;
	close(fds[0]);
	return fail_errno(err, "pipe");
}

static int
read_item(const struct workers *w, size_t i, struct worker *from,
    struct buf *item, struct error *err)
{
	char chunk[16384];
	uint32_t len;
	size_t n;

	item->len = 0;
	if (fread(&len, sizeof(len), 1, from->in) != 1)
		return fail(err, "a worker ended before its time");
	while (len > 0) {
		n = len < sizeof(chunk) ? len : sizeof(chunk);
		if (fread(chunk, 1, n, from->in) != n ||
		    buf_add(item, chunk, n) < 0)
			return fail(err, "a worker ended before its time");
		len -= (uint32_t)n;
	}
	w->take(w->ctx, i, item->data ? item->data : "", item->len);
	return 0;
}

/* Its pipe is closed first: one that still works is ended by that. */
static int
end(struct worker *one, int rc, struct error *err)
{
	struct error why;
	int status;

	if (one->in)
		(void)fclose(one->in);
	if (one->pid <= 0)
		return rc;
	if (proc_wait(one->pid, &status, &why) < 0)
		return rc < 0 ? rc : fail(err, "%s", why.msg);
	if (rc == 0 && status != 0)
		return fail(err, "a worker: %s", proc_status_text(status));
	return rc;
}

static int
run_here(const struct workers *w)
{
	struct buf b;
	size_t i;

	buf_init(&b, WORKERS_ITEM_MAX);
	for (i = 0; i < w->n; i++) {
		b.len = 0;
		w->work(w->ctx, i, &b);
		w->take(w->ctx, i, b.data ? b.data : "", b.len);
	}
	buf_release(&b);
	return 0;
}

int
workers_run(const struct workers *w, struct error *err)
{
	struct worker list[WORKERS_MAX] = {0};
	size_t i, n = how_many(w), started;
	struct buf item;
	int rc = 0;

	if (n <= 1)
		return run_here(w);
	fflush(stdout);
	fflush(stderr);
	buf_init(&item, WORKERS_ITEM_MAX);
	for (started = 0; rc == 0 && started < n; started++)
		rc = start(w, list, started, n, err);
	for (i = 0; rc == 0 && i < w->n; i++)
		rc = read_item(w, i, &list[worker_of(i, n)], &item, err);
	for (i = 0; i < started; i++)
		rc = end(&list[i], rc, err);
	buf_release(&item);
	return rc;
}
