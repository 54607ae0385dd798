/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The slave's spool: what a restart finds. */
#include "slave/spool.h"
#include "base/error.h"
#include "base/file.h"
#include "tests/unit/syncs.h"
#include "tests/unit/tap.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static struct error err;

static void
put(int dir, const char *name, const char *text)
{
	if (file_write_at(dir, name, text, strlen(text), 0600, &err) < 0)
		printf("# %s\n", err.msg);
}

static void
sum(void *ctx, int64_t lease)
{
	*(int64_t *)ctx += lease;
}

static void
test_leases(int spool)
{
	json_t *capsule = json_pack("{s:i}", "lease", 7), *back;
	int64_t total = 0;
	int dir;

	ok(spool_add(spool, 7, capsule, &err) == 0, "a lease is added");
	dir = spool_lease(spool, 7, &err);
	back = spool_json(dir, "capsule.json", &err);
	ok(json_equal(capsule, back), "its capsule is there");
	put(dir, "0.json", "{}");
	close(dir);
	ok(spool_add(spool, 7, capsule, &err) == 0, "it is given anew");
	dir = spool_lease(spool, 7, &err);
	ok(!spool_report(dir, 0), "what was left of the first is gone");
	close(dir);
	spool_add(spool, 30, capsule, &err);
	mkdirat(spool, "nonsense", 0700);
	mkdirat(spool, "007", 0700);
	mkdirat(spool, "-1", 0700);
	mkdirat(spool, "99999999999999999999", 0700);
	ok(spool_each(spool, sum, &total, &err) == 0, "all are listed");
	is_int(total, 37, "and only leases");
	ok(spool_remove(spool, 30, &err) == 0 &&
		spool_lease(spool, 30, &err) < 0,
	    "one is removed");
	json_decref(capsule);
	json_decref(back);
}

/* With so little room for a file, there is none for a lease's. */
static void
test_ready(int spool)
{
	struct rlimit was, little;

	ok(spool_ready(spool, &err) == 0, "there is room");
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &was);
	little = was;
	little.rlim_cur = 4096;
	setrlimit(RLIMIT_FSIZE, &little);
	ok(spool_ready(spool, &err) < 0, "without room it says so");
	ok(strstr(err.msg, "spool"), "and of what");
	setrlimit(RLIMIT_FSIZE, &was);
	ok(spool_ready(spool, &err) == 0, "and with room again");
}

static void
test_ending(int dir)
{
	char longer[SPOOL_REASON_MAX + 10];
	struct ending e, back;

	ok(!spool_ending(dir, &back), "a lease that runs has no end");
	ending_set(&e, ENDING_DONE, "failed", "job_run: exit 1");
	ok(spool_end(dir, &e, true, &err) == 0 && spool_ending(dir, &back),
	    "an end is written");
	is_int(back.kind, ENDING_DONE, "its kind");
	is(back.result, "failed", "its result");
	is(back.reason, "job_run: exit 1", "its reason");
	ending_set(&e, ENDING_REFUSE_HARD, NULL, "not signed");
	spool_end(dir, &e, true, &err);
	ok(spool_ending(dir, &back) && back.kind == ENDING_REFUSE_HARD,
	    "a refusal too");
	put(dir, "result.json", "{\"kind\":\"do");
	ok(!spool_ending(dir, &back), "half an end is none");
	put(dir, "result.json", "{\"kind\":\"maybe\"}");
	ok(!spool_ending(dir, &back), "nor is an unknown one");
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	memcpy(longer + SPOOL_REASON_MAX - 3, "\xe2\x82\xac", 3);
	ending_set(&e, ENDING_DONE, "failed", longer);
	is_int((long long)strlen(e.reason), SPOOL_REASON_MAX - 3,
	    "a long reason is cut between characters");
}

static void
test_results(int dir)
{
	char text[8] = "";
	json_t *report;
	int fd;

	is_int(spool_log_size(dir, 0), 0, "no log yet");
	put(dir, "0.log", "hello");
	is_int(spool_log_size(dir, 0), 5, "a log");
	fd = spool_log(dir, 0, &err);
	ok(read(fd, text, 7) == 5 && strcmp(text, "hello") == 0, "its bytes");
	close(fd);
	put(dir, "1.json", "{\"step\":1}");
	report = spool_report(dir, 1);
	ok(report && !spool_report(dir, 0), "reports by step");
	json_decref(report);
	mkdirat(dir, "1.out", 0700);
	mkdirat(dir, "1.out/a", 0700);
	put(dir, "1.out/a/b", "x");
	if (symlinkat("../capsule.json", dir, "1.out/link") < 0)
		printf("# no link\n");
	fd = spool_artifact(dir, 1, "a/b", &err);
	ok(fd >= 0, "an artifact");
	close(fd);
	ok(spool_artifact(dir, 1, "../capsule.json", &err) < 0,
	    "none outside of its folder");
	ok(spool_artifact(dir, 1, "link", &err) < 0, "no link is followed");
	ok(spool_artifact(dir, 1, "/etc/passwd", &err) < 0, "no absolute path");
}

static void
test_sent(int dir)
{
	struct sent s = {3, 1234}, back = {9, 9};

	spool_sent(dir, &back);
	ok(back.step == 0 && back.log == 0, "nothing is acknowledged");
	ok(spool_set_sent(dir, &s, &err) == 0, "something is");
	spool_sent(dir, &back);
	ok(back.step == 3 && back.log == 1234, "and found again");
	put(dir, "sent.json", "{\"step\":-1,\"log\":0}");
	spool_sent(dir, &back);
	ok(back.step == 0 && back.log == 0, "nonsense is nothing");
}

/* The end is worth nothing without what it speaks of. */
static void
test_sync(const char *path, int spool)
{
	json_t *capsule = json_pack("{s:i}", "lease", 8);
	char lease[PATH_MAX];
	int dir;

	snprintf(lease, sizeof(lease), "%s/8", path);
	spool_add(spool, 8, capsule, &err);
	json_decref(capsule);
	dir = spool_lease(spool, 8, &err);
	put(dir, "0.log", "hello");
	put(dir, "0.json", "{}");
	put(dir, "sent.json", "{}");
	mkdirat(dir, "0.out", 0700);
	syncs[0] = '\0';
	ok(spool_sync(dir, &err) == 0, "a lease is synced");
	ok(is_synced(lease, "capsule.json"), "its capsule");
	ok(is_synced(lease, "0.log") && is_synced(lease, "0.json"),
	    "what its steps have left");
	ok(is_synced(lease, ""), "their names");
	ok(is_synced(path, ""), "and its own");
	ok(!is_synced(lease, "sent.json"), "a hint isn't waited for");
	close(dir);
}

int
main(void)
{
	char path[] = "/tmp/slave-spool.XXXXXX";
	int spool, dir;

	if (!mkdtemp(path))
		return 1;
	spool = spool_open(path, &err);
	test_leases(spool);
	test_ready(spool);
	dir = spool_lease(spool, 7, &err);
	test_ending(dir);
	test_results(dir);
	test_sent(dir);
	close(dir);
	test_sync(path, spool);
	close(spool);
	ok(file_remove_tree(AT_FDCWD, path, &err) == 0, "all is removed");
	return tap_done();
}
