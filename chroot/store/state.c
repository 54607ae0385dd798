/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/store/state.h"
#include "chroot/store/place.h"
#include "chroot/store/room.h"
#include "chroot/jail/cgroup.h"
#include "chroot/sys/id.h"
#include "chroot/sys/ids.h"
#include "chroot/sys/sys.h"
#include "base/error.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

const char *const image_folders[] = {"stages", "layers"};
const char *const image_names[] = {"stage", "layer"};

/* Open the folder name, made if missing, for root alone. */
static int
open_private(int dirfd, const char *name, struct error *err)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dirfd, name, flags);
	struct stat st;

	if (fd < 0 && errno == ENOENT) {
		if (mkdirat(dirfd, name, 0700) < 0 && errno != EEXIST)
			return fail_errno(err, "create %s", name);
		fd = openat(dirfd, name, flags);
	}
	if (fd < 0)
		return fail_errno(err, "open %s", name);
	if (fstat(fd, &st) < 0 ||
	    ((st.st_mode & 07777) != 0700 && fchmod(fd, 0700) < 0)) {
		fail_errno(err, "chmod %s", name);
		close(fd);
		return -1;
	}
	return fd;
}

/* Can others than root change what is in the state folder? */
static int
check_owner(const struct state *s, struct error *err)
{
	struct stat st;

	if (fstat(s->fd, &st) < 0)
		return fail_errno(err, "stat");
	if (st.st_uid != geteuid() || (st.st_mode & 022) != 0)
		return fail(err,
		    "others than root may write there: choose another folder "
		    "with -s, or chown root: it and chmod 700 it");
	return 0;
}

int
state_open(struct state *s, const char *path, struct error *err)
{
	int at, i;

	*s = (struct state){path, -1, {-1, -1}, -1, -1, ids_is_users(), false};
	at = place_open(path, s->users, err);
	if (at < 0)
		goto failed;
	s->fd = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->fd < 0)
		fail_errno(err, "open");
	close(at);
	if (s->fd < 0 || check_owner(s, err) < 0)
		goto failed;
	for (i = 0; i < 2; i++) {
		s->images[i] = open_private(s->fd, image_folders[i], err);
		if (s->images[i] < 0)
			goto failed;
	}
	s->run = open_private(s->fd, "run", err);
	if (s->run < 0)
		goto failed;
	s->trash = open_private(s->fd, "trash", err);
	if (s->trash < 0)
		goto failed;
	return 0;
failed:
	state_close(s);
	return fail_in(err, "state folder %s", path);
}

void
state_close(struct state *s)
{
	int *fds[] = {&s->trash, &s->run, &s->images[1], &s->images[0], &s->fd};
	size_t i;

	for (i = 0; i < sizeof(fds) / sizeof(*fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

int
state_reopen(struct state *s, struct error *err)
{
	int fd = openat(s->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return fail_errno(err, "open %s", s->path);
	close(s->fd);
	s->fd = fd;
	return 0;
}

int
state_lock(struct state *s, int operation, struct error *err)
{
	while (flock(s->fd, operation) < 0) {
		if (errno != EINTR)
			return fail_errno(err, "lock %s", s->path);
	}
	return 0;
}

static int
fail_new(const char *name, struct error *err)
{
	if (errno == EEXIST)
		return fail(err,
		    "job %s is running already; wait for its end or use "
		    "another id",
		    name);
	return fail_errno(err, "create run/%s", name);
}

int
state_rename_run(
    struct state *s, const char *from, const char *to, struct error *err)
{
	if (renameat2(s->run, from, s->run, to, RENAME_NOREPLACE) < 0)
		return fail_new(to, err);
	return 0;
}

int
state_new_run(struct state *s, const char *name, struct error *err)
{
	int fd;

	if (mkdirat(s->run, name, 0700) < 0)
		return fail_new(name, err);
	fd = openat(
	    s->run, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(err, "open run/%s", name);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		fail_errno(err, "lock run/%s", name);
		close(fd);
		return -1;
	}
	return fd;
}

int
state_bury(struct state *s, int dirfd, const char *name, struct error *err)
{
	struct timespec now;
	char fresh[48];

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(fresh, sizeof(fresh), "%lld%09ld%ld", (long long)now.tv_sec,
	    now.tv_nsec, (long)getpid());
	if (renameat2(dirfd, name, s->trash, fresh, RENAME_NOREPLACE) < 0)
		return fail_errno(err, "move %s to the trash", name);
	return 0;
}

/*
 * A process that was killed a moment ago may still be creating files: a
 * folder that isn't empty after its removal is removed again.
 */
static int
remove_patiently(int dirfd, const char *name, struct error *err)
{
	struct timespec pause = {0, 10 * 1000 * 1000};
	int i;

	for (i = 0; i < 100; i++) {
		if (file_remove_tree(dirfd, name, err) == 0)
			return 0;
		if (err->code != ENOTEMPTY)
			return -1;
		nanosleep(&pause, NULL);
	}
	return -1;
}

int
state_end_run(struct state *s, const char *name, struct error *err)
{
	return remove_patiently(s->run, name, err);
}

/* Call visit for each name in the folder, which it may move or delete. */
static int
each_name(int dirfd,
    int (*visit)(struct state *, int, const char *, struct error *),
    struct state *s, struct error *err)
{
	int fd, rc = 0;
	struct dirent *e;
	DIR *dir;

	fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(err, "open folder");
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return fail_errno(err, "read folder");
	}
	while (rc == 0 && (e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			rc = visit(s, dirfd, e->d_name, err);
	}
	closedir(dir);
	return rc;
}

/* Open the folder and take its lock; -1 if it is locked or gone. */
static int
lock_dead(int dirfd, const char *name)
{
	int fd = openat(
	    dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int
recover_run(struct state *s, int dirfd, const char *name, struct error *err)
{
	int fd = lock_dead(dirfd, name), rc;

	if (fd < 0)
		return 0;
	cgroup_recover(dirfd, name);
	/* it may have added an image and not said so any more */
	(void)unlinkat(s->fd, "room", 0);
	rc = state_bury(s, dirfd, name, err);
	/* it ended just now and took its folder along */
	if (rc < 0 && err->code == ENOENT)
		rc = 0;
	close(fd);
	return rc;
}

/* Is it an image with its marker? */
static bool
is_whole(int dirfd, const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/ok", name);
	return id_is_key(name) &&
	    faccessat(dirfd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int
recover_image(struct state *s, int dirfd, const char *name, struct error *err)
{
	if (is_whole(dirfd, name))
		return 0;
	return state_bury(s, dirfd, name, err);
}

int
state_recover_runs(struct state *s, struct error *err)
{
	int rc;

	if (state_lock(s, LOCK_EX, err) < 0)
		return -1;
	rc = each_name(s->run, recover_run, s, err);
	flock(s->fd, LOCK_UN);
	return rc;
}

int
state_recover(struct state *s, struct error *err)
{
	int rc = -1;

	if (state_recover_runs(s, err) < 0 || state_lock(s, LOCK_EX, err) < 0)
		return -1;
	if (each_name(s->images[0], recover_image, s, err) == 0 &&
	    each_name(s->images[1], recover_image, s, err) == 0)
		rc = 0;
	flock(s->fd, LOCK_UN);
	return rc;
}

static int
remove_trash(struct state *s, int dirfd, const char *name, struct error *err)
{
	int fd = lock_dead(dirfd, name), rc;

	(void)s;
	if (fd < 0 && errno == EWOULDBLOCK)
		return 0;
	rc = remove_patiently(dirfd, name, err);
	if (fd >= 0)
		close(fd);
	return rc;
}

int
state_empty_trash(struct state *s, struct error *err)
{
	if (each_name(s->trash, remove_trash, s, err) < 0)
		return fail_in(err, "%s/trash", s->path);
	return 0;
}

int
state_remove_kept(struct state *s, const char *job, struct error *err)
{
	int fd, rc = -1;

	fd = sys_open_beneath(s->fd, "kept", O_RDONLY | O_DIRECTORY);
	if (fd >= 0)
		rc = state_bury(s, fd, job, err);
	else
		fail_errno(err, "open kept");
	if (fd >= 0)
		close(fd);
	return rc < 0 ? fail_in(err, "kept/%s", job)
		      : state_empty_trash(s, err);
}

static int
found_one(struct state *s, int dirfd, const char *name, struct error *err)
{
	(void)s;
	(void)dirfd;
	(void)name;
	(void)err;
	return 1;
}

/*
 * Nothing of the caller's stays open in it: no pipe whose end somebody waits
 * for, no lock.
 */
void
state_sweep_and_exit(struct state *s)
{
	static const int ends[] = {SIGTERM, SIGINT, SIGHUP};
	int trash = fcntl(s->trash, F_DUPFD, 64), i, null;
	struct state own = {.fd = -1, .run = -1, .trash = 3};
	struct error err;
	sigset_t none;

	/* those that came for what was done before are forgotten */
	for (i = 0; i < 3; i++) {
		(void)signal(ends[i], SIG_IGN);
		(void)signal(ends[i], SIG_DFL);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	(void)prctl(PR_SET_PDEATHSIG, 0);
	(void)setsid();
	null = open("/dev/null", O_RDWR);
	for (i = 0; i < 3; i++)
		(void)dup2(null, i);
	if (trash < 0 || dup2(trash, 3) < 0)
		_exit(1);
	sys_close_from(4);
	(void)setpriority(PRIO_PROCESS, 0, 19);
	sys_idle_io();
	(void)each_name(3, remove_trash, &own, &err);
	_exit(0);
}

int
state_sweep(struct state *s, struct error *err)
{
	pid_t pid;
	int rc;

	rc = each_name(s->trash, found_one, s, err);
	if (rc <= 0)
		return rc;
	pid = fork();
	if (pid == 0)
		state_sweep_and_exit(s);
	return pid < 0 ? fail_errno(err, "fork") : 0;
}

int
state_look(struct state *s, enum image kind, const char *id, struct error *err)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/ok", id);
	fd = sys_open_beneath(s->images[kind], path, O_RDONLY);
	if (fd < 0 && errno == ENOENT) {
		fail(err, "%s %s is not in %s", image_names[kind], id, s->path);
		err->code = ENOENT;
		return -1;
	}
	if (fd < 0)
		return fail_errno(err, "%s %s", image_names[kind], id);
	if (flock(fd, LOCK_SH | LOCK_NB) < 0) {
		fail_errno(err, "lock %s %s", image_names[kind], id);
		close(fd);
		return -1;
	}
	return fd;
}

int
state_hold(struct state *s, enum image kind, const char *id, struct error *err)
{
	int fd = state_look(s, kind, id, err);

	if (fd >= 0)
		(void)futimens(fd, NULL);
	return fd;
}

bool
state_has(struct state *s, enum image kind, const char *id)
{
	return is_whole(s->images[kind], id);
}

int
state_seal(int folder, const char *ok, struct error *err)
{
	if (syncfs(folder) < 0)
		return fail_errno(err, "sync");
	return file_write_at(folder, "ok", ok, strlen(ok), 0600, err);
}

int
state_publish(struct state *s, enum image kind, const char *id, int dirfd,
    const char *name, struct error *err)
{
	while (
	    renameat2(dirfd, name, s->images[kind], id, RENAME_NOREPLACE) < 0) {
		if (errno != EEXIST)
			return fail_errno(
			    err, "publish %s %s", image_names[kind], id);
		if (is_whole(s->images[kind], id))
			return 1;
		if (state_bury(s, s->images[kind], id, err) < 0 &&
		    err->code != ENOENT)
			return -1;
	}
	if (fsync(s->images[kind]) < 0)
		return fail_errno(err, "sync %s", image_folders[kind]);
	return 0;
}

bool
state_ok_value(int fd, const char *name, char value[OK_VALUE])
{
	char text[1024], *line, *rest = text;
	size_t len = strlen(name);
	ssize_t n;

	n = pread(fd, text, sizeof(text) - 1, 0);
	if (n <= 0)
		return false;
	text[n] = '\0';
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (strncmp(line, name, len) != 0 || line[len] != '=')
			continue;
		snprintf(value, OK_VALUE, "%s", line + len + 1);
		return true;
	}
	return false;
}
