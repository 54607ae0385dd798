/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slave/account.h"
#include "slave/conf.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "run/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEPTH_MAX  64
#define STATE_MODE 01770

/* ---- who ----------------------------------------------------------------- */

/* "997" or "997:986": false if it is neither. */
static bool
parse_numbers(const char *text, struct account *a)
{
	unsigned long long uid, gid;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	uid = gid = strtoull(text, &end, 10);
	if (*end == ':' && end[1] >= '0' && end[1] <= '9')
		gid = strtoull(end + 1, &end, 10);
	if (*end != '\0' || uid >= UINT32_MAX || gid >= UINT32_MAX)
		return false;
	a->uid = (uid_t)uid;
	a->gid = (gid_t)gid;
	return true;
}

int
account_find(struct account *a, const struct slave_conf *c, struct error *err)
{
	const struct passwd *p;

	*a = (struct account){.uid = geteuid(), .gid = getegid()};
	if (geteuid() != 0)
		return 0;
	if (!parse_numbers(c->user, a)) {
		/* cppcheck-suppress getpwnamCalled ; there are no threads */
		p = getpwnam(c->user);
		if (!p || strlen(c->user) >= sizeof(a->name))
			return fail(err,
			    "there is no user \"%s\" to become: make it "
			    "(systemd-sysusers, or useradd --system %s), or "
			    "name another one with the option \"user\"",
			    c->user, c->user);
		a->uid = p->pw_uid;
		a->gid = p->pw_gid;
		snprintf(a->name, sizeof(a->name), "%s", c->user);
	}
	a->changes = a->uid != 0;
	if (!a->changes && !c->allow_root)
		return fail(err,
		    "user = %s: a slave that stays root reads what the "
		    "network sends as root; if it must be, say "
		    "\"allow-root = yes\" too",
		    c->user);
	return 0;
}

/* ---- the state folder ---------------------------------------------------- */

struct handing {
	const struct account *to;
	struct stat jailer; /* its folder, which stays */
};

static int hand_over_below(
    const struct handing *h, int dirfd, int depth, struct error *err);

static int
hand_over(const struct handing *h, int dirfd, const char *name, int depth,
    struct error *err)
{
	struct stat st;
	int fd, rc;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_errno(err, "%s", name);
	if (st.st_dev == h->jailer.st_dev && st.st_ino == h->jailer.st_ino)
		return 0;
	/* what it may do is not the slave's to say */
	if (depth == 0 && strcmp(name, "slave.conf") == 0)
		return 0;
	if (S_ISDIR(st.st_mode)) {
		fd = openat(dirfd, name,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return fail_errno(err, "open %s", name);
		rc = hand_over_below(h, fd, depth + 1, err);
		close(fd);
		if (rc < 0)
			return -1;
	}
	if (fchownat(dirfd, name, h->to->uid, h->to->gid, AT_SYMLINK_NOFOLLOW) <
	    0)
		return fail_errno(err, "chown %s", name);
	return 0;
}

static int
hand_over_below(
    const struct handing *h, int dirfd, int depth, struct error *err)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return fail_errno(err, "read folder");
	}
	if (depth > DEPTH_MAX)
		rc = fail(err, "folders are nested too deep");
	while (rc == 0 && (e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			rc = hand_over(h, fd, e->d_name, depth, err);
	}
	closedir(dir);
	return rc;
}

/* Sources are the slave's: it fetches them. */
static void
move_sources(int state, const struct slave_conf *c)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/distfiles", c->chroot_state) >=
	    (int)sizeof(path))
		return;
	/* where they are on another file system they are fetched again */
	(void)renameat2(AT_FDCWD, path, state, "distfiles", RENAME_NOREPLACE);
}

static int
make_state(const char *path, struct error *err)
{
	char parent[PATH_MAX], *slash;

	if (snprintf(parent, sizeof(parent), "%s", path) >= (int)sizeof(parent))
		return fail(err, "%s: is too long", path);
	slash = strrchr(parent, '/');
	if (slash && slash != parent) {
		*slash = '\0';
		if (file_mkdirs(parent, 0755, err) < 0)
			return -1;
	}
	return file_mkdirs(path, 0700, err);
}

/* Is it as it must be? Or can it be made so (false), or not (-1)? */
static int
look(const struct account *a, const struct slave_conf *c, int fd,
    struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fail_errno(err, "%s", c->state);
	if (st.st_uid == 0 && st.st_gid == a->gid &&
	    (st.st_mode & 07777) == STATE_MODE)
		return 1;
	if (st.st_uid == 0 && (st.st_mode & 022) == 0)
		return 0;
	return fail(err,
	    "%s: is user %u's, and group %u's to write: if all in there is to "
	    "be user %u's, chown -R 0:0 it and chmod 700 it first",
	    c->state, (unsigned)st.st_uid, (unsigned)st.st_gid,
	    (unsigned)a->uid);
}

int
account_own(
    const struct account *a, const struct slave_conf *c, struct error *err)
{
	struct handing h = {.to = a};
	int fd, rc;

	if (!a->changes)
		return make_state(c->state, err);
	if (make_state(c->state, err) < 0)
		return -1;
	fd = open(c->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(err, "open %s", c->state);
	rc = look(a, c, fd, err);
	if (rc != 0)
		goto out;
	move_sources(fd, c);
	if (stat(c->chroot_state, &h.jailer) < 0)
		memset(&h.jailer, 0, sizeof(h.jailer));
	rc = hand_over_below(&h, fd, 0, err);
	/* last: with it all is handed over */
	if (rc == 0 &&
	    (fchown(fd, 0, a->gid) < 0 || fchmod(fd, STATE_MODE) < 0))
		rc = fail_errno(err, "chown");
	if (rc < 0)
		fail_in(err, "%s", c->state);
out:
	close(fd);
	return rc < 0 ? -1 : 0;
}

/* ---- becoming it --------------------------------------------------------- */

static int
drop_capabilities(struct error *err)
{
	struct __user_cap_header_struct head = {
	    .version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
	    syscall(SYS_capset, &head, none) < 0)
		return fail_errno(err, "drop capabilities");
	return 0;
}

static int
drop_bounding(struct error *err)
{
	unsigned cap;

	for (cap = 0; cap < 64; cap++) {
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
			continue;
		/* the last one of this kernel was before it */
		if (errno == EINVAL)
			return 0;
		return fail_errno(err, "drop capability %u", cap);
	}
	return 0;
}

static int
change_ids(const struct account *a, struct error *err)
{
	if ((*a->name ? initgroups(a->name, a->gid) : setgroups(0, NULL)) < 0)
		return fail_errno(err, "groups of user %u", (unsigned)a->uid);
	if (setresgid(a->gid, a->gid, a->gid) < 0 ||
	    setresuid(a->uid, a->uid, a->uid) < 0)
		return fail_errno(err, "become user %u", (unsigned)a->uid);
	return setuid(0) == 0 ? fail(err, "root can't be left") : 0;
}

int
account_enter(
    const struct account *a, const struct slave_conf *c, struct error *err)
{
	const char *tmp;

	if (!a->changes)
		return 0;
	if (drop_bounding(err) < 0 || change_ids(a, err) < 0 ||
	    drop_capabilities(err) < 0)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail_errno(err, "no_new_privs");
	/* root's home is closed, and nothing is to be read from there */
	if (setenv("HOME", c->state, 1) < 0)
		return fail_errno(err, "HOME");
	tmp = getenv("TMPDIR");
	if (tmp && access(tmp, W_OK | X_OK) < 0)
		unsetenv("TMPDIR");
	if (access(c->state, R_OK | W_OK | X_OK) < 0)
		return fail_errno(err,
		    "%s: user %u can't work there: chmod a+x the folders above "
		    "it",
		    c->state, (unsigned)a->uid);
	return 0;
}

/* ---- the commands -------------------------------------------------------- */

#define HELPER_MAX (1 << 20)

/*
 * The user may have no way to where the program's own files are, such as a
 * checkout in root's home: it gets them where it can read and not write.
 */
static int
bring_helpers(struct slave_conf *c, struct error *err)
{
	struct arena a = {0};
	const char *name;
	struct buf b;
	size_t i;
	int rc = 0;

	for (i = 0; i < HELPERS && rc == 0; i++) {
		name = folder_helpers[i];
		buf_init(&b, HELPER_MAX);
		rc = file_read(
		    arena_printf(&a, "%s/%s", c->helpers, name), &b, err);
		if (rc == 0)
			rc = file_write(
			    conf_path(c, &a, name), b.data, b.len, 0644, err);
		buf_release(&b);
	}
	arena_release(&a);
	if (rc == 0)
		c->helpers = c->state;
	return rc;
}

int
account_run(struct slave_conf *c, struct jailer *j, struct error *err)
{
	struct jailer_conf conf = {.program = c->chroot,
	    .state = c->chroot_state,
	    .network = c->network,
	    .nest = c->nest,
	    .allow_rootful = c->allow_rootful,
	    .layers_max = c->layers_max,
	    .memory = c->memory,
	    .disk = c->disk,
	    .pids = c->pids,
	    .cpus = c->cpus * 1000};
	struct account a;

	if (account_find(&a, c, err) < 0 || account_own(&a, c, err) < 0)
		return -1;
	if (a.changes && bring_helpers(c, err) < 0)
		return -1;
	conf.foreign = a.changes;
	conf.owner = a.uid;
	conf.group = a.gid;
	if (jailer_start(j, &conf, err) < 0)
		return -1;
	c->jailer = j->socket;
	return account_enter(&a, c, err);
}

int
account_command(const struct slave_conf *c, bool make, struct error *err)
{
	struct account a;
	struct stat st;

	if (geteuid() != 0)
		return 0;
	if (make) {
		if (account_find(&a, c, err) < 0 || account_own(&a, c, err) < 0)
			return -1;
		return account_enter(&a, c, err);
	}
	/* one that no slave of a user's has used yet is root's */
	if (stat(c->state, &st) < 0 || (st.st_mode & 07777) != STATE_MODE)
		return 0;
	if (account_find(&a, c, err) < 0)
		return -1;
	return account_enter(&a, c, err);
}
