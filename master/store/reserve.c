/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/store/reserve.h"
#include "master/master.h"
#include "master/http/request.h"
#include "base/conf.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#define LOOK_TIME   (5 * SECOND)
#define DEFAULT_MAX ((int64_t)1 << 30)
#define RETRY_AFTER "60"

/* "5%": 5; -1 when it isn't of this form. */
static int
percent(const char *s)
{
	size_t digits = strspn(s, "0123456789");

	if (digits < 1 || digits > 2 || strcmp(s + digits, "%") != 0)
		return -1;
	return (int)strtol(s, NULL, 10);
}

bool
reserve_valid(const char *text)
{
	return percent(text) >= 0 || conf_parse_size(text) >= 0;
}

int64_t
reserve_bytes(const char *text, int64_t total)
{
	if (!text)
		return total / 20 < DEFAULT_MAX ? total / 20 : DEFAULT_MAX;
	if (percent(text) >= 0)
		return total / 100 * percent(text);
	return conf_parse_size(text);
}

void
reserve_look(struct master *m, int64_t now)
{
	struct reserve *d = &m->reserve;
	struct statvfs s;
	int64_t enough;
	bool low;

	d->looked = now;
	if (fstatvfs(m->st->dir, &s) < 0)
		return;
	d->free = (int64_t)s.f_bavail * (int64_t)s.f_frsize;
	d->total = (int64_t)s.f_blocks * (int64_t)s.f_frsize;
	d->wanted = reserve_bytes(m->set->reserve, d->total);
	/* not to and fro with every file */
	enough = d->low ? d->wanted + d->wanted / 16 : d->wanted;
	low = d->wanted > 0 && d->free < enough;
	if (low && !d->low)
		log_warn("disk is low: no jobs and artifacts are taken "
			 "free=%" PRId64 " reserve=%" PRId64,
		    d->free, d->wanted);
	if (!low && d->low)
		log_info("disk has room again free=%" PRId64
			 " reserve=%" PRId64,
		    d->free, d->wanted);
	d->low = low;
}

void
reserve_turn(struct master *m, int64_t now)
{
	if (now - m->reserve.looked >= LOOK_TIME || now < m->reserve.looked)
		reserve_look(m, now);
}

bool
reserve_allows(struct master *m, struct request *r, unsigned status)
{
	struct reserve *d = &m->reserve;

	if (!d->low && (r->length <= 0 || d->free - r->length >= d->wanted))
		return true;
	d->refused++;
	request_problem(r, status, "disk-full",
	    "the master's disk has %" PRId64 " bytes free, of which it keeps "
	    "%" PRId64 "; try again later",
	    d->free, d->wanted);
	request_header(r, "Retry-After", RETRY_AFTER);
	return false;
}

void
reserve_metrics(struct master *m, struct buf *b)
{
	const struct reserve *d = &m->reserve;
	struct rusage u = {0};

	getrusage(RUSAGE_SELF, &u);
	buf_addf(b,
	    "# TYPE autotua_disk_free_bytes gauge\n"
	    "autotua_disk_free_bytes %" PRId64 "\n"
	    "# TYPE autotua_disk_reserve_bytes gauge\n"
	    "autotua_disk_reserve_bytes %" PRId64 "\n"
	    "# TYPE autotua_disk_low gauge\nautotua_disk_low %d\n"
	    "# TYPE autotua_disk_refused_total counter\n"
	    "autotua_disk_refused_total %" PRId64 "\n",
	    d->free, d->wanted, d->low, d->refused);
	buf_addf(b,
	    "# TYPE process_start_time_seconds gauge\n"
	    "process_start_time_seconds %.3f\n"
	    "# TYPE process_cpu_seconds_total counter\n"
	    "process_cpu_seconds_total %.3f\n",
	    (double)m->started / 1e6,
	    (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
		(double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6);
}
