/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A copy of the state folder while it is served. The database comes first, in
 * one step; whatever it names is there before it does and is never changed
 * but for logs, which grow, and none is removed as long as this works. So
 * files that are copied afterwards are enough for it. A folder that has a
 * backup gets what was added since; a tar is made as a whole under another
 * name, which it loses when it is complete.
 */
#include "master/backup/backup.h"
#include "master/backup/missing.h"
#include "master/serve/loop.h"
#include "master/master.h"
#include "master/backup/saved.h"
#include "master/backup/saved_tar.h"
#include "master/store/state.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct backup {
	struct arena arena;
	struct state *st;
	const char *dir;
	int lock, blobs; /* blobs: no artifact is removed */
	struct saved old, made;
	int64_t bytes;         /* that were copied */
	struct saved_tar *tar; /* instead of the folder */
	struct missing missing;
};

/* What happens to a file: some never change, some only grow. */
enum how { HOW_FIXED, HOW_GROWS, HOW_CHANGES };

/* Copy from the size that the target has. */
static int
append(struct backup *b, const char *from, const char *to, int64_t *size,
    struct error *err)
{
	int in = -1, out = -1, rc = -1;
	char chunk[65536];
	struct stat s, t;
	ssize_t n = 0;

	in = open(from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (in < 0 || fstat(in, &s) < 0) {
		fail_errno(err, "open %s", from);
		goto out;
	}
	out = open(
	    to, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0 || fstat(out, &t) < 0) {
		fail_errno(err, "create %s", to);
		goto out;
	}
	*size = s.st_size;
	while (t.st_size < s.st_size &&
	    (n = pread(in, chunk, sizeof(chunk), t.st_size)) > 0) {
		if (file_write_all(out, chunk, (size_t)n, err) < 0) {
			fail_in(err, "%s", to);
			goto out;
		}
		t.st_size += n;
		b->bytes += n;
	}
	/* it may have grown meanwhile: that is for the next one */
	rc = n < 0 ? fail_errno(err, "read %s", from) : 0;
out:
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return rc;
}

/*
 * The same file under another name where that can be, else a copy. Returns 1
 * when it is new in the backup.
 */
static int
link_or_copy(struct backup *b, const char *from, const char *to, int64_t *size,
    struct error *err)
{
	const char *tmp;
	struct stat s, t;

	if (stat(from, &s) < 0)
		return fail_errno(err, "%s", from);
	*size = s.st_size;
	if (stat(to, &t) == 0 && saved_is_same(&s, &t))
		return 0;
	tmp = arena_printf(&b->arena, "%s.new", to);
	(void)unlink(tmp);
	if (link(from, tmp) < 0 && append(b, from, tmp, size, err) < 0)
		return -1;
	return rename(tmp, to) < 0 ? fail_errno(err, "rename %s", tmp) : 1;
}

/* The digest is in the name, in the last backup, or must be made. */
static int
find_digest(struct backup *b, struct saved_file *f, const char *to, bool anew,
    struct error *err)
{
	const struct saved_file *old = map_gets(&b->old.by_path, f->path);
	const char *name = strrchr(f->path, '/');

	name = name ? name + 1 : f->path;
	if (is_hex(name, strlen(name)) && strlen(name) == 64)
		memcpy(f->digest, name, KEY_HEX);
	else if (!anew && !f->changing && old && old->size == f->size)
		memcpy(f->digest, old->digest, KEY_HEX);
	else
		return saved_digest(to, f->size, -1, f->digest, err);
	return 0;
}

static int
take_into_tar(
    struct backup *b, struct saved_file *f, const char *from, struct error *err)
{
	const char *name = saved_place(&b->made, f, &b->arena);

	if (saved_tar_add(b->tar, name, from, &f->size, f->digest, err) < 0)
		return -1;
	b->bytes += f->size;
	*saved_add(&b->made) = *f;
	return 0;
}

static int
take(struct backup *b, const char *path, enum how how, struct error *err)
{
	struct saved_file f = {
	    .path = arena_strdup(&b->arena, path),
	    .changing = how == HOW_CHANGES,
	};
	const char *from = state_path(b->st, &b->arena, "%s", path), *to;
	char *slash;
	int rc;

	if (b->tar)
		return take_into_tar(b, &f, from, err);
	to = arena_printf(
	    &b->arena, "%s/%s", b->dir, saved_place(&b->made, &f, &b->arena));
	slash = strrchr(to, '/');
	*slash = '\0';
	rc = file_mkdirs(to, 0700, err);
	*slash = '/';
	if (rc < 0)
		return -1;
	rc = how == HOW_FIXED ? link_or_copy(b, from, to, &f.size, err)
			      : append(b, from, to, &f.size, err);
	if (rc < 0 || find_digest(b, &f, to, rc > 0, err) < 0)
		return -1;
	*saved_add(&b->made) = f;
	return 0;
}

/* ---- which files ----------------------------------------------------------
 */

/* Every regular file below a folder; one that isn't there is empty. */
static int
walk(struct backup *b, const char *folder,
    int (*each)(struct backup *b, const char *path, struct error *err),
    struct error *err)
{
	const char *where = state_path(b->st, &b->arena, "%s", folder), *path;
	struct dirent *e;
	struct stat s;
	DIR *d = opendir(where);
	int rc = 0;

	if (!d)
		return errno == ENOENT ? 0 : fail_errno(err, "open %s", where);
	while (rc == 0 && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		path = arena_printf(&b->arena, "%s/%s", folder, e->d_name);
		if (fstatat(dirfd(d), e->d_name, &s, AT_SYMLINK_NOFOLLOW) < 0)
			continue; /* a half that got its name meanwhile */
		if (S_ISDIR(s.st_mode))
			rc = walk(b, path, each, err);
		else if (S_ISREG(s.st_mode))
			rc = each(b, path, err);
	}
	closedir(d);
	return rc;
}

static bool
ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

/* Would it take the place of another file of its size? */
static bool
is_replacing(struct backup *b, const char *path)
{
	struct stat s, t;

	return !b->tar &&
	    stat(state_path(b->st, &b->arena, "%s", path), &s) == 0 &&
	    stat(arena_printf(&b->arena, "%s/%s", b->dir, path), &t) == 0 &&
	    s.st_size == t.st_size && !saved_is_same(&s, &t);
}

/* Stages and artifacts; of those that aren't whole, the former copies. */
static int
take_named(struct backup *b, struct error *err)
{
	const char *path;
	size_t i;

	for (i = 0; i < b->missing.named.n; i++) {
		path = b->missing.named.items[i].key;
		if (missing_look(
			&b->missing, b->st, path, is_replacing(b, path)) &&
		    take(b, path, HOW_FIXED, err) < 0)
			return -1;
	}
	if (b->tar)
		return missing_keep_tar(
		    &b->missing, b->dir, b->tar, &b->made, err);
	missing_keep(&b->missing, b->dir, &b->old, &b->made);
	return 0;
}

static int
visit_log(struct backup *b, const char *path, struct error *err)
{
	return take(b, path, HOW_GROWS, err);
}

/* A mirror's branches and settings: they can change. */
static int
visit_ref(struct backup *b, const char *path, struct error *err)
{
	if (strstr(path, ".git/objects/") || !strstr(path, ".git/") ||
	    ends_with(path, ".lock"))
		return 0;
	return take(b, path, HOW_CHANGES, err);
}

/* A mirror's objects. A pack comes with its index, which is made after it. */
static int
visit_object(struct backup *b, const char *path, struct error *err)
{
	const char *name = strstr(path, ".git/objects/");
	char *pack;

	if (!name)
		return 0;
	name += strlen(".git/objects/");
	if (is_hex(strrchr(path, '/') + 1, 38))
		return take(b, path, HOW_FIXED, err);
	if (strncmp(name, "pack/pack-", 10) != 0 || !ends_with(name, ".idx"))
		return 0;
	pack =
	    arena_printf(&b->arena, "%.*s.pack", (int)(strlen(path) - 4), path);
	return take(b, pack, HOW_FIXED, err) < 0
	    ? -1
	    : take(b, path, HOW_FIXED, err);
}

/* The snapshot is a file first, beside the tar. */
static int
take_database_into_tar(struct backup *b, struct error *err)
{
	struct saved_file f = {.path = "master.db", .changing = true};
	const char *half = arena_printf(&b->arena, "%s.db", b->tar->path);
	int rc;

	(void)unlink(half);
	rc = db_run(&b->st->db, SQL_SNAPSHOT, ARGS(TEXT(half)), err);
	if (rc >= 0)
		rc = take_into_tar(b, &f, half, err);
	(void)unlink(half);
	return rc;
}

static int
take_database(struct backup *b, struct error *err)
{
	struct saved_file f = {.path = "master.db", .changing = true};
	const char *to;
	struct stat s;

	to = arena_printf(&b->arena, "%s/%s/master.db", b->dir, b->made.folder);
	if (db_run(&b->st->db, SQL_SNAPSHOT, ARGS(TEXT(to)), err) < 0)
		return -1;
	if (stat(to, &s) < 0)
		return fail_errno(err, "%s", to);
	f.size = s.st_size;
	b->bytes += f.size;
	if (saved_digest(to, f.size, -1, f.digest, err) < 0)
		return -1;
	*saved_add(&b->made) = f;
	return 0;
}

static int
take_all(struct backup *b, struct error *err)
{
	static const char *const names[] = {
	    "master.conf", "ca.pem", "ca.key", "server.pem", "server.key"};
	size_t i;

	/* before and after, a stage may go: then it is missed */
	if (missing_list(&b->missing, &b->st->db, err) < 0 ||
	    (b->tar ? take_database_into_tar(b, err) : take_database(b, err)) <
		0 ||
	    missing_list(&b->missing, &b->st->db, err) < 0)
		return -1;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (take(b, names[i], HOW_CHANGES, err) < 0)
			return -1;
	}
	/* branches first: what they lead to is there before them */
	if (take_named(b, err) < 0 || walk(b, "trees", visit_ref, err) < 0 ||
	    walk(b, "trees", visit_object, err) < 0)
		return -1;
	return walk(b, "logs", visit_log, err);
}

/* ---- the whole ------------------------------------------------------------
 */

/* Not one of an earlier backup, whole or not, nor empty: somebody's. */
static bool
is_others(const char *dir)
{
	DIR *d = opendir(dir);
	bool ours = false, other = false;
	struct dirent *e;

	while (d && (e = readdir(d)) != NULL) {
		ours |= strcmp(e->d_name, "lock") == 0 ||
		    strcmp(e->d_name, "list") == 0;
		/* a disk of its own has this one */
		other |= strcmp(e->d_name, ".") != 0 &&
		    strcmp(e->d_name, "..") != 0 &&
		    strcmp(e->d_name, "lost+found") != 0;
	}
	if (d)
		closedir(d);
	return other && !ours;
}

static int
open_folder(struct backup *b, struct error *err)
{
	const char *path = arena_printf(&b->arena, "%s/lock", b->dir);

	if (file_mkdirs(b->dir, 0700, err) < 0)
		return -1;
	if (access(arena_printf(&b->arena, "%s/master.conf", b->dir), F_OK) ==
	    0)
		return fail(err,
		    "%s: this is a state folder, no place for a backup",
		    b->dir);
	if (is_others(b->dir))
		return fail(err,
		    "%s: it has files that are no backup; take a new or an "
		    "empty folder",
		    b->dir);
	b->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (b->lock < 0)
		return fail_errno(err, "%s", path);
	if (flock(b->lock, LOCK_EX | LOCK_NB) < 0)
		return fail(
		    err, "%s: another backup is being made here", b->dir);
	if (saved_read(&b->old, b->dir, err) < 0)
		return -1;
	if (b->old.name && strcmp(b->old.name, b->st->set.name) != 0)
		return fail(err,
		    "%s: it has a backup of the master \"%s\"; take another "
		    "folder",
		    b->dir, b->old.name);
	return 0;
}

/* Folders of generations that no list names (any more). */
static void
drop_old(struct backup *b, const char *keep)
{
	struct error ignored;
	struct dirent *e;
	DIR *d = opendir(b->dir);

	while (d && (e = readdir(d)) != NULL) {
		if (strncmp(e->d_name, "at-", 3) == 0 &&
		    (!keep || strcmp(e->d_name, keep) != 0))
			(void)file_remove_tree(dirfd(d), e->d_name, &ignored);
	}
	if (d)
		closedir(d);
}

static int
sync_all(const struct backup *b, struct error *err)
{
	return syncfs(b->lock) < 0 ? fail_errno(err, "sync %s", b->dir) : 0;
}

static void
begin(struct backup *b)
{
	struct saved *s = &b->made;

	s->time = now_us();
	s->schema = migrations_count;
	s->name = b->st->set.name;
	s->folder = arena_printf(&b->arena, "at-%" PRId64, s->time);
}

static int
make(struct backup *b, struct error *err)
{
	const struct saved *s = &b->made;

	if (open_folder(b, err) < 0)
		return -1;
	drop_old(b, b->old.folder);
	begin(b);
	if (file_mkdirs(arena_printf(&b->arena, "%s/%s", b->dir, s->folder),
		0700, err) < 0 ||
	    take_all(b, err) < 0 || sync_all(b, err) < 0 ||
	    saved_write(s, b->dir, err) < 0)
		return -1;
	drop_old(b, s->folder);
	return 0;
}

/* ---- one file --------------------------------------------------------------
 */

bool
backup_is_tar(const char *path)
{
	struct stat s;

	return ends_with(path, ".tar") &&
	    (stat(path, &s) < 0 || !S_ISDIR(s.st_mode));
}

static int
end_tar(struct backup *b, struct error *err)
{
	struct buf list;
	int rc;

	buf_init(&list, SAVED_LIST_MAX);
	rc = saved_text(&b->made, &list, err);
	if (rc == 0)
		rc = saved_tar_text(b->tar, "list", list.data, list.len, err);
	buf_release(&list);
	return rc < 0 ? -1 : saved_tar_end(b->tar, err);
}

static int
fill_tar(struct backup *b, struct error *err)
{
	begin(b);
	if (saved_tar_open(b->tar, b->tar->path, b->made.time / SECOND, err) <
	    0)
		return -1;
	if (take_all(b, err) == 0 && end_tar(b, err) == 0) {
		if (rename(b->tar->path, b->dir) == 0)
			return file_sync_parent(AT_FDCWD, b->dir, err);
		fail_errno(err, "rename %s", b->tar->path);
	}
	(void)unlink(b->tar->path);
	return -1;
}

static int
make_tar(struct backup *b, struct error *err)
{
	struct saved_tar tar = {.fd = -1};
	int rc;

	tar.path = arena_printf(&b->arena, "%s.new", b->dir);
	/* cppcheck-suppress autoVariables ; it is taken back below */
	b->tar = &tar;
	rc = fill_tar(b, err);
	saved_tar_release(&tar);
	b->tar = NULL;
	return rc;
}

/* The folder itself, or of what leads to it the last that is there. */
static int
open_nearest(struct backup *b)
{
	static const int how = O_PATH | O_DIRECTORY | O_CLOEXEC;
	char *path = arena_strdup(&b->arena, b->dir), *slash;
	int fd;

	while ((fd = open(path, how)) < 0) {
		slash = strrchr(path, '/');
		if (!slash || slash == path)
			return open(slash ? "/" : ".", how);
		*slash = '\0';
	}
	return fd;
}

/* A backup in what it is a backup of would be gone with it. */
static int
check_outside(struct backup *b, struct error *err)
{
	struct stat top, last = {0}, s;
	int fd = open_nearest(b), up;
	bool inside = false;

	if (fd < 0 || fstat(b->st->dir, &top) < 0 || fstat(fd, &s) < 0) {
		fail_errno(err, "%s", b->dir);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (s.st_dev != last.st_dev || s.st_ino != last.st_ino) {
		inside |= s.st_dev == top.st_dev && s.st_ino == top.st_ino;
		last = s;
		up = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = up;
		if (fd < 0 || fstat(fd, &s) < 0)
			break;
	}
	if (fd >= 0)
		close(fd);
	return inside ? fail(err,
			    "%s: it is in the state folder, no place for a "
			    "backup",
			    b->dir)
		      : 0;
}

int
backup_make(struct state *st, const char *dir, struct error *err)
{
	struct backup b = {.st = st, .dir = dir, .lock = -1, .blobs = -1};
	int rc = -1;

	missing_init(&b.missing, &b.arena);
	saved_init(&b.old, &b.arena);
	saved_init(&b.made, &b.arena);
	if (check_outside(&b, err) == 0)
		b.blobs = state_blobs(st, false, err);
	if (b.blobs >= 0)
		rc = backup_is_tar(dir) ? make_tar(&b, err) : make(&b, err);
	if (rc == 0)
		printf("%zu files in %s, %" PRId64 " bytes copied\n", b.made.n,
		    dir, b.bytes);
	if (rc == 0 && missing_tell(&b.missing) > 0)
		rc = 1;
	if (b.lock >= 0)
		close(b.lock);
	if (b.blobs >= 0)
		close(b.blobs);
	arena_release(&b.arena);
	return rc;
}
