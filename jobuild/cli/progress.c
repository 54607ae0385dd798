/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/progress.h"
#include "cli/cli.h"
#include "cli/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
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
progress_terminal(const struct cli *c)
{
	const char *term = getenv("TERM"), *ci = getenv("CI");

	return !c->quiet && !c->json && isatty(STDERR_FILENO) && term &&
	    *term && strcmp(term, "dumb") != 0 && (!ci || !*ci);
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
progress_begin(
    struct progress *p, struct cli *c, const char *what, size_t total)
{
	memset(p, 0, sizeof(*p));
	p->cli = c;
	p->what = what;
	p->total = total;
	p->silent = c->quiet || c->json;
	p->bar = progress_terminal(c);
	p->began = p->shown = p->silent ? 0 : progress_clock();
}

static void
draw_bar(struct progress *p, size_t done)
{
	size_t room = progress_columns(), text = strlen(p->what) + 24, i, full;

	fprintf(stderr, REDRAW "%s ", p->what);
	room = room > text + 10 ? room - text : 0;
	if (room > BAR_MAX)
		room = BAR_MAX;
	if (p->total > 0 && room > 0) {
		full = done * room / p->total;
		fputc('[', stderr);
		for (i = 0; i < room; i++)
			fputc(i < full ? '#' : '.', stderr);
		fputs("] ", stderr);
	}
	if (p->total > 0)
		fprintf(stderr, "%zu/%zu", done, p->total);
	else if (done > 0)
		fprintf(stderr, "%zu", done);
	fflush(stderr);
	p->drawn = true;
}

static void
print_line(struct progress *p, size_t done, double now)
{
	const char *time = text_duration(&p->cli->arena, now - p->began);

	fflush(stdout);
	if (p->total > 0)
		fprintf(stderr, "%s: %zu of %zu after %s\n", p->what, done,
		    p->total, time);
	else
		fprintf(stderr, "%s: %zu after %s\n", p->what, done, time);
}

void
progress_step(struct progress *p, size_t done)
{
	double now;

	if (p->silent)
		return;
	now = progress_clock();
	if (now - p->began < PATIENCE)
		return;
	if (p->bar && now - p->shown >= BAR_GAP) {
		draw_bar(p, done);
		p->shown = now;
	} else if (!p->bar && now - p->shown >= LINE_GAP) {
		print_line(p, done, now);
		p->shown = now;
	}
}

void
progress_end(struct progress *p)
{
	if (p->drawn)
		fputs(REDRAW, stderr);
	p->drawn = false;
}
