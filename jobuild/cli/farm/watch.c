/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The master's events say when to look; without them (an older master, a
 * broken line) it is looked once a second.
 */
#include "cli/farm/watch.h"
#include "cli/cli.h"
#include "cli/farm/client.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/steps.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "cli/farm/view.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PATIENCE 60.0 /* seconds that a master may be away */
#define SILENCE  20.0 /* without a word it is: its stream has some each 15 */
#define SLOW     3.0  /* for an answer */
#define CALL_MAX 20.0 /* then the line is dead: the next call has another */
#define LOOK_GAP 0.2  /* between two looks */
#define DRAW_GAP 1.0
#define TAIL     400 /* bytes, for the last line of a log */
#define TAILS    4   /* logs looked into for one picture */

/* A screen of our own, so that one that is resized has nothing of ours. */
#define ENTER "\033[?1049h"
#define LEAVE "\033[?7h\033[H\033[J\033[?1049l"

/* The end of a step's log. */
struct tail {
	double unit, step;
	char text[TAIL];
	ssize_t n;
};

struct watching {
	struct cli *cli;
	struct http *calls, *events;
	int64_t job;
	const char *path; /* of the job */
	json_t *last;
	bool terminal, stale; /* something has happened since the last look */
	bool entered;         /* our screen */
	bool over;            /* nothing more to wait for; rc is set */
	double looked, drawn, now;
	int rc, spool;
	struct tail tails[TAILS];
	size_t turn; /* the one that the next picture reads anew */
	/* is the master there? */
	double heard, calling; /* its last word; our call's begin, 0: none */
	double since;          /* it has been away or silent; 0: it is there */
	const char *why;       /* nothing was answered, NULL: it was */
	bool told;             /* the user, where there is no picture */
	/* of the stream of events */
	char line[256], id[64];
	size_t nline;
};

/* One that is drawn; while it reads a log, others are. */
struct picture {
	struct watching *watching;
	size_t tails;
	bool fresh;   /* reads all of them */
	bool reading; /* or one; else what has been read is shown */
};

/* ---- the master ------------------------------------------------------------
 */

static void
hear(struct watching *w)
{
	w->heard = progress_clock();
	w->since = 0;
	w->why = NULL;
	w->told = false;
}

/* "master away for 12s: WHY"; NULL when it is there. */
static const char *
absence(struct watching *w)
{
	struct arena *a = &w->cli->arena;
	double now = progress_clock(), time;
	const char *text;

	if (w->since == 0 && now - w->heard >= SILENCE)
		w->since = w->heard;
	if (w->since == 0 && w->calling > 0 && now - w->calling >= SLOW)
		w->since = w->calling;
	if (w->since == 0)
		return NULL;
	time = now - w->since;
	text = time < 60 ? arena_printf(a, "%ds", (int)time)
			 : text_duration(a, time);
	return w->why ? arena_printf(a, "master away for %s: %s", text, w->why)
		      : arena_printf(a, "master silent for %s", text);
}

/* ---- the picture --------------------------------------------------------- */

/* Stopped by ^Z: the shell has its screen. */
static void
on_suspend(int sig)
{
	int saved = errno;

	(void)sig;
	if (write(STDOUT_FILENO, LEAVE, strlen(LEAVE)) > 0 &&
	    raise(SIGSTOP) == 0)
		(void)!write(STDOUT_FILENO, ENTER, strlen(ENTER));
	errno = saved;
}

static void
enter(struct watching *w)
{
	struct sigaction sa = {
	    .sa_handler = on_suspend, .sa_flags = SA_RESTART};

	if (w->entered)
		return;
	w->entered = true;
	fputs(ENTER, stdout);
	sigaction(SIGTSTP, &sa, NULL);
}

static void
leave(struct watching *w)
{
	if (!w->entered)
		return;
	w->entered = false;
	(void)signal(SIGTSTP, SIG_DFL);
	fputs(LEAVE, stdout);
	fflush(stdout);
}

static void
read_tail(struct watching *w, struct tail *t, double size)
{
	struct error ignored;
	off_t end;
	int status;

	if (ftruncate(w->spool, 0) < 0 || lseek(w->spool, 0, SEEK_SET) < 0)
		return;
	w->calling = progress_clock();
	status = http_get(w->calls,
	    arena_printf(&w->cli->arena,
		"/api/v1/units/%lld/log?step=%lld&offset=%lld",
		(long long)t->unit, (long long)t->step,
		size > TAIL ? (long long)size - TAIL : 0LL),
	    w->spool, 1 << 20, &ignored);
	w->calling = 0;
	if (status >= 0)
		hear(w);
	else
		w->stale = true; /* a look will tell why */
	end = lseek(w->spool, 0, SEEK_END);
	if (status == 200)
		t->n = pread(w->spool, t->text, sizeof(t->text),
		    end > TAIL ? end - TAIL : 0);
}

static const char *
last_line(void *ctx, const json_t *unit, const json_t *step)
{
	struct picture *p = ctx;
	struct watching *w = p->watching;
	double size = member_number(step, "log_bytes");
	double u = member_number(unit, "unit"), s = member_number(step, "step");
	struct tail *t = &w->tails[p->tails];
	ssize_t from, end;
	bool turn;

	if (size <= 0 || p->tails >= TAILS)
		return "";
	turn = p->fresh || p->tails == w->turn;
	p->tails++;
	if (t->unit != u || t->step != s)
		*t = (struct tail){.unit = u, .step = s};
	if (p->reading && turn && !absence(w))
		read_tail(w, t, size);
	for (end = t->n; end > 0 && strchr("\r\n", t->text[end - 1]); end--)
		continue;
	for (from = end; from > 0 && !strchr("\r\n", t->text[from - 1]); from--)
		continue;
	/* a long line is cut anywhere */
	while (from < end && ((unsigned char)t->text[from] & 0xc0) == 0x80)
		from++;
	return end > from
	    ? show(&w->cli->arena, t->text + from, (size_t)(end - from))
	    : "";
}

/*
 * From the screen's first line on, each line up to its end and all below; no
 * line goes on in the next one, whatever the terminal takes for wide.
 */
static void
print_picture(const char *text)
{
	size_t n;

	fputs("\033[?7l\033[H", stdout);
	for (; *text; text += n) {
		n = strcspn(text, "\n");
		printf("%.*s\033[K", (int)n, text);
		n += text[n] == '\n';
		if (text[n])
			fputs("\r\n", stdout);
	}
	fputs("\033[J\033[?7h", stdout);
	fflush(stdout);
}

static void
draw(struct watching *w, bool fresh, bool reading)
{
	struct arena kept = w->cli->arena; /* a picture's memory is its own */
	struct picture p = {.watching = w, .fresh = fresh, .reading = reading};
	struct view v = {.cli = w->cli, .tail = last_line, .ctx = &p};
	struct winsize size = {0};
	const char *text;

	w->cli->arena = (struct arena){0};
	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	v.columns = size.ws_col ? size.ws_col : 80;
	v.rows = size.ws_row ? size.ws_row : 24;
	v.note = absence(w);
	if (!v.note)
		w->now = text_now();
	v.now = w->now;
	text = view_draw(&v, w->last);
	if (reading)
		w->turn = w->turn + 1 < p.tails ? w->turn + 1 : 0;
	enter(w);
	print_picture(text);
	w->drawn = progress_clock();
	arena_release(&w->cli->arena);
	w->cli->arena = kept;
}

/* ---- looking ---------------------------------------------------------------
 */

/*
 * The job without a word to the user. NULL: why is set when another try may
 * help, else the call must be told of.
 */
static json_t *
ask(struct watching *w)
{
	struct error err = {0};
	json_t *answer = NULL;
	int status;

	w->calling = progress_clock();
	status = http_call(w->calls, "GET", w->path, NULL, &answer, &err);
	if (status >= 200 && status <= 299) {
		w->calling = 0;
		return answer;
	}
	if (status >= 0)
		http_problem(status, answer, NULL, &err);
	json_decref(answer);
	if (err.code == ECANCELED && !client_stopped()) {
		fail(&err, "no answer within %ds", (int)CALL_MAX);
		err.code = EAGAIN;
	}
	(void)absence(w); /* notes when it began */
	w->calling = 0;
	w->why = err.code == EAGAIN ? cli_show(w->cli, err.msg) : NULL;
	return NULL;
}

/* The master is away: false when it was for too long. */
static bool
is_patient(struct watching *w)
{
	double now = progress_clock();
	bool over;

	if (w->since == 0)
		w->since = now;
	over = now - w->since >= PATIENCE;
	if (w->terminal && over)
		leave(w);
	else if (w->terminal)
		draw(w, false, false);
	if (w->terminal ? over : !w->told)
		cli_errorf(w->cli, 0, "%s", w->why);
	w->told = true;
	w->rc = CLI_UNAVAILABLE;
	return !over;
}

/* Is there more to wait for? */
static bool
look_once(struct watching *w)
{
	json_t *answer = NULL;

	if (w->last)
		answer = ask(w);
	w->looked = progress_clock();
	if (!answer && w->last && w->why)
		return is_patient(w);
	if (!answer) {
		leave(w);
		w->rc = client_call(
		    w->cli, w->calls, "GET", w->path, NULL, &answer);
		if (w->rc != CLI_OK)
			return false;
	}
	w->rc = CLI_OK;
	hear(w);
	cli_overcome(w->cli);
	w->stale = false;
	if (w->cli->json)
		cli_json(w->cli, json_incref(answer));
	else if (!w->terminal)
		job_print_changes(w->cli, w->last, answer, stdout);
	json_decref(w->last);
	w->last = answer;
	if (w->terminal)
		draw(w, true, true);
	if (cli_flush(w->cli) < 0) {
		w->rc = CLI_FAILED;
		return false;
	}
	return !job_ended(answer);
}

static bool
look(struct watching *w)
{
	w->over = !look_once(w);
	return !w->over;
}

/* About once a second while an answer is waited for. */
static bool
on_wait(void *ctx)
{
	struct watching *w = ctx;
	double now = progress_clock();

	progress_tick(w->cli);
	if (w->calling == 0)
		return client_stopped();
	if (w->terminal && now - w->drawn >= DRAW_GAP)
		draw(w, false, false);
	return client_stopped() || now - w->calling >= CALL_MAX;
}

/* About once a second while events are waited for. */
static bool
on_tick(void *ctx)
{
	struct watching *w = ctx;
	double now = progress_clock();

	if (client_stopped())
		return true;
	if (now - w->heard >= SILENCE && now - w->looked >= SILENCE)
		w->stale = true;
	if (w->stale && now - w->looked >= LOOK_GAP && !look(w))
		return true;
	if (w->terminal && w->last && now - w->drawn >= DRAW_GAP)
		draw(w, false, true);
	return false;
}

/* A line of the stream: true when an event is complete. */
static bool
take_line(struct watching *w)
{
	w->line[w->nline] = '\0';
	if (strncmp(w->line, "id: ", 4) == 0)
		snprintf(w->id, sizeof(w->id), "%.63s", w->line + 4);
	return strncmp(w->line, "data:", 5) == 0;
}

static bool
take_events(void *ctx, const char *p, size_t n)
{
	struct watching *w = ctx;

	hear(w);
	for (; n > 0; n--, p++) {
		if (*p != '\n') {
			if (w->nline + 1 < sizeof(w->line))
				w->line[w->nline++] = *p;
			continue;
		}
		w->stale |= take_line(w);
		w->nline = 0;
	}
	if (!w->stale || progress_clock() - w->looked < LOOK_GAP)
		return !client_stopped();
	return look(w) && !client_stopped();
}

static int
follow(struct watching *w)
{
	const char *path = arena_printf(
	    &w->cli->arena, "/api/v1/events?job=%lld", (long long)w->job);
	struct error ignored;

	while (!w->over && !client_stopped()) {
		w->nline = 0;
		/* what happens from here on is told by the next look at most */
		if (look(w) && !w->why)
			http_stream(
			    w->events, path, w->id, take_events, w, &ignored);
		if (!w->over)
			client_pause();
	}
	if (w->last && job_ended(w->last))
		return CLI_OK;
	return w->rc;
}

static int
finish(struct watching *w)
{
	struct cli *c = w->cli;

	if (!c->json)
		job_print(c, w->last, c->color_out, stdout);
	return job_status(w->last);
}

int
watch_job(struct cli *c, int64_t job)
{
	struct watching w = {.cli = c,
	    .job = job,
	    .path =
		arena_printf(&c->arena, "/api/v1/jobs/%lld", (long long)job),
	    .terminal = !c->json && terminal_is(STDOUT_FILENO)};
	int rc;

	rc = client_open_ticking(c, on_wait, &w, &w.calls);
	if (rc == CLI_OK)
		rc = client_open_ticking(c, on_tick, &w, &w.events);
	if (rc != CLI_OK) {
		http_close(w.calls);
		return rc;
	}
	w.spool = memfd_create("log", MFD_CLOEXEC);
	client_catch_signals();
	rc = follow(&w);
	leave(&w);
	if (rc == CLI_OK && w.last && job_ended(w.last))
		rc = finish(&w);
	else if (client_stopped()) {
		cli_note(c, "job %lld goes on: jobuild watch %lld",
		    (long long)job, (long long)job);
		rc = CLI_INTERRUPTED;
	}
	json_decref(w.last);
	if (w.spool >= 0)
		close(w.spool);
	http_close(w.events);
	http_close(w.calls);
	return rc;
}

/* ---- the command -----------------------------------------------------------
 */

static const struct opt options[] = {
    CLIENT_OPTIONS,
    {0},
};

static int
watch_main(struct cli *c, const void *opts, int n, char *args[])
{
	int64_t job = client_number(c, "job", args[0]);

	(void)opts;
	(void)n;
	return job < 0 ? CLI_USAGE : watch_job(c, job);
}

const struct command watch_command = {
    .name = "watch",
    .arguments = "JOB",
    .summary = "look at a job's units until it ends",
    .options = options,
    .min = 1,
    .max = 1,
    .run = watch_main,
};
