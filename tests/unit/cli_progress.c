/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"
#include "cli/progress.h"
#include "tests/unit/tap.h"

#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REDRAW "\r\033[K"

static char seen[4096];

/* What do these calls write to standard error, a terminal or none? */
static const char *
said(struct cli *c, bool terminal, void (*call)(struct cli *c))
{
	struct winsize size = {.ws_row = 24, .ws_col = 60};
	int ends[2], old = dup(STDERR_FILENO);
	ssize_t n = 0, some;

	if (terminal ? openpty(&ends[0], &ends[1], NULL, NULL, &size) < 0
		     : pipe(ends) < 0)
		return "no terminal or pipe";
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	dup2(ends[1], STDERR_FILENO);
	call(c);
	fflush(stderr);
	dup2(old, STDERR_FILENO);
	close(old);
	while (
	    (some = read(ends[0], seen + n, sizeof(seen) - 1 - (size_t)n)) > 0)
		n += some;
	seen[n] = '\0';
	close(ends[0]);
	close(ends[1]);
	arena_release(&c->arena);
	memset(c, 0, sizeof(*c));
	return seen;
}

/* Long enough ago for whatever is to be shown. */
static void
begin(struct progress *p, struct cli *c, const char *what, size_t total)
{
	progress_begin(p, c, what, total);
	p->began -= 100;
	p->shown -= 100;
	c->bar.since -= 100;
	c->bar.told -= 100;
}

/* The program has begun so long ago, what comes is new. */
static void
wait_for(struct cli *c, double seconds)
{
	c->bar.since -= seconds;
	c->bar.told -= seconds;
}

static void
several(struct cli *c)
{
	const char *const names[] = {"reading", "checking", "writing"};
	struct progress p;
	int i;

	for (i = 0; i < 3; i++) {
		progress_begin(&p, c, names[i], 2);
		wait_for(c, 0.9);
		p.shown -= 0.9;
		progress_step(&p, 1);
		progress_end(&p);
	}
}

static void
many(struct cli *c)
{
	const char *const names[] = {"reading", "checking", "writing"};
	struct progress p;
	int i;

	for (i = 0; i < 3; i++) {
		progress_begin(&p, c, names[i], 0);
		p.began -= 4;
		wait_for(c, 4);
		progress_step(&p, 1);
		progress_end(&p);
	}
}

static void
quick(struct cli *c)
{
	struct progress p;

	progress_begin(&p, c, "reading", 4);
	progress_step(&p, 1);
	progress_end(&p);
}

static void
half(struct cli *c)
{
	struct progress p;

	begin(&p, c, "reading", 4);
	progress_step(&p, 2);
	progress_step(&p, 3); /* too soon after it */
	progress_end(&p);
}

static void
bytes(struct cli *c)
{
	struct progress p;

	begin(&p, c, "zlib.tar.gz", 4096);
	p.bytes = true;
	progress_step(&p, 1024);
	progress_end(&p);
}

static void
nobody_knows(struct cli *c)
{
	struct progress p;

	begin(&p, c, "waiting", 0);
	progress_tick(c);
	progress_end(&p);
	progress_tick(c);
}

static void
narrow(struct cli *c)
{
	struct progress p;

	begin(&p, c,
	    "a-name-that-is-much-longer-than-the-terminal-of-this-test-"
	    "is-wide",
	    10);
	progress_step(&p, 1);
	progress_end(&p);
}

static void
nested(struct cli *c)
{
	struct progress out, in;

	begin(&out, c, "all", 2);
	progress_step(&out, 1);
	begin(&in, c, "one\033[2J", 0);
	progress_step(&in, 5);
	progress_end(&in);
	progress_tick(c);
	progress_end(&out);
}

static void
spoken(struct cli *c)
{
	struct progress p;

	begin(&p, c, "all", 2);
	progress_step(&p, 1);
	cli_errorf(c, 0, "trouble");
	progress_step(&p, 2);
	progress_end(&p);
}

#define BAR(text) REDRAW text REDRAW
#define HALF      "all [####################....................] 1/2"

static void
test_terminal(void)
{
	struct cli c = {0};

	is(said(&c, true, quick), "", "a terminal: nothing within a second");
	is(said(&c, true, half),
	    BAR("reading [####################....................] 2/4"),
	    "a bar, redrawn not too often, and removed");
	is(said(&c, true, bytes),
	    BAR("zlib.tar.gz [#######......................] 1.0 KiB/4.0 KiB"),
	    "a bar of bytes");
	is(said(&c, true, nobody_knows), BAR("waiting 1m40s"),
	    "nothing to count: how long it has taken");
	is(said(&c, true, narrow),
	    BAR("a-name-that-is-much-longer-than-the-terminal-of-this-test-"
		"i"),
	    "never wider than the terminal");
	is(said(&c, true, nested), BAR(HALF) BAR("one\\x1b[2J 5") BAR(HALF),
	    "an inner one in the place of the outer one, escaped");
	is(said(&c, true, several),
	    BAR("checking [####################....................] 1/2")
		BAR("writing [####################....................] 1/2"),
	    "several short ones: shown when all have taken a second");
	is(said(&c, true, spoken),
	    BAR(HALF) "jobuild: trouble\r\n" BAR(
		"all [########################################] 2/2"),
	    "a bar makes room for what is told");
	c.quiet = true;
	is(said(&c, true, half), "", "-q: none");
	c.json = true;
	is(said(&c, true, half), "", "--json: none");
	setenv("CI", "1", 1);
	is(said(&c, true, half), "reading: 2 of 4 after 1m40s\r\n",
	    "CI: lines, on a terminal too");
	unsetenv("CI");
	setenv("TERM", "dumb", 1);
	is(said(&c, true, half), "reading: 2 of 4 after 1m40s\r\n",
	    "TERM=dumb: lines");
	setenv("TERM", "xterm", 1);
}

static void
test_pipe(void)
{
	struct cli c = {0};

	is(said(&c, false, quick), "", "a pipe: nothing within a second");
	is(said(&c, false, half), "reading: 2 of 4 after 1m40s\n",
	    "a line, not too often");
	is(said(&c, false, bytes),
	    "zlib.tar.gz: 1.0 KiB of 4.0 KiB after 1m40s\n", "bytes");
	is(said(&c, false, nobody_knows), "waiting: 1m40s\n", "only the time");
	is(said(&c, false, spoken),
	    "all: 1 of 2 after 1m40s\njobuild: trouble\n", "spoken");
	is(said(&c, false, many), "checking: 1 after 4.00s\n",
	    "several of less than five seconds: a line now and then");
	is(said(&c, false, nested),
	    "all: 1 of 2 after 1m40s\none\\x1b[2J: 5 after 1m40s\n",
	    "nested, and escaped");
}

int
main(void)
{
	setenv("TERM", "xterm", 1);
	unsetenv("CI");
	unsetenv("COLUMNS");
	test_terminal();
	test_pipe();
	return tap_done();
}
