/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/serve/loop.h"
#include "base/clock.h"
#include "base/error.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <unistd.h>

#define EVENTS 64
#define APART  2000000 /* what is less, clocks may differ by */

int64_t
now_us(void)
{
	struct timeval tv;

	gettimeofday(&tv, NULL);
	return (int64_t)tv.tv_sec * 1000000 + tv.tv_usec;
}

int64_t
loop_now(const struct loop *l)
{
	return clock_us() + l->ahead;
}

int64_t
loop_moved(struct loop *l)
{
	int64_t by = now_us() - loop_now(l);

	if (by > -APART && by < APART)
		return 0;
	l->ahead += by;
	return by;
}

int
loop_open(struct loop *l, struct error *err)
{
	memset(l, 0, sizeof(*l));
	l->ahead = now_us() - clock_us();
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0)
		return fail_errno(err, "epoll");
	return 0;
}

int
loop_add(struct loop *l, struct watch *w, struct error *err)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = w};

	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, w->fd, &ev) < 0)
		return fail_errno(err, "watch a descriptor");
	return 0;
}

void
loop_remove(struct loop *l, struct watch *w)
{
	epoll_ctl(l->epoll, EPOLL_CTL_DEL, w->fd, NULL);
}

/*
 * One event a call of epoll_wait would be simplest; but a watch removes only
 * itself while it is called, so a batch is safe.
 */
void
loop_turn(struct loop *l, int ms)
{
	struct epoll_event events[EVENTS];
	struct watch *w;
	int i, n;

	n = epoll_wait(l->epoll, events, EVENTS, ms);
	for (i = 0; i < n; i++) {
		w = events[i].data.ptr;
		w->ready(w->ctx);
	}
}
