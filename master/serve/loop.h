/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's event loop (epoll) and the work that is done beside it: a
 * child process does what would block, writes its result to a pipe and
 * exits. A few children run at once, others wait for their turn. Everything
 * else happens in this one process, one thing after another.
 */
#ifndef MASTER_LOOP_H
#define MASTER_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct buf;
struct child;
struct error;

struct watch {
	int fd;
	void (*ready)(void *ctx);
	void *ctx;
};

struct loop {
	int epoll;
	int64_t ahead; /* of the wall clock, before clock_us(): loop_now() */
	bool stop;
	int64_t max_children;
	const char *tmp; /* TMPDIR of the children */
	int64_t running;
	struct child *first, *last; /* those that wait and those that run */
};

int loop_open(struct loop *l, struct error *err);
void loop_close(struct loop *l); /* kills the children */
int loop_add(struct loop *l, struct watch *w, struct error *err);
void loop_remove(struct loop *l, struct watch *w);

/* Wait for at most ms and call what is ready. */
void loop_turn(struct loop *l, int ms);

/* End those that are late, start others; now is clock_us(). */
void loop_children(struct loop *l, int64_t now);

/*
 * Three clocks, in microseconds. An instant of the world (what is signed, a
 * certificate, an age on the disk) is of now_us(), since 1970, which somebody
 * may set. A span that nobody else sees is of clock_us(), since the machine
 * started. What memory compares, shows and stores (leases, when somebody was
 * seen) is of loop_now(): as steady, and since 1970. When the wall clock was
 * set, loop_moved() says by how much, 0 else, and loop_now() goes with it: who
 * calls moves what it keeps of such times.
 */
int64_t now_us(void);
int64_t loop_now(const struct loop *l);
int64_t loop_moved(struct loop *l);

struct child_work {
	/*
	 * In the child: write the result to out, or child_fail(); what it
	 * returns is ignored.
	 */
	void (*work)(void *ctx, int out);
	/*
	 * In the parent, once: text is what was written, whole; NULL when the
	 * child didn't end well, then err says why.
	 */
	void (*done)(
	    void *ctx, const struct buf *text, const struct error *err);
	void *ctx;
	int64_t limit; /* seconds */
	/*
	 * Has it got on since a time (microseconds since 1970)? Asked when the
	 * limit is reached, which counts anew if so, up to an hour in all.
	 * NULL: never.
	 */
	bool (*gets_on)(void *ctx, int64_t since);
	size_t max; /* bytes of the result */
};

/* Run it now or later; done is called in any case, never from here. */
void child_start(struct loop *l, const struct child_work *w);

/*
 * In the child, instead of a result: why there is none. In the parent, with
 * what done() got: 0 when text is a result; -1 with err, whose code is the
 * child's, when it told of a failure or didn't end well. No result begins
 * with a NUL.
 */
void child_fail(int out, const struct error *err);
int child_result(
    const struct buf *text, const struct error *ended, struct error *err);

#endif
