/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The border between slave and jailer: each field refused by its name. */
#include "tap.h"
#include "base/error.h"
#include "chroot/request.h"

#include <stdio.h>
#include <string.h>

#define BIT(n) (1u << (n))

static struct request
run_request(void)
{
	struct request q;

	memset(&q, 0, sizeof(q));
	q.magic = REQUEST_MAGIC;
	q.version = REQUEST_VERSION;
	q.size = sizeof(q);
	q.kind = REQUEST_RUN;
	q.fds = BIT(REQUEST_ANSWER) | BIT(REQUEST_LISTS) | BIT(REQUEST_LOG) |
	    BIT(REQUEST_LEASH);
	q.records = 1;
	q.reserve = -1;
	snprintf(q.job, sizeof(q.job), "lease-1-1");
	memset(q.id, 'a', 64);
	return q;
}

static void
refused(const struct request *q, const char *word, const char *what)
{
	struct error err = {0, ""};

	ok(request_check(q, sizeof(*q), &err) < 0 && strstr(err.msg, word),
	    "%s is refused: %s", what, err.msg);
}

static void
job(const char *text, const char *what)
{
	struct request q = run_request();

	memset(q.job, 0, sizeof(q.job));
	memcpy(q.job, text, strlen(text));
	refused(&q, "field job", what);
}

static void
test_head(void)
{
	struct request q = run_request();
	struct error err;
	char large[10240];

	ok(request_check(&q, sizeof(q), &err) == 0, "a run passes");
	ok(request_check(&q, sizeof(q) - 1, &err) < 0, "a byte less doesn't");
	memset(large, 'a', sizeof(large));
	ok(request_check(large, sizeof(large), &err) < 0, "10 KB of a neither");
	q.magic++;
	refused(&q, "magic", "another magic");
	q = run_request();
	q.version++;
	refused(&q, "install autotua-chroot", "another version");
	q = run_request();
	q.kind = REQUEST_KINDS;
	refused(&q, "kind", "an unknown kind");
	q = run_request();
	q.fds &= ~BIT(REQUEST_LEASH);
	refused(&q, "fds", "a run without a leash");
	q = run_request();
	q.fds |= BIT(REQUEST_TARBALL);
	refused(&q, "fds", "a run with a tarball");
	q = run_request();
	q.flags = 0x80000000u;
	refused(&q, "flags", "an unknown flag");
	q = run_request();
	q.records = REQUEST_RECORDS + 1;
	refused(&q, "records", "too long a list");
}

static void
test_fields(void)
{
	struct request q = run_request();

	job("short", "a job of 5");
	job("../../../etc", "a job with dots and slashes");
	job("JOB-of-capitals", "a job of capitals");
	job("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	    "a job of 65");
	memset(q.job, 'a', sizeof(q.job));
	refused(&q, "field job", "a job without an end");
	q = run_request();
	q.job[sizeof(q.job) - 1] = 'x';
	refused(&q, "field job", "a job with bytes behind its NUL");
	q = run_request();
	q.id[3] = 'G';
	refused(&q, "field id", "a stage that is no digest");
	q = run_request();
	q.commit[0] = '/';
	refused(&q, "field commit", "a commit that is a path");
	q = run_request();
	q.name[0] = 'n';
	refused(&q, "field name", "a name that a run hasn't");
	q = run_request();
	q.time = -1;
	refused(&q, "field time", "a time below 0");
	q = run_request();
	q.memory = INT64_MAX;
	refused(&q, "field memory", "memory that can't be counted in");
}

static void
record(uint32_t kind, const char *name, const char *stored, const char *word)
{
	struct request q = run_request();
	struct request_record r[2];
	struct error err = {0, ""};

	memset(r, 0, sizeof(r));
	r[0].kind = RECORD_ARGUMENT;
	memcpy(r[0].name, "true", 5);
	r[1].kind = kind;
	memcpy(r[1].name, name, strlen(name));
	memcpy(r[1].stored, stored, strlen(stored));
	q.records = 2;
	if (!word)
		ok(request_check_records(&q, r, &err) == 0, "\"%s\" passes",
		    name);
	else
		ok(request_check_records(&q, r, &err) < 0 &&
			strstr(err.msg, word) && strstr(err.msg, "record 1"),
		    "\"%s\" is refused: %s", name, err.msg);
}

static void
test_records(void)
{
	char stored[144] = "sha512-", key[65];
	struct request q = run_request();
	struct request_record none[1];
	struct error err;

	memset(stored + 7, '0', 128);
	memset(key, 'b', 64);
	key[64] = '\0';
	record(RECORD_LAYER, key, "", NULL);
	record(RECORD_LAYER, "../layers", "", "name");
	record(RECORD_SOURCE, "a b.tar", stored, NULL);
	record(RECORD_SOURCE, "../a", stored, "name");
	record(RECORD_SOURCE, "..", stored, "name");
	record(RECORD_SOURCE, "a.tar", "sha512-../../etc/shadow", "stored");
	record(RECORD_CONF, "", stored, NULL);
	record(RECORD_PHASE, "job_run", "", NULL);
	record(RECORD_PHASE, "job run", "", "name");
	record(RECORD_PHASE, "job_run", stored, "stored");
	record(RECORD_ARGUMENT, "-x", "", NULL);
	record(RECORD_KINDS, "", "", "kind");
	memset(none, 0, sizeof(none));
	q.records = 0;
	ok(request_check_records(&q, none, &err) < 0, "no command is refused");
}

int
main(void)
{
	test_head();
	test_fields();
	test_records();
	return tap_done();
}
