/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a child of the loop tells its parent, and when it counts as late. */
#include "tap.h"
#include "master/serve/loop.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FAR ((int64_t)1 << 60)

static struct told {
	int times, rc;
	char text[32];
	struct error err;
} told;

static struct loop l;

static void
take(void *ctx, const struct buf *text, const struct error *ended)
{
	(void)ctx;
	told.times++;
	told.rc = child_result(text, ended, &told.err);
	if (text && text->data)
		snprintf(told.text, sizeof(told.text), "%s", text->data);
}

static void
nothing(void *ctx, int out)
{
	(void)ctx;
	(void)out;
}

static void
speak(void *ctx, int out)
{
	const char *s = ctx;

	if (write(out, s, strlen(s)) < 0)
		_exit(1);
}

static void
full_disk(void *ctx, int out)
{
	struct error err;

	(void)ctx;
	errno = ENOSPC;
	fail_errno(&err, "write it");
	child_fail(out, &err);
}

static void
no_reason(void *ctx, int out)
{
	struct error err;

	(void)ctx;
	fail(&err, "7 is no number here");
	child_fail(out, &err);
}

static void
break_off(void *ctx, int out)
{
	(void)ctx;
	if (write(out, "half", 4) < 0)
		_exit(2);
	_exit(3);
}

static void
too_much(void *ctx, int out)
{
	char text[65] = {'x'};

	(void)ctx;
	if (write(out, text, sizeof(text)) < 0)
		_exit(1);
}

static void
sleep_long(void *ctx, int out)
{
	(void)ctx;
	(void)out;
	pause();
}

static void
start(void (*work)(void *ctx, int out), const char *text)
{
	static char kept[32];
	const struct child_work w = {
	    .work = work, .done = take, .ctx = kept, .limit = 60, .max = 64};
	struct error err;

	memset(&told, 0, sizeof(told));
	snprintf(kept, sizeof(kept), "%s", text);
	if (loop_open(&l, &err) < 0)
		_exit(1);
	l.max_children = 1;
	child_start(&l, &w);
}

static void
run(void (*work)(void *ctx, int out), const char *text)
{
	start(work, text);
	while (told.times == 0) {
		loop_children(&l, clock_us());
		loop_turn(&l, 200);
	}
	loop_close(&l);
}

static void
test_results(void)
{
	run(nothing, "");
	ok(told.rc == 0 && !*told.text, "nothing is a result");
	run(speak, "-1 no failure");
	ok(told.rc == 0, "whatever it says");
	is(told.text, "-1 no failure", "is a result");
	run(full_disk, "");
	is_int(told.rc, -1, "a failure is none");
	is(told.err.msg, "write it: No space left on device", "it says why");
	is_int(told.err.code, ENOSPC, "and keeps the kernel's reason");
	run(no_reason, "");
	is(told.err.msg, "7 is no number here", "one that has no such reason");
	is_int(told.err.code, 0, "gets none");
	run(break_off, "");
	is_int(told.rc, -1, "what is told by half is no result");
	is(told.err.msg, "ended with exit 3", "but how it ended");
	run(too_much, "");
	is(told.err.msg, "its result is larger than 64 bytes", "too much");
}

static void
test_late(void)
{
	start(sleep_long, "");
	loop_children(&l, 0);
	loop_children(&l, FAR);
	while (told.times == 0)
		loop_turn(&l, 200);
	is(told.err.msg, "took longer than 60 s", "one that is late");
	loop_close(&l);

	start(nothing, "");
	loop_children(&l, 0);
	waitid(P_ALL, 0, &(siginfo_t){0}, WEXITED | WNOWAIT);
	loop_turn(&l, 200); /* the end of its pipe, not yet its own */
	is_int(told.times, 0, "one that has said all is not over at once");
	loop_children(&l, FAR);
	while (told.times == 0)
		loop_turn(&l, 200);
	is_int(told.rc, 0, "and is not late, however long its end takes");
	loop_close(&l);
}

int
main(void)
{
	test_results();
	test_late();
	return tap_done();
}
