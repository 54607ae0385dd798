/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slave/leash.h"
#include "slave/worker.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define NEWS_MAX   1024
#define TELL_LATER 100 /* milliseconds that news may wait for more */

void
leash_init(struct leash *l, int tell, int hold, int64_t day)
{
	*l = (struct leash){.tell = tell, .hold = hold, .day = day};
	buf_init(&l->news, NEWS_MAX);
}

void
leash_tell_now(struct leash *l)
{
	struct error none;

	file_write_all(l->tell, l->news.data, l->news.len, &none);
	l->news.len = 0;
}

void
leash_tell(struct leash *l, const char *fmt, ...)
{
	char line[64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (l->news.len == 0)
		l->news_since = clock_ms();
	if (buf_adds(&l->news, line) == 0)
		return;
	/* it is full: none of it was added */
	leash_tell_now(l);
	(void)buf_adds(&l->news, line);
}

bool
leash_is_loose(struct leash *l)
{
	struct pollfd p = {.fd = l->hold, .events = POLLIN};

	if (l->news.len > 0 && clock_ms() - l->news_since >= TELL_LATER)
		leash_tell_now(l);
	return poll(&p, 1, 0) > 0;
}

/* ---- the owner's traffic ------------------------------------------------- */

int
leash_need(struct leash *l, int64_t bytes, struct error *err)
{
	int64_t lacks = bytes - l->granted;
	struct worker_grant more = {0};

	if (l->day == 0 || lacks <= 0)
		return 0;
	if (bytes > l->day) {
		fail(err, "more than the slave's owner lets it fetch in a day");
		err->code = LEASH_BEYOND;
		return -1;
	}
	leash_tell(l, "want %" PRId64 "\n", lacks);
	leash_tell_now(l);
	if (read(l->hold, &more, sizeof(more)) == (ssize_t)sizeof(more) &&
	    more.bytes >= lacks) {
		l->granted += more.bytes;
		return 0;
	}
	fail(err, "more than the slave's owner lets it fetch today");
	err->code = EAGAIN;
	return -1;
}

void
leash_took(struct leash *l, int64_t bytes)
{
	l->came += bytes;
	l->granted -= bytes < l->granted ? bytes : l->granted;
}

static void
tell_moved(struct leash *l, int64_t bytes)
{
	leash_tell(l, "moved %" PRId64 " %" PRId64 "\n", bytes, l->granted);
}

void
leash_done(struct leash *l)
{
	int64_t came = l->came;

	if (came == 0 && l->granted == 0)
		return;
	l->came = l->granted = 0;
	tell_moved(l, came);
}

void
leash_beside(struct leash *l, int64_t bytes)
{
	if (bytes > 0)
		tell_moved(l, bytes);
}
