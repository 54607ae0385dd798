/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slave/spool.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/utf8.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define JSON_MAX (16 << 20)
#define NAME_BUF 32

#define SPOOL_ROOM (1 << 20) /* bytes, for the results of one lease more */

static const char *const kinds[] = {
    [ENDING_DONE] = "done",
    [ENDING_REFUSE_SOFT] = "soft",
    [ENDING_REFUSE_HARD] = "hard",
};

static void
name_of(int64_t n, const char *suffix, char out[NAME_BUF])
{
	snprintf(out, NAME_BUF, "%" PRId64 "%s", n, suffix);
}

/* Call with each entry's name until that returns -1. */
static int
each_entry(int spool, int (*entry)(int spool, const char *name, void *ctx),
    void *ctx, struct error *err)
{
	int fd = openat(spool, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	struct dirent *e;
	DIR *dir;

	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		fail_errno(err, "read the spool");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (rc == 0 && (e = readdir(dir)) != NULL)
		rc = entry(spool, e->d_name, ctx);
	closedir(dir);
	return rc;
}

static int
drop_work(int spool, const char *name, void *ctx)
{
	struct error err;

	(void)ctx;
	if (strncmp(name, SPOOL_WORK, strlen(SPOOL_WORK)) == 0 &&
	    file_remove_tree(spool, name, &err) < 0)
		log_warn("spool: %s", err.msg);
	return 0;
}

int
spool_open(const char *path, struct error *err)
{
	int fd;

	if (file_mkdirs(path, 0700, err) < 0)
		return -1;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(err, "open %s", path);
	if (each_entry(fd, drop_work, NULL, err) == 0)
		return fd;
	close(fd);
	return -1;
}

int
spool_ready(int spool, struct error *err)
{
	struct error why;

	if (file_room(spool, SPOOL_ROOM, &why) == 0)
		return 0;
	return fail(err, "the spool %s", why.msg);
}

/* A lease's number, or -1 when name is not one in its shortest form. */
static int64_t
lease_number(const char *name)
{
	int64_t n = 0;
	const char *s;

	if (*name < '1' || *name > '9' || strlen(name) > 18)
		return -1;
	for (s = name; *s; s++) {
		if (*s < '0' || *s > '9')
			return -1;
		n = n * 10 + (*s - '0');
	}
	return n;
}

struct visit {
	void (*each)(void *ctx, int64_t lease);
	void *ctx;
};

static int
visit_lease(int spool, const char *name, void *ctx)
{
	const struct visit *v = ctx;
	int64_t n = lease_number(name);

	(void)spool;
	if (n > 0)
		v->each(v->ctx, n);
	return 0;
}

int
spool_each(int spool, void (*each)(void *ctx, int64_t lease), void *ctx,
    struct error *err)
{
	struct visit v = {each, ctx};

	return each_entry(spool, visit_lease, &v, err);
}

/*
 * Not synced: as long as nothing is done, the master gives the lease again
 * after a power cut, or its time runs out. spool_sync() comes with the results.
 */
static int
write_capsule(int dir, const json_t *json, struct error *err)
{
	int rc,
	    fd = openat(dir, "capsule.json",
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	char *text;

	if (fd < 0)
		return fail_errno(err, "create capsule.json");
	text = json_dumps(json, JSON_COMPACT);
	rc = text ? file_write_all(fd, text, strlen(text), err)
		  : fail(err, "capsule.json: can't be written as JSON");
	free(text);
	close(fd);
	return rc;
}

int
spool_add(int spool, int64_t lease, const json_t *capsule, struct error *err)
{
	char name[NAME_BUF];
	int dir, rc;

	name_of(lease, "", name);
	if (file_remove_tree(spool, name, err) < 0)
		return -1;
	if (mkdirat(spool, name, 0700) < 0)
		return fail_errno(err, "create spool folder %s", name);
	dir = spool_lease(spool, lease, err);
	if (dir < 0)
		return -1;
	rc = write_capsule(dir, capsule, err);
	close(dir);
	return rc;
}

int
spool_lease(int spool, int64_t lease, struct error *err)
{
	char name[NAME_BUF];
	int dir;

	name_of(lease, "", name);
	dir = openat(
	    spool, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return fail_errno(err, "open spool folder %s", name);
	return dir;
}

void
spool_drop_work(int spool, pid_t pid)
{
	char name[sizeof(SPOOL_WORK) + 24];

	snprintf(name, sizeof(name), SPOOL_WORK "%ld", (long)pid);
	(void)drop_work(spool, name, NULL);
}

int
spool_remove(int spool, int64_t lease, struct error *err)
{
	char name[NAME_BUF];

	name_of(lease, "", name);
	return file_remove_tree(spool, name, err);
}

json_t *
spool_json(int dir, const char *name, struct error *err)
{
	json_error_t bad;
	json_t *json = NULL;
	struct buf b;

	buf_init(&b, JSON_MAX);
	if (file_read_at(dir, name, &b, err) < 0)
		goto out;
	json = json_loadb(
	    b.data ? b.data : "", b.len, JSON_REJECT_DUPLICATES, &bad);
	if (!json)
		fail(err, "%s:%d: %s", name, bad.line, bad.text);
out:
	buf_release(&b);
	return json;
}

json_t *
spool_report(int dir, int64_t step)
{
	char name[NAME_BUF];
	struct error none;

	name_of(step, ".json", name);
	return spool_json(dir, name, &none);
}

int64_t
spool_log_size(int dir, int64_t step)
{
	char name[NAME_BUF];
	struct stat st;

	name_of(step, ".log", name);
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return st.st_size;
}

int
spool_log(int dir, int64_t step, struct error *err)
{
	char name[NAME_BUF];
	int fd;

	name_of(step, ".log", name);
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(err, "open %s", name);
	return fd;
}

int
spool_artifact(int dir, int64_t step, const char *path, struct error *err)
{
	struct open_how how = {
	    .flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	char name[NAME_BUF];
	int out, fd;

	name_of(step, ".out", name);
	out = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (out < 0)
		return fail_errno(err, "open %s", name);
	fd = (int)syscall(SYS_openat2, out, path, &how, sizeof(how));
	if (fd < 0)
		fail_errno(err, "open artifact %s", path);
	close(out);
	return fd;
}

void
ending_set(struct ending *e, enum ending_kind kind, const char *result,
    const char *reason)
{
	size_t n = strlen(reason);

	memset(e, 0, sizeof(*e));
	e->kind = kind;
	if (kind == ENDING_DONE)
		snprintf(e->result, sizeof(e->result), "%s", result);
	if (n >= sizeof(e->reason))
		n = sizeof(e->reason) - 1;
	n = utf8_valid(reason, n);
	memcpy(e->reason, reason, n);
}

bool
spool_ending(int dir, struct ending *e)
{
	const char *kind, *result = "", *reason = "";
	struct error none;
	json_t *json = spool_json(dir, "result.json", &none);
	bool found = false;
	size_t i;

	if (json_unpack(json, "{s:s, s?s, s?s}", "kind", &kind, "result",
		&result, "reason", &reason) == 0) {
		for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
			if (strcmp(kind, kinds[i]) != 0)
				continue;
			ending_set(e, (enum ending_kind)i, result, reason);
			found = true;
		}
	}
	json_decref(json);
	return found;
}

int
spool_end(int dir, const struct ending *e, bool sync, struct error *err)
{
	json_t *json = json_pack("{s:s, s:s, s:s}", "kind", kinds[e->kind],
	    "result", e->result, "reason", e->reason);
	char *text = json_dumps(json, JSON_COMPACT);
	int rc;

	json_decref(json);
	if (!text)
		return fail(err, "result.json: can't be written as JSON");
	rc = (sync ? file_write_at : file_replace_at)(
	    dir, "result.json", text, strlen(text), 0600, err);
	free(text);
	return rc;
}

/* sent.json may come and go meanwhile: it's the parent's, and a hint. */
static int
sync_entry(int dir, const char *name, void *ctx)
{
	struct error *err = ctx;
	struct stat st;
	int fd, rc = 0;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode) || strncmp(name, "sent.", 5) == 0)
		return 0;
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(err, "open %s", name);
	if (fsync(fd) < 0)
		rc = fail_errno(err, "sync %s", name);
	close(fd);
	return rc;
}

int
spool_sync(int dir, struct error *err)
{
	if (each_entry(dir, sync_entry, err, err) < 0 ||
	    file_sync_folder(dir, ".", err) < 0)
		return -1;
	return file_sync_folder(dir, "..", err);
}

void
spool_sent(int dir, struct sent *s)
{
	struct error none;
	json_t *json = spool_json(dir, "sent.json", &none);
	json_int_t step = 0, log = 0;

	if (json_unpack(json, "{s:I, s:I}", "step", &step, "log", &log) < 0 ||
	    step < 0 || log < 0)
		step = log = 0;
	s->step = step;
	s->log = log;
	json_decref(json);
}

int
spool_set_sent(int dir, const struct sent *s, struct error *err)
{
	char text[80];
	int fd, n;

	/* no sync: see the header */
	n = snprintf(text, sizeof(text),
	    "{\"step\":%" PRId64 ",\"log\":%" PRId64 "}", s->step, s->log);
	fd = openat(dir, "sent.new",
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail_errno(err, "create sent.new");
	if (file_write_all(fd, text, (size_t)n, err) < 0) {
		close(fd);
		return -1;
	}
	close(fd);
	if (renameat(dir, "sent.new", dir, "sent.json") < 0)
		return fail_errno(err, "write sent.json");
	return 0;
}
