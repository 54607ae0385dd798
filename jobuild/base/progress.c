/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/progress.h"
#include "base/arena.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 1.0 /* seconds before anything is shown */
#define LINE_GAP 5.0 /* between lines */
#define BAR_GAP  0.1 /* between pictures of the bar */
#define BAR_MAX  40  /* characters */
#define REDRAW   "\r\033[K"

double
progress_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

bool
progress_redraws(void)
{
	const char *term = getenv("TERM"), *ci = getenv("CI");

	return isatty(STDERR_FILENO) && term && *term &&
	    strcmp(term, "dumb") != 0 && (!ci || !*ci);
}

size_t
progress_columns(void)
{
	const char *s = getenv("COLUMNS");
	struct winsize size;
	long n;

	n = s ? strtol(s, NULL, 10) : 0;
	if (n >= 20 && n <= 1000)
		return (size_t)n;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20)
		return size.ws_col;
	return 80;
}

void
progress_start(struct progress *p, struct progress_line *line, const char *what,
    size_t total, bool silent)
{
	memset(p, 0, sizeof(*p));
	p->line = line;
	p->what = what;
	p->total = total;
	p->silent = silent;
	p->bar = !silent && progress_redraws();
	p->began = p->shown = silent ? 0 : progress_clock();
	if (line->since == 0)
		line->since = line->told = p->began;
	p->outer = line->innermost;
	progress_clear(p->outer);
	line->innermost = p;
}

/* "3/10", "1.4 MiB/2.0 GiB"; how long it has taken where nothing is counted. */
static const char *
count(const struct progress *p, struct arena *a, const char *of)
{
	const char *done, *total;

	if (p->total == 0 && p->done == 0)
		return text_duration(a, progress_clock() - p->began);
	done = p->bytes ? text_size(a, (int64_t)p->done)
			: arena_printf(a, "%zu", p->done);
	if (p->total == 0)
		return done;
	total = p->bytes ? text_size(a, (int64_t)p->total)
			 : arena_printf(a, "%zu", p->total);
	return arena_printf(a, "%s%s%s", done, of, total);
}

/* "[####....] ", or nothing where it doesn't fit. */
static const char *
draw_box(const struct progress *p, struct arena *a, size_t room)
{
	size_t i, full;
	char *box;

	if (p->total == 0 || room < 10 + 3)
		return "";
	room = room - 3 < BAR_MAX ? room - 3 : BAR_MAX;
	full = (size_t)((double)p->done / (double)p->total * (double)room);
	box = arena_strdup(a, arena_printf(a, "[%*s] ", (int)room, ""));
	for (i = 0; i < room; i++)
		box[i + 1] = i < full ? '#' : '.';
	return box;
}

static void
draw_bar(struct progress *p)
{
	size_t room = progress_columns() - 1, text;
	struct arena a = {0};
	const char *n = count(p, &a, "/"), *line;

	text = text_columns(p->what) + strlen(n) + 1;
	line = arena_printf(&a, "%s %s%s", p->what,
	    draw_box(p, &a, room > text ? room - text : 0), n);
	fprintf(stderr, REDRAW "%.*s", text_fitting(line, room), line);
	fflush(stderr);
	arena_release(&a);
	p->drawn = true;
}

static void
print_line(struct progress *p, double now)
{
	struct arena a = {0};

	fflush(stdout);
	fprintf(stderr, "%s: %s", p->what, count(p, &a, " of "));
	if (p->total > 0 || p->done > 0)
		fprintf(stderr, " after %s", text_duration(&a, now - p->began));
	fputc('\n', stderr);
	arena_release(&a);
}

void
progress_step(struct progress *p, size_t done)
{
	double now;

	p->done = done;
	if (p->silent)
		return;
	now = progress_clock();
	if (now - p->line->since < PATIENCE)
		return;
	if (p->bar && now - p->shown >= BAR_GAP) {
		draw_bar(p);
		p->shown = now;
	} else if (!p->bar && now - p->line->told >= LINE_GAP) {
		print_line(p, now);
		p->line->told = now;
	}
}

void
progress_pass(struct progress *p)
{
	size_t done = p ? p->done : 0;
	struct stat st;

	if (!p)
		return;
	if (p->file > 0 && fstat(p->file, &st) == 0)
		progress_step(p, done + (size_t)st.st_size);
	else
		progress_step(p, done);
	p->done = done;
}

void
progress_clear(struct progress *p)
{
	if (p && p->drawn) {
		fputs(REDRAW, stderr);
		p->drawn = false;
		p->shown = 0;
	}
}

void
progress_end(struct progress *p)
{
	if (p->line->innermost != p)
		return;
	progress_clear(p);
	p->line->innermost = p->outer;
}
