/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/step/status.h"
#include "chroot/step/prepare.h"
#include "base/file.h"
#include "base/error.h"

#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#define MS 1000000LL

int
status_line(struct run *r, const char *line, struct error *err)
{
	if (r->o->status < 0)
		return 0;
	if (file_write_all(r->o->status, line, strlen(line), err) < 0)
		return fail_in(err, "status descriptor");
	return 0;
}

static long long
ms(const struct timeval *t)
{
	return (long long)t->tv_sec * 1000 + t->tv_usec / 1000;
}

/* The value of the limit that was met, for people and reports. */
static int64_t
limit_value(const struct run *r, enum limit limit)
{
	const struct run_options *o = r->o;

	switch (limit) {
	case LIMIT_TIME:
		return o->time;
	case LIMIT_SILENCE:
		return o->silence;
	case LIMIT_LOG:
		return o->log_max;
	case LIMIT_MEMORY:
		return o->limits.memory;
	case LIMIT_PIDS:
		return o->limits.pids;
	case LIMIT_DISK:
		if (r->disk.files) /* and these are no bytes */
			return 0;
		return o->limits.disk > 0
		    ? o->limits.disk
		    : r->disk.begin.bytes - r->disk.reserve.bytes;
	case LIMIT_ARTIFACTS:
		return o->artifact_bytes;
	case LIMIT_FILES:
		return o->artifact_files;
	case LIMIT_NONE:
		break;
	}
	return 0;
}

int
status_end(struct run *r, const char *phase, const struct jail_result *res,
    uint64_t log_start, struct error *err)
{
	const char *value = "";

	if (res->limit != LIMIT_NONE)
		value = arena_printf(&r->arena, " limit_value=%lld",
		    (long long)limit_value(r, res->limit));
	return status_line(r,
	    arena_printf(&r->arena,
		"end phase=%s exit=%d signal=%d limit=%s%s wall_ms=%lld "
		"user_ms=%lld system_ms=%lld memory_kb=%ld log_start=%llu "
		"log_end=%llu log_left_out=%llu net_bytes=%lld\n",
		phase, res->exit, res->signal, limit_names[res->limit], value,
		(long long)(res->wall / MS), ms(&res->usage.ru_utime),
		ms(&res->usage.ru_stime), res->usage.ru_maxrss,
		(unsigned long long)log_start,
		(unsigned long long)r->watch.log_bytes,
		(unsigned long long)res->left_out, (long long)res->carried),
	    err);
}

/* What the machine lacks is told once, and again when more is found. */
int
status_lacks(struct run *r, unsigned lacks, struct error *err)
{
	char text[FEATURE_TEXT];

	if (r->told && (lacks & ~r->lacks) == 0)
		return 0;
	r->told = true;
	r->lacks |= lacks;
	return status_line(r,
	    arena_printf(
		&r->arena, "jail lacks=%s\n", feature_text(r->lacks, text)),
	    err);
}
