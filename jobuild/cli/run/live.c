/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/run/live.h"
#include "cli/cli.h"
#include "cli/progress.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define REDRAW_GAP 0.2 /* seconds */
#define TELL_GAP   5.0
#define TAIL_BYTES 1024
#define REDRAW     "\r\033[K"

void
live_begin(struct live *l, struct cli *c)
{
	memset(l, 0, sizeof(*l));
	l->cli = c;
	l->redraw = progress_terminal(c) && !c->verbose;
	l->began = progress_clock();
}

static void
clear(struct live *l)
{
	if (l->drawn)
		fputs(REDRAW, stderr);
	l->drawn = false;
}

/* ---- the log ------------------------------------------------------------- */

/* With -v: what has been written since the last time. */
static void
stream(struct live *l)
{
	char chunk[8192];
	ssize_t n;
	int fd;

	if (!l->cli->verbose || l->cli->json || !l->log[0])
		return;
	fd = open(l->log, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	while ((n = pread(fd, chunk, sizeof(chunk), l->seen)) > 0) {
		filter_write(&l->filter, chunk, (size_t)n, stderr);
		l->seen += n;
	}
	close(fd);
}

/* The last line that is not empty, escaped; "" when there is none. */
static const char *
last_line(struct live *l, struct arena *a)
{
	char text[TAIL_BYTES];
	ssize_t n = -1;
	size_t end, from;
	off_t size;
	int fd;

	if (!l->log[0])
		return "";
	fd = open(l->log, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return "";
	size = lseek(fd, 0, SEEK_END);
	if (size > 0)
		n = pread(fd, text, sizeof(text),
		    size > TAIL_BYTES ? size - TAIL_BYTES : 0);
	close(fd);
	if (n <= 0)
		return "";
	for (end = (size_t)n; end > 0 && strchr("\r\n", text[end - 1]); end--)
		continue;
	for (from = end; from > 0 && !strchr("\r\n", text[from - 1]); from--)
		continue;
	return show(a, text + from, end - from);
}

/* ---- what is shown ------------------------------------------------------- */

/* "NAME 1.4 MiB of 2.0 GiB" */
static const char *
coming(struct live *l, struct arena *a)
{
	return arena_printf(a, "%s %s of %s",
	    show(a, l->fetch, strlen(l->fetch)), text_size(a, l->bytes),
	    text_size(a, l->size));
}

/* Where nothing is redrawn, a line now and then of what takes its time. */
static void
tell_fetch(struct live *l)
{
	double now = progress_clock();
	struct arena a = {0};

	if (!l->fetch || l->redraw || l->cli->quiet || l->cli->json ||
	    now - l->told < TELL_GAP)
		return;
	l->told = now;
	fprintf(stderr, "%8s  %s  %s: %s\n", text_duration(&a, now - l->began),
	    l->where, l->what, coming(l, &a));
	arena_release(&a);
}

static void
draw(struct live *l)
{
	double now = progress_clock();
	struct arena a = {0};
	const char *line, *tail;

	if (!l->redraw || !l->state || now - l->shown < REDRAW_GAP)
		return;
	l->shown = now;
	line = arena_printf(&a, "%8s  %s  %s: %s %s",
	    text_duration(&a, now - l->began), l->where, l->what, l->state,
	    text_duration(&a, now - l->since));
	tail = l->fetch ? coming(l, &a) : last_line(l, &a);
	if (*tail)
		line = arena_printf(&a, "%s | %s", line, tail);
	fprintf(stderr, REDRAW "%.*s",
	    text_fitting(line, progress_columns() - 1), line);
	fflush(stderr);
	l->drawn = true;
	arena_release(&a);
}

static void
print_state(
    struct live *l, const char *where, const char *what, const char *state)
{
	const char *color = l->cli->color_err ? text_color(state) : "";
	struct arena a = {0};

	fprintf(stderr, "%8s  %s  %s: %s%s%s\n",
	    text_duration(&a, progress_clock() - l->began), where,
	    cli_show(l->cli, what), color, state, *color ? "\033[0m" : "");
	arena_release(&a);
}

/* What stays on the screen: with a redrawn line only how steps ended. */
static bool
is_lasting(const struct live *l, const char *state)
{
	return !l->redraw || *text_color(state) != '\0';
}

void
live_state(struct live *l, const char *where, const char *what,
    const char *state, const char *log)
{
	stream(l);
	clear(l);
	if (!l->cli->quiet && !l->cli->json && is_lasting(l, state))
		print_state(l, where, what, state);
	l->where = where;
	l->what = what;
	l->state = state;
	l->fetch = NULL;
	l->since = progress_clock();
	l->shown = 0;
	if (log && strcmp(log, l->log) == 0)
		return;
	filter_end(&l->filter, stderr);
	l->seen = 0;
	snprintf(l->log, sizeof(l->log), "%s", log ? log : "");
}

void
live_fetch(struct live *l, const char *name, int64_t bytes, int64_t size)
{
	if (!l->fetch)
		l->told = progress_clock();
	l->fetch = name;
	l->bytes = bytes;
	l->size = size;
}

void
live_tick(struct live *l)
{
	stream(l);
	tell_fetch(l);
	draw(l);
}

void
live_end(struct live *l)
{
	stream(l);
	if (l->cli->verbose)
		filter_end(&l->filter, stderr);
	clear(l);
	l->state = NULL;
	l->fetch = NULL;
	l->log[0] = '\0';
	l->seen = 0;
}
