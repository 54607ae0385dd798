/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation. The jailer gets the write ends of three pipes (status
 * lines, report records, its answer) and the read end of a fourth, the leash:
 * when our end of that closes, because we want it or because we die, it kills
 * and removes everything. One poll loop reads the pipes until the answer is
 * there, which is the last thing that is written, and they are drained; it
 * never blocks on a pipe that something left behind might hold open.
 */
#include "run/jail.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LOOK_MS 250 /* how often "cancelled" is asked */

enum { EXIT_PHASE = 1 };

struct session {
	const struct jail_step *step;
	struct outcome *outcome;
	struct request_answer answer;
	size_t nanswer; /* bytes of it that are there */
	int status, report, answers, leash;
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

/* True at its end, or the jailer's. */
static bool
drain_answer(struct session *s)
{
	ssize_t n;

	do
		n = read(s->answers, (char *)&s->answer + s->nanswer,
		    sizeof(s->answer) - s->nanswer);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		s->nanswer += (size_t)n;
	return s->nanswer == sizeof(s->answer) || n == 0;
}

static void
close_leash(struct session *s)
{
	if (s->leash >= 0)
		close(s->leash);
	s->leash = -1;
}

/* Until the answer is there and nothing is left to read. */
static void
follow(struct session *s)
{
	struct pollfd fds[3] = {{.fd = s->answers, .events = POLLIN},
	    {.fd = s->status, .events = POLLIN},
	    {.fd = s->report, .events = POLLIN}};
	bool ended = false;
	int i;

	while (!ended) {
		if (poll(fds, 3, LOOK_MS) < 0 && errno != EINTR)
			break;
		ended = fds[0].revents != 0 && drain_answer(s);
		drain_status(s);
		/* a closed pipe would wake us again and again */
		for (i = 1; i < 3; i++) {
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

/* The records, in a file that has no name. */
static int
make_lists(const struct jail_step *j, struct error *err)
{
	size_t size = j->request->records * sizeof(*j->records);
	int fd = memfd_create("lists", MFD_CLOEXEC);

	if (fd < 0)
		return fail_errno(err, "lists");
	if (file_write_all(fd, j->records, size, err) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Ask for the step; our ends of the pipes are in s. */
static int
start(struct session *s, struct error *err)
{
	const struct jail_step *j = s->step;
	int fds[REQUEST_FDS], i, rc = -1;
	static const enum request_fd ours[] = {REQUEST_ANSWER, REQUEST_LISTS,
	    REQUEST_STATUS, REQUEST_REPORT, REQUEST_LEASH};

	memset(fds, -1, sizeof(fds));
	fds[REQUEST_LOG] = j->logfd;
	fds[REQUEST_RECIPE] = j->recipe;
	fds[REQUEST_ARTIFACTS] = j->artifacts;
	fds[REQUEST_STORE] = j->conf->fetch.store;
	fds[REQUEST_SHELL] = j->conf->shell > 0 ? j->conf->shell : -1;
	fds[REQUEST_LISTS] = make_lists(j, err);
	if (fds[REQUEST_LISTS] >= 0 &&
	    open_pipe(&s->status, &fds[REQUEST_STATUS], true, err) == 0 &&
	    open_pipe(&s->report, &fds[REQUEST_REPORT], true, err) == 0 &&
	    open_pipe(&s->answers, &fds[REQUEST_ANSWER], true, err) == 0 &&
	    open_pipe(&s->leash, &fds[REQUEST_LEASH], false, err) == 0)
		rc = jailer_send(j->conf->jailer, j->request, fds, err);
	for (i = 0; i < (int)(sizeof(ours) / sizeof(ours[0])); i++) {
		if (fds[ours[i]] >= 0)
			close(fds[ours[i]]);
	}
	return rc;
}

static enum jail_end
trouble(struct session *s, struct error *err)
{
	s->answer.text[sizeof(s->answer.text) - 1] = '\0';
	if (s->nanswer < sizeof(s->answer))
		fail(err, "autotua-chroot ended without an answer");
	else if (s->answer.text[0])
		fail(err, "%s",
		    outcome_text(s->outcome->arena, s->answer.text,
			strlen(s->answer.text), sizeof(err->msg) - 64));
	else
		fail(err, "autotua-chroot: exit %d", (int)s->answer.code);
	err->code = EAGAIN;
	return JAIL_TROUBLE;
}

static enum jail_end
judge(struct session *s, struct error *err)
{
	bool there =
	    s->nanswer == sizeof(s->answer) && s->answer.magic == REQUEST_MAGIC;

	if (s->cancelled) {
		fail(err, "cancelled");
		err->code = ECANCELED;
		return JAIL_CANCELLED;
	}
	if (s->garbled) {
		fail(err, "autotua-chroot and this program don't fit together");
		return JAIL_TROUBLE;
	}
	if (there && s->answer.code == 0)
		return JAIL_OK;
	trouble(s, err);
	return there && s->answer.code == EXIT_PHASE ? JAIL_FAILED
						     : JAIL_TROUBLE;
}

enum jail_end
jail_run(const struct jail_step *j, struct outcome *o, struct error *err)
{
	struct session s = {.step = j,
	    .outcome = o,
	    .status = -1,
	    .report = -1,
	    .answers = -1,
	    .leash = -1};
	int *fds[] = {&s.status, &s.report, &s.answers, &s.leash};
	enum jail_end end = JAIL_TROUBLE;
	size_t i;

	if (start(&s, err) == 0) {
		follow(&s);
		close_leash(&s);
		end = judge(&s, err);
	}
	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
	}
	return end;
}

int
jail_has_layer(const struct run_conf *c, const char *key, struct error *err)
{
	return jailer_has(c->jailer, true, key, err);
}

void
jail_remove_layer(const struct run_conf *c, const char *key)
{
	struct error err;

	if (jailer_remove(c->jailer, key, &err) < 0)
		log_warn("layer %s stays: %s", key, err.msg);
}
