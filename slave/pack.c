/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slave/pack.h"
#include "slave/backoff.h"
#include "slave/conf.h"
#include "slave/lease.h"
#include "slave/leash.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "net/http.h"
#include "tree/tree.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#define TRY_TIME 120000 /* milliseconds that trying for it takes */
#define PAUSE    20000  /* at most, between two tries */

/* Is it still wanted after so many milliseconds? */
static bool
rest(const struct pack_line *l, int64_t ms)
{
	struct pollfd p = {.fd = l->leash->hold, .events = POLLIN};

	return poll(&p, 1, ms > 0 ? (int)ms : 0) <= 0;
}

static bool
is_unwanted(void *ctx)
{
	return !rest(ctx, 0);
}

/* Nothing of it was taken off yet: that is done when the call is over. */
static bool
may_come(void *ctx, int64_t bytes)
{
	struct pack_line *l = ctx;

	return leash_need(l->leash, bytes, &l->refused) == 0;
}

static int
connect_master(struct pack_line *l, struct error *err)
{
	struct arena a = {0};
	struct http_conf hc = {.url = l->conf->url,
	    .ca = conf_path(l->conf, &a, "ca.pem"),
	    .cert = conf_path(l->conf, &a, "cert.pem"),
	    .key = conf_path(l->conf, &a, "key.pem"),
	    .cancelled = is_unwanted,
	    .may_come = may_come,
	    .ctx = l};
	int rc = http_open(&l->master, &hc, err);

	arena_release(&a);
	return rc;
}

static void
disconnect(struct pack_line *l)
{
	if (l->master)
		http_close(l->master);
	l->master = NULL;
}

/* The line or the master's disk, not the unit: it may do in a moment. */
static bool
may_pass(int status, const struct error *err)
{
	if (status < 0)
		return err->code == EAGAIN;
	return http_may_pass(status);
}

/* One call; what came, if not all, counts too. */
static int
get(struct pack_line *l, const char *path, int fd, struct error *err)
{
	int status = http_get(l->master, path, fd, TREE_PACK_MAX, err);
	off_t came = lseek(fd, 0, SEEK_CUR);

	if (came > 0)
		leash_took(l->leash, came);
	if (l->refused.code != 0)
		*err = l->refused;
	return status;
}

/* The HTTP status of the last try, or -1. */
static int
try_pack(struct pack_line *l, const char *path, int fd, struct error *err)
{
	bool fresh = !l->master, refused;
	struct backoff wait = {0};
	int64_t end = clock_ms() + TRY_TIME;
	int status;

	l->refused.code = 0;
	for (;;) {
		status = -1;
		if (l->master || connect_master(l, err) == 0)
			status = get(l, path, fd, err);
		if (status == 200 || status == 409)
			return status;
		disconnect(l);
		if (lseek(fd, 0, SEEK_SET) < 0 || ftruncate(fd, 0) < 0)
			return fail_errno(err, "temporary file");
		/* a kept connection may show a certificate of yesterday */
		refused = l->refused.code != 0;
		if (!fresh && !refused &&
		    (status < 0 || status == 401 || status == 403)) {
			fresh = true;
			continue;
		}
		if (!may_pass(status, err) || refused || clock_ms() >= end)
			return status;
		if (wait.tries == 0)
			log_warn("pack: %s; trying again", err->msg);
		backoff_fail(&wait, clock_ms(), PAUSE, lease_random());
		if (!rest(l, wait.at - clock_ms()))
			return status;
	}
}

enum pack_result
pack_get(struct pack_line *l, int64_t lease, int64_t attempt, int fd,
    struct error *err)
{
	char path[128];
	int status;

	snprintf(path, sizeof(path),
	    "/api/v1/lease/%" PRId64 "/pack?attempt=%" PRId64, lease, attempt);
	status = try_pack(l, path, fd, err);
	if (status == 200)
		return PACK_THERE;
	if (status == 409)
		return PACK_STALE;
	fail_in(err, "pack");
	return may_pass(status, err) ? PACK_LATER : PACK_NEVER;
}
