/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process can't map the ids of its own namespace; one that stayed behind
 * does, by the programs that have the right to. It is told by the end of a
 * pipe that the namespace is there.
 */
#include "chroot/sys/subid.h"
#include "chroot/sys/ids.h"
#include "base/error.h"
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

/* The user's name, from the file alone: we are linked without NSS. */
static void
user_name(char name[64])
{
	FILE *f = fopen("/etc/passwd", "re");
	struct passwd *p;

	name[0] = '\0';
	/* cppcheck-suppress fgetpwentCalled ; there are no threads */
	while (f && (p = fgetpwent(f)) != NULL) {
		if (p->pw_uid != geteuid())
			continue;
		snprintf(name, 64, "%s", p->pw_name);
		break;
	}
	if (f)
		fclose(f);
}

/* First id of a range that is large enough; -1: the file has none. */
static int64_t
find_range(const char *file)
{
	char name[64], uid[24], line[256], *who, *start, *count, *rest;
	int64_t first = -1;
	FILE *f = fopen(file, "re");

	user_name(name);
	snprintf(uid, sizeof(uid), "%u", (unsigned)geteuid());
	while (f && first < 0 && fgets(line, sizeof(line), f)) {
		rest = line;
		who = strsep(&rest, ":");
		start = strsep(&rest, ":");
		count = rest;
		if (!start || !count ||
		    (strcmp(who, uid) != 0 &&
			(!*name || strcmp(who, name) != 0)))
			continue;
		if (strtoll(count, NULL, 10) >= IDS_COUNT &&
		    strtoll(start, NULL, 10) > 0)
			first = strtoll(start, NULL, 10);
	}
	if (f)
		fclose(f);
	return first;
}

/* newuidmap PID 0 OWN 1 1 FIRST 65536 */
static int
map(const char *program, pid_t pid, unsigned own, int64_t first,
    struct error *err)
{
	char numbers[3][24], count[24];
	const char *const argv[] = {program, numbers[0], "0", numbers[1], "1",
	    "1", numbers[2], count, NULL};

	snprintf(numbers[0], sizeof(numbers[0]), "%ld", (long)pid);
	snprintf(numbers[1], sizeof(numbers[1]), "%u", own);
	snprintf(numbers[2], sizeof(numbers[2]), "%lld", (long long)first);
	snprintf(count, sizeof(count), "%d", IDS_COUNT);
	return proc_run(argv, NULL, err);
}

/* The one that stays behind; its exit status tells. */
static _Noreturn void
helper(int wait, pid_t pid, int64_t uids, int64_t gids)
{
	struct error err;
	char c;

	while (read(wait, &c, 1) < 0 && errno == EINTR)
		continue;
	if (map("newuidmap", pid, geteuid(), uids, &err) == 0 &&
	    map("newgidmap", pid, getegid(), gids, &err) == 0)
		_exit(0);
	fprintf(stderr, "autotua-chroot: %s\n", err.msg);
	_exit(1);
}

static int
become_root(struct error *err)
{
	if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 ||
	    setresuid(0, 0, 0) < 0)
		return fail_errno(err, "root of the user namespace");
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return fail_errno(err, "own mounts");
	return 0;
}

int
subid_enter(struct error *err)
{
	int64_t uids = find_range("/etc/subuid");
	int64_t gids = find_range("/etc/subgid");
	int fds[2], status = 0, failed;
	pid_t pid, own = getpid();

	if (uids < 0 || gids < 0)
		return fail(err,
		    "must be run as root, or by a user with %d subordinate "
		    "ids: usermod --add-subuids FIRST-LAST --add-subgids "
		    "FIRST-LAST USER",
		    IDS_COUNT);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return fail_errno(err, "pipe");
	pid = fork();
	if (pid == 0) {
		close(fds[1]);
		helper(fds[0], own, uids, gids);
	}
	close(fds[0]);
	failed = unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ? errno : 0;
	close(fds[1]);
	if (pid < 0 || proc_wait(pid, &status, err) < 0)
		return fail_errno(err, "fork");
	errno = failed;
	if (failed)
		return fail_errno(err,
		    "user namespace: set kernel.unprivileged_userns_clone or "
		    "user.max_user_namespaces with sysctl");
	if (status != 0)
		return fail(err,
		    "newuidmap or newgidmap failed: install them (package "
		    "uidmap)");
	return become_root(err);
}
