/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The slave's pure parts: back-off, versions, join tokens, options. */
#include "slave/backoff.h"
#include "slave/conf.h"
#include "slave/enroll.h"
#include "slave/probe.h"
#include "slave/renew.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "tests/unit/tap.h"

#include <stdlib.h>
#include <unistd.h>

static void
test_backoff(void)
{
	struct backoff b = {0};
	int64_t last = 0, pause;
	bool grows = true, within = true;
	int i;

	for (i = 0; i < 40; i++) {
		backoff_fail(&b, 1000, 30000, UINT32_MAX);
		pause = b.at - 1000;
		if (pause < last)
			grows = false;
		if (pause > 30000)
			within = false;
		last = pause;
	}
	ok(grows && last > 15000, "pauses grow");
	ok(within, "and never pass the maximum");
	b = (struct backoff){.tries = 3};
	backoff_fail(&b, 0, 30000, 0);
	is_int(b.at, BACKOFF_FIRST * 8 / 2, "at least half of a step");
	b = (struct backoff){.tries = 3};
	backoff_fail(&b, 0, 30000, BACKOFF_FIRST * 8 / 2);
	is_int(b.at, BACKOFF_FIRST * 8, "at most the whole of it");
	backoff_clear(&b);
	ok(b.tries == 0 && b.at == 0, "an answer clears it");
}

static void
test_versions(void)
{
	static const struct {
		const char *text, *version;
	} table[] = {
	    {"Python 3.11.2", "3.11.2"},
	    {"gcc (Debian 12.2.0-14+deb12u1) 12.2.0", "12.2.0"},
	    {"GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)",
		"5.2.15"},
	    {"This is perl 5, version 36 (v5.36.0) built", "5.36.0"},
	    {"go version go1.19.8 linux/amd64", "1.19.8"},
	    {"v18.20.4", "18.20.4"},
	    {"3.24.38", "3.24.38"},
	    {"ends with a dot 1.2.", "1.2"},
	    {"two..dots 1..2", ""},
	    {"x86_64 only", ""},
	    {"", ""},
	};
	char out[PROBE_VERSION_MAX];
	char longer[200];
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		probe_version(table[i].text, out);
		is(out, table[i].version, table[i].text);
	}
	memset(longer, '1', sizeof(longer) - 1);
	longer[1] = '.';
	longer[sizeof(longer) - 1] = '\0';
	probe_version(longer, out);
	is(out, "", "a version longer than any is none");
	probe_leading("6.1.0-18-amd64", out);
	is(out, "6.1.0", "a kernel's release");
	probe_leading("42", out);
	is(out, "42", "a number alone");
}

static void
test_split(void)
{
	const char *module;
	struct error err;
	char name[16];

	ok(probe_split("gtk+-3.0", name, sizeof(name), &module, &err) == 0 &&
		strcmp(name, "gtk+-3.0") == 0 &&
		strcmp(module, "gtk+-3.0") == 0,
	    "a module is its own name");
	ok(probe_split("gtk  gtk+-3.0", name, sizeof(name), &module, &err) ==
		    0 &&
		strcmp(name, "gtk") == 0 && strcmp(module, "gtk+-3.0") == 0,
	    "a name and a module");
	ok(probe_split("a b c", name, sizeof(name), &module, &err) < 0,
	    "three words are refused");
	ok(probe_split("--help", name, sizeof(name), &module, &err) < 0 &&
		probe_split("x --help", name, sizeof(name), &module, &err) < 0,
	    "an option is no module");
	ok(probe_split(
	       "longer-than-sixteen", name, sizeof(name), &module, &err) < 0,
	    "a name that is too long is refused");
}

#define SECRET "0123456789abcdef0123456789abcdef"
#define PIN    SECRET SECRET

static void
test_token(void)
{
	static const char *const bad[] = {"", "aut1-", "aut1-" SECRET,
	    "aut2-" SECRET "-" PIN, "aut1-" SECRET "-" PIN "0",
	    "aut1-" SECRET "+" PIN,
	    "aut1-0123456789ABCDEF0123456789abcdef-" PIN,
	    "aut1-" SECRET "-g123456789abcdef0123456789abcdef" SECRET};
	char pin[KEY_HEX];
	struct error err;
	size_t i;

	ok(enroll_pin("aut1-" SECRET "-" PIN, pin, &err) == 0 &&
		strcmp(pin, PIN) == 0,
	    "a token's pin");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(enroll_pin(bad[i], pin, &err) < 0, "no token: \"%s\"",
		    bad[i]);
	ok(enroll_fingerprint("not PEM", 7, pin, &err) < 0,
	    "what is no certificate has no fingerprint");
}

static int
load(const char *text, struct slave_conf *c, struct arena *a, struct error *err)
{
	char path[] = "/tmp/slave-conf.XXXXXX";
	int fd = mkstemp(path), rc = -1;

	if (fd >= 0 && file_write_all(fd, text, strlen(text), err) == 0)
		rc = conf_load(c, path, NULL, a, err);
	if (fd >= 0)
		close(fd);
	unlink(path);
	return rc;
}

/* Settings with which nothing would ever work. */
static void
test_conf_ranges(void)
{
	static const char *const bad[] = {"memory = 1", "memory = 15M",
	    "disk = 1", "log-max = 1", "pids = 2", "pressure = 101",
	    "tree = ../x", "tree = a b", "tree = ..", "tree = .x", "tree =",
	    "tree = a234567890a234567890a234567890a234567890a234567890a234567890"
	    "12345",
	    "probe = a b c", "probe = -x", "slots = 0", "slots = 257",
	    "cpus = 10001", "pids = 4194305", "artifacts-files = 2147483648",
	    "time = 366d", "silence = 366d", "hours = noon", "network = some",
	    "at-close = never", "label = a b"};
	static const char good[] =
	    "memory = 16M\ndisk = 0\nlog-max = 64K\n"
	    "pids = 16\ntime = 365d\nartifacts-files = 2147483647\npressure = 100\n"
	    "tree = main-2.0_x\nprobe = gtk gtk+-3.0\n"
	    "probe = zlib\nslots = 256\ncpus = 10000\n"
	    "label = x\nlabel = xy mandatory\n";
	struct arena a = {0};
	struct slave_conf c;
	struct error err;
	const char *where;
	size_t i;

	ok(load(good, &c, &a, &err) == 0, "settings at their bounds");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		where = arena_printf(
		    &a, ":2: %.*s", (int)strcspn(bad[i], " "), bad[i]);
		ok(load(arena_printf(&a, "\n %s \n# %s\n", bad[i], bad[i]), &c,
		       &a, &err) < 0 &&
			strstr(err.msg, where),
		    "%s is refused, by its line and name", bad[i]);
	}
	ok(load("tree = main\ntree = b b\ntree = last\n", &c, &a, &err) < 0 &&
		strstr(err.msg, ":2: tree \"b b\""),
	    "of several lines the wrong one is named");
	ok(load("label = x mandatory\nlabel = y\nlabel = x\n", &c, &a, &err) <
		    0 &&
		strstr(err.msg, ":3: label \"x\": there is"),
	    "a second label of a name, which would undo the first");
	ok(load("label = x\nlabel = x\n", &c, &a, &err) < 0,
	    "or says it twice");
	arena_release(&a);
}

static void
test_conf(void)
{
	struct arena a = {0};
	struct slave_conf c;
	struct error err;

	ok(load("state = /s\nslots = 3\nnetwork = yes\nlog-max = 2M\n"
		"mirror = one https://one\nmirror = two https://two\n"
		"time = 2h\n",
	       &c, &a, &err) == 0,
	    "a configuration is read");
	is(c.state, "/s", "the state folder");
	is(c.chroot_state, "/s/chroot", "the jail's is below it");
	is_int(c.slots, 3, "slots");
	is_int(c.log_max, 2 << 20, "log-max");
	is_int(c.time, 7200, "time");
	is_int(c.network, NETWORK_HOST, "network: yes is the host's");
	is_int((long long)c.mirrors.n, 2, "mirrors");
	ok(load("", &c, &a, &err) == 0 && c.slots == 1 && !c.network &&
		strcmp(c.state, STATE_DEFAULT) == 0,
	    "an empty one has the defaults");
	ok(load("network = private\nartifacts-files = 5\n", &c, &a, &err) ==
		    0 &&
		c.network == NETWORK_PRIVATE && c.artifacts_files == 5,
	    "a private network, a number of artifacts");
	ok(load("network = some\n", &c, &a, &err) < 0 &&
		strstr(err.msg, "host, private or no"),
	    "another word is refused, with those that there are");
	ok(load("slots = 0\n", &c, &a, &err) < 0 && strstr(err.msg, "slots"),
	    "no slots are refused");
	ok(load("slot = 1\n", &c, &a, &err) < 0 && strstr(err.msg, "slot"),
	    "an unknown option is refused");
	ok(conf_load(&c, "/dev/null/none", NULL, &a, &err) < 0,
	    "a file that was named must be there");
	ok(load("", &c, &a, &err) == 0 && conf_check(&c, &a, &err) < 0 &&
		strstr(err.msg, "enroll"),
	    "the check finds that nobody enrolled");
	arena_release(&a);
}

/* The file says this now. */
static int
reload(const char *text, struct slave_conf *c, const struct slave_conf *start,
    struct arena *a)
{
	struct error err = {0};
	int rc;

	if (file_write(start->path, text, strlen(text), 0600, &err) < 0)
		printf("# %s\n", err.msg);
	rc = conf_reload(c, start, a, &err);
	if (rc < 0)
		printf("# %s\n", err.msg);
	return rc;
}

static void
test_reload(void)
{
	char path[] = "/tmp/slave-reload.XXXXXX";
	struct arena a = {0};
	struct slave_conf start = {.path = path}, c;
	struct error err;
	int fd = mkstemp(path);

	log_set_level(LOG_L_ERR);
	ok(fd >= 0 && conf_load(&start, path, NULL, &a, &err) == 0,
	    "an empty file to begin with");
	start.state = "/s";
	start.helpers = start.state;
	start.memory = 100 << 20;
	start.cpus = 2;
	ok(reload("state = /other\nuser = you\nallow-rootful = yes\n", &c,
	       &start, &a) == 0 &&
		c.state == start.state && c.user == start.user &&
		c.helpers == start.helpers && !c.allow_rootful,
	    "what the start has fixed stays");
	ok(reload("memory = 50M\ncpus = 1\ndisk = 20M\n", &c, &start, &a) ==
		    0 &&
		c.memory == 50 << 20 && c.cpus == 1 && c.disk == 20 << 20,
	    "less is lent at once");
	ok(reload("memory = 1G\ncpus = 0\nnest = yes\nnetwork = host\n", &c,
	       &start, &a) == 0 &&
		c.memory == start.memory && c.cpus == 2 && !c.nest &&
		c.network == NETWORK_NO,
	    "no more than the jailer knows of");
	start.network = NETWORK_PRIVATE;
	start.nest = true;
	ok(reload("network = host\n", &c, &start, &a) == 0 &&
		c.network == NETWORK_PRIVATE && !c.nest,
	    "nor another network");
	ok(reload("network = no\n", &c, &start, &a) == 0 &&
		c.network == NETWORK_NO,
	    "but none");
	ok(reload("hours = fri\nslots = 2\nlabel = x\n", &c, &start, &a) == 0 &&
		c.lent.n == 1 && c.slots == 2 && c.labels.n == 1,
	    "the rest is as the file has it");
	ok(reload("hours = noon\n", &c, &start, &a) < 0 &&
		reload("mirror = x\n", &c, &start, &a) < 0 &&
		reload("keyring = /dev/null/x\n", &c, &start, &a) < 0,
	    "what is wrong is refused");
	unlink(path);
	ok(conf_reload(&c, &start, &a, &err) < 0, "so is a file that is gone");
	close(fd);
	arena_release(&a);
}

static void
test_renewal(void)
{
	/* what masters make begins an hour before */
	is_int(renew_time(1000 - 3600, 1000 + 900), 1600,
	    "at two thirds of a life that began an hour before");
	is_int(renew_time(0, 300), 200, "or of one that is shorter than that");
	ok(renew_time(5000, 4000) >= 4000, "one that is over is due");
}

int
main(void)
{
	test_backoff();
	test_versions();
	test_split();
	test_token();
	test_conf_ranges();
	test_conf();
	test_reload();
	test_renewal();
	return tap_done();
}
