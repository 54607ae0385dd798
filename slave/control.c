/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slave/control.h"
#include "slave/conf.h"
#include "slave/enroll.h"
#include "slave/heard.h"
#include "slave/spool.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STOP_MS   15000 /* that an end "now" may take */
#define WITH_FILE "file"
#define WITHOUT   "none"

static int
open_state(const struct slave_conf *c, struct error *err)
{
	int fd = open(c->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return fail_errno(err, "open %s", c->state);
	return fd;
}

static void
not_locked(const char *name, struct error *err)
{
	if (errno != EWOULDBLOCK) {
		fail_errno(err, "lock %s/lock", name);
		return;
	}
	fail(err, "%s: another autotua-slave runs in this state folder", name);
	err->code = EWOULDBLOCK;
}

int
control_lock(int state, const char *name, struct error *err)
{
	char text[32];
	int n, fd;

	fd = openat(state, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail_errno(err, "open %s/lock", name);
	n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		not_locked(name, err);
	else if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) != n)
		fail_errno(err, "write %s/lock", name);
	else
		return fd;
	close(fd);
	return -1;
}

/*
 * The lock's time, and the word behind the process, so that a command can tell
 * what has changed since. Both words are of one length: no reader sees half.
 */
void
control_read(int lock, const struct slave_conf *c)
{
	const struct timespec times[2] = {c->begun, c->begun};
	char text[32];
	int n = snprintf(text, sizeof(text), "%ld %s\n", (long)getpid(),
	    c->there ? WITH_FILE : WITHOUT);

	if (pwrite(lock, text, (size_t)n, 0) == n)
		(void)futimens(lock, times);
}

/* Is the lock held by somebody? */
static bool
is_held(int lock)
{
	if (flock(lock, LOCK_SH | LOCK_NB) < 0)
		return true;
	flock(lock, LOCK_UN);
	return false;
}

/* A descriptor of the slave that runs, with its id; -1: none does. */
static int
find_running(int state, pid_t *pid)
{
	int lock = openat(state, "lock", O_RDONLY | O_CLOEXEC), fd = -1;
	char text[32] = "";

	if (lock < 0)
		return -1;
	if (is_held(lock) && pread(lock, text, sizeof(text) - 1, 0) > 0) {
		*pid = (pid_t)strtol(text, NULL, 10);
		fd = *pid > 0 ? pidfd_open(*pid, 0) : -1;
		/* held still: so it is its process and no later one */
		if (fd >= 0 && !is_held(lock)) {
			close(fd);
			fd = -1;
		}
	}
	close(lock);
	return fd;
}

/* As find_running(), or why there is none. */
static int
need_running(const struct slave_conf *c, pid_t *pid, struct error *err)
{
	int state = open_state(c, err), fd;

	if (state < 0)
		return -1;
	fd = find_running(state, pid);
	close(state);
	if (fd < 0)
		return fail(err, "%s: no autotua-slave runs there", c->state);
	return fd;
}

int
control_reload(const struct slave_conf *c, struct error *err)
{
	pid_t pid;
	int fd = need_running(c, &pid, err), rc = 0;

	if (fd < 0)
		return -1;
	if (pidfd_send_signal(fd, SIGHUP, NULL, 0) < 0)
		rc = fail_errno(err, "tell process %ld", (long)pid);
	close(fd);
	return rc;
}

int
control_stop(const struct slave_conf *c, bool now, struct error *err)
{
	struct pollfd p = {.events = POLLIN};
	pid_t pid;
	int fd = need_running(c, &pid, err), rc = 0;

	if (fd < 0)
		return -1;
	p.fd = fd;
	if (pidfd_send_signal(fd, now ? SIGQUIT : SIGUSR1, NULL, 0) < 0)
		rc = fail_errno(err, "tell process %ld", (long)pid);
	else if (now && poll(&p, 1, STOP_MS) == 0)
		rc = fail(err, "process %ld has not ended yet", (long)pid);
	else if (!now)
		puts("it ends when what runs is finished");
	close(fd);
	return rc;
}

int
control_say(const struct slave_conf *c, enum owner owner, struct error *err)
{
	int state = open_state(c, err), fd, rc;
	pid_t pid;

	if (state < 0)
		return -1;
	rc = contract_set_owner(state, owner, err);
	fd = rc == 0 ? find_running(state, &pid) : -1;
	if (fd >= 0) {
		if (pidfd_send_signal(fd, SIGUSR2, NULL, 0) < 0 &&
		    errno != ESRCH)
			rc = fail_errno(err, "tell process %ld", (long)pid);
		close(fd);
	}
	close(state);
	return rc;
}

int
control_retire(const struct slave_conf *c, struct error *err)
{
	int state = open_state(c, err), lock, rc = -1;

	if (state < 0)
		return -1;
	lock = control_lock(state, c->state, err);
	if (lock < 0) {
		if (err->code == EWOULDBLOCK)
			fail_in(err, "end it first (\"autotua-slave stop\")");
	} else {
		rc = enroll_end(c, err);
		close(lock);
	}
	close(state);
	if (rc == 0)
		puts("it is retired: the master takes nothing from it and "
		     "gives it nothing any more");
	return rc;
}

/* ---- status -------------------------------------------------------------- */

/* Does the slave that runs go by a file? */
static bool
has_read(int state)
{
	int lock = openat(state, "lock", O_RDONLY | O_CLOEXEC);
	char text[32] = "";
	bool has;

	if (lock < 0)
		return false;
	has = pread(lock, text, sizeof(text) - 1, 0) > 0 &&
	    strstr(text, " " WITH_FILE);
	close(lock);
	return has;
}

/* Has the configuration changed since the slave that runs has read it? */
static bool
is_changed(const struct slave_conf *c, int state)
{
	struct stat file, lock;

	if (!c->there)
		return has_read(state);
	if (stat(c->file, &file) < 0 || fstatat(state, "lock", &lock, 0) < 0)
		return false;
	return file.st_ctim.tv_sec != lock.st_mtim.tv_sec
	    ? file.st_ctim.tv_sec > lock.st_mtim.tv_sec
	    : file.st_ctim.tv_nsec > lock.st_mtim.tv_nsec;
}

static json_t *
list_of(const struct conf_list *l)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < l->n; i++)
		json_array_append_new(list, json_string(l->items[i]));
	return list;
}

static json_t *
contract_json(const struct slave_conf *c, const struct contract *now)
{
	json_t *o = json_pack(
	    "{s:I, s:I, s:I, s:I, s:I, s:s, s:b, s:b, s:b, s:I, s:I, s:I}",
	    "slots", (json_int_t)c->slots, "memory", (json_int_t)c->memory,
	    "cpus", (json_int_t)c->cpus, "disk", (json_int_t)c->disk,
	    "disk_reserve", (json_int_t)c->disk_reserve, "network",
	    network_names[c->network], "nest", (int)c->nest, "allow_rootful",
	    (int)c->allow_rootful, "on_battery", (int)c->on_battery, "traffic",
	    (json_int_t)c->traffic, "traffic_today", (json_int_t)now->moved,
	    "time", (json_int_t)c->time);

	json_object_set_new(o, "trees", list_of(&c->trees));
	json_object_set_new(o, "labels", list_of(&c->labels));
	json_object_set_new(
	    o, "hours", c->hours ? json_string(c->hours) : json_null());
	json_object_set_new(o, "at_close", json_string(c->at_close));
	json_object_set_new(
	    o, "keyring", c->keyring ? json_string(c->keyring) : json_null());
	return o;
}

struct units {
	int spool;
	json_t *list;
};

static void
add_unit(void *ctx, int64_t lease)
{
	struct units *u = ctx;
	struct error none;
	json_t *capsule;
	struct ending e;
	int dir = spool_lease(u->spool, lease, &none);

	if (dir < 0)
		return;
	capsule = spool_json(dir, "capsule.json", &none);
	if (capsule)
		json_array_append_new(u->list,
		    json_pack("{s:I, s:O?, s:s}", "lease", (json_int_t)lease,
			"root", json_object_get(capsule, "root"), "state",
			spool_ending(dir, &e) ? "to be delivered" : "running"));
	json_decref(capsule);
	close(dir);
}

static json_t *
units_json(const struct slave_conf *c, struct arena *a)
{
	int spool =
	    open(conf_path(c, a, "spool"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct units u = {.list = json_array(), .spool = spool};
	struct error none;

	if (spool >= 0) {
		(void)spool_each(spool, add_unit, &u, &none);
		close(spool);
	}
	return u.list;
}

static void
print_amount(const char *name, int64_t n, const char *none)
{
	if (n > 0)
		printf("  %-13s %" PRId64 " MiB\n", name, n >> 20);
	else
		printf("  %-13s %s\n", name, none);
}

static void
print_list(const char *name, const struct conf_list *l, const char *none)
{
	size_t i;

	printf("  %-13s %s", name, l->n ? "" : none);
	for (i = 0; i < l->n; i++)
		printf("%s%s", i ? ", " : "", l->items[i]);
	putchar('\n');
}

static void
print_contract(const struct slave_conf *c, const struct contract *now)
{
	printf("contract:\n  %-13s %" PRId64 "\n", "slots", c->slots);
	print_amount("memory", c->memory, "");
	if (c->cpus > 0)
		printf("  %-13s %" PRId64 "\n", "cpus", c->cpus);
	else
		printf("  %-13s all\n", "cpus");
	print_amount("disk", c->disk, "no limit");
	print_amount("disk-reserve", c->disk_reserve, "none");
	printf("  %-13s %s, then %s what runs\n", "hours",
	    c->hours ? c->hours : "always", c->at_close);
	printf("  %-13s %s\n", "on-battery", c->on_battery ? "yes" : "no");
	print_amount("traffic", c->traffic, "no limit");
	if (c->traffic > 0)
		print_amount("  today", now->moved, "nothing");
	printf("  %-13s %s\n", "keyring",
	    c->keyring ? c->keyring : "(whom the master names)");
	print_list("tree", &c->trees, "any");
	print_list("label", &c->labels, "none");
	printf("  %-13s %s\n", "network", network_names[c->network]);
	printf("  %-13s %s\n", "nest", c->nest ? "yes" : "no");
	printf(
	    "  %-13s %s\n", "allow-rootful", c->allow_rootful ? "yes" : "no");
}

static void
print_status(const json_t *o, const struct slave_conf *c,
    const struct contract *now, const struct heard *heard)
{
	const json_t *pid = json_object_get(o, "pid"), *unit;
	size_t i;

	if (json_is_integer(pid))
		printf("running, process %" JSON_INTEGER_FORMAT "\n",
		    json_integer_value(pid));
	else
		puts("not running");
	if (json_is_true(json_object_get(o, "changed")))
		printf("%s has changed since that process read it: what "
		       "follows holds from \"autotua-slave reload\" on\n",
		    c->file);
	printf("master: %s\n", c->url ? c->url : "(not enrolled)");
	heard_print(heard);
	if (*now->closed)
		printf("lent: no, %s\n", now->closed);
	else
		puts(heard_refused(heard) ? "lent: no, the master refuses it"
					  : "lent: yes");
	print_contract(c, now);
	json_array_foreach(json_object_get(o, "units"), i, unit)
	{
		printf("%s: %s, lease %" JSON_INTEGER_FORMAT "\n",
		    json_string_value(json_object_get(unit, "root")),
		    json_string_value(json_object_get(unit, "state")),
		    json_integer_value(json_object_get(unit, "lease")));
	}
}

int
control_status(
    const struct slave_conf *c, bool json, struct arena *a, struct error *err)
{
	int state = open_state(c, err), fd;
	bool changed;
	struct contract now;
	struct heard heard;
	pid_t pid = 0;
	json_t *o;

	if (state < 0)
		return -1;
	contract_init(&now, c, state);
	contract_look(&now, time(NULL));
	heard_read(&heard, state);
	fd = find_running(state, &pid);
	if (fd >= 0)
		close(fd);
	changed = fd >= 0 && is_changed(c, state);
	close(state);
	o = json_pack("{s:o, s:b, s:s?, s:o, s:o, s:o, s:o}", "pid",
	    fd >= 0 ? json_integer(pid) : json_null(), "changed", changed,
	    "master", c->url, "heard", heard_json(&heard), "closed",
	    *now.closed ? json_string(now.closed) : json_null(), "contract",
	    contract_json(c, &now), "units", units_json(c, a));
	if (json) {
		json_dumpf(o, stdout, JSON_INDENT(1));
		putchar('\n');
	} else {
		print_status(o, c, &now, &heard);
	}
	json_decref(o);
	return 0;
}
