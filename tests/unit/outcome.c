/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/outcome.h"
#include "run/folder.h"
#include "run/unit.h"
#include "base/error.h"
#include "tests/unit/tap.h"

#include <errno.h>
#include <stdlib.h>

static struct arena arena;
static struct error err;

#define DIGEST                                                                 \
	"digest=0123456789abcdef0123456789abcdef"                              \
	"0123456789abcdef0123456789abcdef"

#define RECORDS(o, s) outcome_records((o), (s), sizeof(s) - 1)

static const char *
message(const struct outcome *o, size_t i, const char *name)
{
	return json_string_value(
	    json_object_get(json_array_get(o->messages, i), name));
}

static void
test_records(void)
{
	static const char text[] = "phase\0-\0job_run\0"
				   "log\0warn\0careful\0result\0tests\0"
				   "12\0artifact\0log\0logs/\0die\0-\0"
				   "broken\n  at x:1: f\0";
	struct outcome o;
	size_t i;

	outcome_init(&o, &arena);
	/* the next phase may have begun when its records are read */
	outcome_line(&o, "start phase=job_run");
	outcome_line(&o, "start phase=job_collect");
	for (i = 0; i < sizeof(text) - 1; i++)
		outcome_records(&o, text + i, 1);
	is_int((long long)json_array_size(o.messages), 2, "two messages");
	is(message(&o, 0, "level"), "warn", "level");
	is(message(&o, 0, "text"), "careful", "text");
	is(message(&o, 0, "phase"), "job_run", "phase");
	is(message(&o, 1, "text"), "broken\n  at x:1: f", "lines stay lines");
	is(json_string_value(json_object_get(o.figures, "tests")), "12",
	    "a figure");
	is(o.die, "broken\n  at x:1: f", "die");
	is(outcome_type(&o, "logs/a/b"), "log", "type of a folder's file");
	is(outcome_type(&o, "logs2"), "file", "not of its neighbour");
	outcome_release(&o);
}

/* Anybody in the jail can write to this pipe. */
static void
test_hostile(void)
{
	static char big[1 << 20];
	struct outcome o;
	int i;

	outcome_init(&o, &arena);
	RECORDS(&o, "log\0info\0\x1b[31m\xff red\0");
	is(message(&o, 0, "text"), "\\x1b[31m\\xff red", "escaped");
	RECORDS(&o, "\0\0\0what\0is\0this\0result\0a b\0c\0");
	is_int((long long)json_object_size(o.figures), 0, "a bad name");
	memset(big, 'x', sizeof(big));
	RECORDS(&o, "log\0info\0");
	outcome_records(&o, big, sizeof(big));
	RECORDS(&o, "\0");
	is_int((long long)strlen(message(&o, 2, "text")), OUTCOME_FIELD_MAX,
	    "too long a field is cut");
	for (i = 0; i < 5000; i++)
		RECORDS(&o, "log\0info\0flood\0");
	for (i = 0; i < 5000; i++)
		RECORDS(&o, "result\0a b\0flood\0");
	ok(json_array_size(o.messages) <=
		OUTCOME_LIST_MAX + OUTCOME_OWN_LIST_MAX + 1,
	    "a flood ends");
	ok(o.dropped, "and it is said");
	RECORDS(&o, "skip\0-\0why\0");
	is(o.skip, "why", "skip still counts");
	for (i = 0; i < 5000; i++)
		RECORDS(&o, "result\0k\0v\0");
	RECORDS(&o, "log\0info\0half");
	outcome_release(&o);
}

static void
test_lines(void)
{
	struct outcome o;

	outcome_init(&o, &arena);
	is_int(outcome_line(&o, "end phase=job_run exit=0 signal=0 limit=-"),
	    -1, "an end without a start");
	is_int(outcome_line(&o, "start phase=job_run"), 0, "start");
	is_int(outcome_line(&o,
		   "end phase=job_run exit=2 signal=0 limit=- wall_ms=123 "
		   "user_ms=50 system_ms=20 memory_kb=10240 log_start=7 "
		   "log_end=456 net_bytes=789"),
	    0, "end");
	is_int(o.phases[0].exit, 2, "exit");
	is(o.phases[0].limit, "", "no limit");
	is_int(o.phases[0].memory_kb, 10240, "memory");
	is_int(o.phases[0].log_end, 456, "log");
	is_int(o.phases[0].net_bytes, 789, "network");
	is_int(outcome_line(&o, "artifact path=a%20b/%25c size=12 " DIGEST), 0,
	    "artifact");
	is(o.artifacts[0].path, "a b/%c", "its path");
	is(o.artifacts[0].digest, &DIGEST[7], "its digest");
	is_int(outcome_line(&o, "artifact path=a%2 size=1 " DIGEST), -1,
	    "half a %");
	is_int(outcome_line(&o, "artifact path=a%00b size=1 " DIGEST), -1,
	    "a NUL");
	is_int(
	    outcome_line(&o, "artifact path=a size=1"), -1, "without digest");
	is_int(outcome_line(&o, "artifact path=a size=1 digest=00"), -1,
	    "with half of one");
	is_int(
	    outcome_line(&o, "weather is=fine"), 0, "what is new is skipped");
	outcome_release(&o);
}

/* count results of width bytes each; how many are kept. */
static int
figures_of(struct outcome *o, int count, int width)
{
	char text[4096];
	int i;

	outcome_init(o, &arena);
	for (i = 0; i < count; i++) {
		outcome_records(o, "result", 7);
		outcome_records(o, text,
		    (size_t)snprintf(text, sizeof(text), "k%d", i) + 1);
		outcome_records(o, text,
		    (size_t)snprintf(text, sizeof(text), "%0*d", width, i) + 1);
	}
	return (int)json_object_size(o->figures);
}

/* Likewise files, with a path of that many bytes. */
static int
artifacts_of(struct outcome *o, int count, int width)
{
	int i;

	outcome_init(o, &arena);
	for (i = 0; i < count; i++)
		outcome_line(o,
		    arena_printf(
			&arena, "artifact path=%0*d size=1 " DIGEST, width, i));
	return (int)o->nartifacts;
}

/* Results are all kept, or the step ends by a limit that is named. */
static void
test_room(void)
{
	struct metadata m = {0};
	struct jail_step j = {0};
	struct outcome o;
	int i;

	is_int(artifacts_of(&o, 1000, 250), 1000, "a thousand artifacts");
	for (i = 0; i < 20000; i++)
		RECORDS(&o, "log\0warn\0a warning is no result\0");
	is_int(judge(&m, &j, &o, JAIL_OK, &err), RUN_PASSED, "pass");
	outcome_line(&o, "artifact path=more size=1 " DIGEST);
	is_int(judge(&m, &j, &o, JAIL_OK, &err), RUN_LIMIT, "one more doesn't");
	is(err.msg, "limit: artifacts: 1000 files", "its reason");
	outcome_release(&o);
	is_int(artifacts_of(&o, 300, 1000), 262, "long paths");
	is_int(judge(&m, &j, &o, JAIL_OK, &err), RUN_LIMIT, "are a limit too");
	is(err.msg, "limit: artifacts: 262144 bytes of paths", "its reason");
	outcome_release(&o);
	is_int(figures_of(&o, 1000, 100), 1000, "a thousand figures");
	is_int(judge(&m, &j, &o, JAIL_OK, &err), RUN_PASSED, "pass");
	for (i = 0; i < 2000; i++)
		RECORDS(&o, "result\0k1\0told again\0");
	is_int(judge(&m, &j, &o, JAIL_OK, &err), RUN_PASSED,
	    "one may change often");
	RECORDS(&o, "result\0more\0x\0");
	is_int(judge(&m, &j, &o, JAIL_OK, &err), RUN_LIMIT, "one more doesn't");
	is(err.msg, "limit: results: 1000 figures", "its reason");
	outcome_release(&o);
	ok(figures_of(&o, 200, 1000) < 200, "long figures");
	is_int(judge(&m, &j, &o, JAIL_OK, &err), RUN_LIMIT, "are a limit too");
	is(err.msg, "limit: results: 131072 bytes", "its reason");
	is_int((long long)json_array_size(o.messages), 0, "which says it all");
	is_int(judge(&m, &j, &o, JAIL_FAILED, &err), RUN_FAILED, "a failure");
	is(message(&o, 0, "text"),
	    "limit: results: 131072 bytes: the rest left out", "says it too");
	outcome_release(&o);
}

/* What the chroot doesn't copy is warned of. */
static void
test_left_out(void)
{
	struct outcome o;

	outcome_init(&o, &arena);
	is_int(outcome_line(&o, "left-out path=a%0Ab%FF why=no%20file"), 0,
	    "left out");
	is(message(&o, 0, "level"), "warn", "a warning");
	is(message(&o, 0, "text"), "artifact a\\x0ab\\xff left out: no file",
	    "names it");
	is_int(outcome_line(&o, "left-out more=7"), 0, "and more");
	is(message(&o, 1, "text"), "7 more artifacts left out", "are counted");
	is_int(outcome_line(&o, "left-out path=%0 why=x"), -1, "half a %");
	ok(!o.over, "no limit");
	outcome_release(&o);
}

static enum run_result
verdict(const char *end, const char *records, size_t n)
{
	struct variable var = {.name = "DEPEND", .value = "a/b"};
	struct metadata m = {.vars = &var, .nvars = 1};
	struct run_conf conf = {.time = 60};
	struct jail_step j = {.conf = &conf};
	struct outcome o;
	enum run_result result;

	outcome_init(&o, &arena);
	outcome_line(&o, "start phase=job_run");
	outcome_records(&o, records, n);
	outcome_line(
	    &o, arena_printf(&arena, "end phase=job_run wall_ms=1 %s", end));
	fail(&err, "autotua-chroot says");
	result = judge(&m, &j, &o, JAIL_FAILED, &err);
	outcome_release(&o);
	return result;
}

#define VERDICT(end, records) verdict((end), records, sizeof(records) - 1)

static void
test_judge(void)
{
	is_int(VERDICT("exit=2 signal=0 limit=-", ""), RUN_FAILED,
	    "a phase fails");
	is(err.msg, "job_run: exit 2", "its reason");
	is_int(VERDICT("exit=1 signal=0 limit=-", "die\0-\0no luck\n at x\0"),
	    RUN_FAILED, "die");
	is(err.msg, "job_run: exit 1: no luck", "its reason");
	is_int(VERDICT("exit=1 signal=0 limit=-",
		   "die\0-\0job_run returned 7\n at x\0"),
	    RUN_FAILED, "return 7");
	is(err.msg, "job_run: exit 7", "its reason");
	is_int(VERDICT("exit=77 signal=0 limit=-", "skip\0-\0no gtk\0"),
	    RUN_SKIPPED, "skip");
	is(err.msg, "no gtk", "its reason");
	is_int(VERDICT("exit=77 signal=0 limit=-", ""), RUN_FAILED,
	    "77 alone is a failure");
	is_int(VERDICT("exit=-1 signal=9 limit=-", "skip\0-\0no gtk\0"),
	    RUN_SKIPPED, "skip in a subshell");
	is(err.msg, "no gtk", "its reason");
	is_int(VERDICT("exit=-1 signal=9 limit=-", "die\0-\0no luck\n at x\0"),
	    RUN_FAILED, "die in a subshell");
	is(err.msg, "job_run: exit 1: no luck", "its reason");
	is_int(VERDICT("exit=-1 signal=9 limit=-",
		   "skip\0-\0a\0die\0-\0b\0skip\0-\0c\0"),
	    RUN_SKIPPED, "skip, then die");
	is(err.msg, "a", "its reason");
	is_int(VERDICT("exit=-1 signal=9 limit=-",
		   "die\0-\0b\0skip\0-\0a\0die\0-\0c\0"),
	    RUN_FAILED, "die, then skip");
	is(err.msg, "job_run: exit 1: b", "its reason");
	is_int(VERDICT("exit=-1 signal=9 limit=-",
		   "phase\0-\0job_setup\0skip\0-\0a\0"
		   "phase\0-\0job_run\0"),
	    RUN_FAILED, "skip of a phase that has passed");
	ok(strstr(err.msg, "job_run: signal 9 (") != NULL, "%s", err.msg);
	is_int(VERDICT("exit=-1 signal=9 limit=-",
		   "phase\0-\0job_run\0die\0-\0a\0"
		   "phase\0-\0job_run\0phase\0-\0job_setup\0die\0-\0b\0"),
	    RUN_FAILED, "a phase can't unsay it");
	is(err.msg, "job_run: exit 1: a", "its reason");
	is_int(VERDICT("exit=-1 signal=9 limit=time", "skip\0-\0a\0"),
	    RUN_LIMIT, "skip at a limit");
	is_int(VERDICT("exit=78 signal=0 limit=-", "mismatch\0DEPEND\0a/c\0"),
	    RUN_FAILED, "mismatch");
	is(err.msg,
	    "metadata-mismatch: DEPEND: bash has \"a/c\", the planner \"a/b\"",
	    "its reason");
	is_int(VERDICT("exit=-1 signal=9 limit=time", ""), RUN_LIMIT, "limit");
	is(err.msg, "job_run: limit: time: 60 s", "its reason");
	is_int(VERDICT("exit=-1 signal=9 limit=memory limit_value=64", ""),
	    RUN_LIMIT, "memory");
	is(err.msg, "job_run: limit: memory: 64 bytes", "its reason");
	is_int(VERDICT("exit=-1 signal=9 limit=pids limit_value=9", ""),
	    RUN_LIMIT, "processes");
	is(err.msg, "job_run: limit: pids: 9 processes", "its reason");
	is_int(VERDICT("exit=-1 signal=11 limit=-", ""), RUN_FAILED, "signal");
	ok(strstr(err.msg, "job_run: signal 11 (") != NULL, "%s", err.msg);
	is_int(VERDICT("exit=0 signal=0 limit=-", ""), RUN_FAILED,
	    "no phase failed");
	is(err.msg, "autotua-chroot says", "its reason");
}

static void
test_ceilings(void)
{
	struct run_conf c = {.time = 100};
	struct metadata m = {.resources = {.time = 50, .silence = 1 << 30}};

	is_int(judge_ceilings(&c, &m).time, 50, "less than the machine's");
	is_int(judge_ceilings(&c, &m).silence, 1800, "at most the machine's");
	m.resources.time = 200;
	is_int(judge_ceilings(&c, &m).time, 100, "at most the machine's");
	m.properties = PROPERTY_NETWORK_SETUP;
	is_int(judge_policy(&c, &m, &err), RUN_LIMIT, "network: policy");
	c.network = NETWORK_PRIVATE;
	is_int(judge_policy(&c, &m, &err), RUN_PASSED, "network: allowed");
	m.properties = PROPERTY_NEST;
	is_int(judge_policy(&c, &m, &err), RUN_INFRASTRUCTURE, "nest");
	c.nest = true;
	is_int(judge_policy(&c, &m, &err), RUN_PASSED, "nest: allowed");
	is_int(judge_ceilings(&c, &m).pids, 4096, "pids, if nobody says");
	is_int(judge_ceilings(&c, &m).memory, 0, "memory: no limit");
	is_int(judge_ceilings(&c, &m).artifact_files, 0, "artifacts: none");
	c.artifact_files = 7;
	is_int(judge_ceilings(&c, &m).artifact_files, 7, "but as configured");
	m.resources.memory = 1 << 20;
	is_int(judge_ceilings(&c, &m).memory, 1 << 20, "the recipe's own");
	c.memory = 1000;
	is_int(judge_ceilings(&c, &m).memory, 1000, "the machine's is less");
}

static void
test_parameters(void)
{
	static const char *const good[] = {"LEVEL=3", "A_B=", "X1=a=b",
	    "COMPILER=clang", "MAILX=1", "PSQL=1", "EPOCHX=1"};
	static const char *const bad[] = {"", "=", "level=3", "1A=x", "_A=x",
	    "LEVEL", "PATH=/x", "BASH_ENV=/x", "LD_PRELOAD=x", "DEPEND=x",
	    "WORKDIR=/", "LC_ALL=C", "A-B=c", "IFS=,", "COMP_LINE=1", "PS4=x",
	    "EPOCHSECONDS=1"};
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		is_int(parameter_check(good[i], &err), 0, good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_int(parameter_check(bad[i], &err), -1, bad[i]);
}

int
main(void)
{
	test_records();
	test_hostile();
	test_lines();
	test_room();
	test_left_out();
	test_judge();
	test_ceilings();
	test_parameters();
	arena_release(&arena);
	return tap_done();
}
