/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/watch.h"
#include "cli/cli.h"
#include "cli/client.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PATIENCE 60 /* seconds that a master may be away */

/* What of the screen is ours. */
struct screen {
	size_t lines;
	json_t *last;
};

/* Lines that text takes on this terminal. */
static size_t
count_lines(const char *text)
{
	struct winsize w = {0};
	size_t lines = 0, col = 0, width;

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &w);
	width = w.ws_col ? w.ws_col : 80;
	for (; *text; text++) {
		if (*text == '\033') {
			while (*text && *text != 'm')
				text++;
			continue;
		}
		if (*text == '\n') {
			lines += 1 + (col ? (col - 1) / width : 0);
			col = 0;
		} else if (((unsigned char)*text & 0xc0) != 0x80) {
			col++;
		}
	}
	return lines;
}

static void
redraw(struct cli *c, struct screen *s, const json_t *job)
{
	char *text = NULL;
	size_t n;
	FILE *f;

	f = open_memstream(&text, &n);
	if (!f)
		return;
	job_print(c, job, c->color_out, f);
	if (fclose(f) == 0) {
		if (s->lines)
			printf("\033[%zuA\033[J", s->lines);
		fputs(text, stdout);
		fflush(stdout);
		s->lines = count_lines(text);
	}
	free(text);
}

static bool
is_terminal(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term && *term &&
	    strcmp(term, "dumb") != 0;
}

static void
show_job(struct cli *c, struct screen *s, json_t *job)
{
	if (!c->json && is_terminal()) {
		redraw(c, s, job);
	} else if (!c->json) {
		job_print_changes(c, s->last, job, stdout);
		fflush(stdout);
	}
	json_decref(s->last);
	s->last = job;
}

static int
finish(struct cli *c, struct screen *s)
{
	int rc = job_status(s->last);

	if (c->json)
		cli_json(json_incref(s->last));
	else if (!is_terminal())
		job_print(c, s->last, c->color_out, stdout);
	json_decref(s->last);
	return rc;
}

int
watch_job(struct cli *c, struct http *h, int64_t job)
{
	const char *path =
	    arena_printf(&c->arena, "/api/v1/jobs/%lld", (long long)job);
	struct screen s = {0};
	json_t *answer;
	int rc, away = 0;

	client_catch_signals();
	do {
		rc = client_call(c, h, "GET", path, NULL, &answer);
		/* a master that restarts comes back */
		if (rc == CLI_UNAVAILABLE && s.last && ++away < PATIENCE)
			continue;
		if (rc != CLI_OK)
			break;
		away = 0;
		show_job(c, &s, answer);
		if (job_ended(answer))
			return finish(c, &s);
	} while (client_pause());
	json_decref(s.last);
	if (client_stopped()) {
		cli_note(c, "job %lld goes on: jobuild status %lld",
		    (long long)job, (long long)job);
		return CLI_INTERRUPTED;
	}
	return rc;
}
