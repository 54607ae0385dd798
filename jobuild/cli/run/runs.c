/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/run/runs.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/home.h"
#include "base/proc.h"
#include "cli/steps.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RECORD     "run.json"
#define RECORD_MAX (1 << 20)

const char *
runs_folder(struct arena *a)
{
	return arena_printf(
	    a, "%s/runs", home_folder(a, "XDG_STATE_HOME", ".local/state"));
}

int
runs_lock(const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return fail_errno(err, "%s", path);
	if (flock(fd, LOCK_SH | LOCK_NB) == 0)
		return fd;
	fail_errno(err, "lock %s", path);
	close(fd);
	return -1;
}

int
runs_new(
    struct arena *a, const char *parent, const char **path, struct error *err)
{
	time_t t = time(NULL);
	char stamp[32];
	struct tm tm;

	localtime_r(&t, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &tm);
	*path = arena_printf(a, "%s/%s-%ld", parent, stamp, (long)getpid());
	if (file_mkdirs(*path, 0755, err) < 0)
		return -1;
	return runs_lock(*path, err);
}

int
runs_note(int fd, json_t *record, struct error *err)
{
	char *text = json_dumps(record, JSON_INDENT(2) | JSON_SORT_KEYS);
	int rc;

	json_decref(record);
	rc = text ? file_write_at(fd, RECORD, text, strlen(text), 0644, err)
		  : fail(err, "what is to be noted of the run is not UTF-8");
	free(text);
	return rc;
}

/* ---- reading ------------------------------------------------------------- */

/* 20240131-235959-12345: nothing else is ever deleted. */
static bool
is_run(const char *name)
{
	size_t i;

	for (i = 0; i < 15; i++) {
		if (i == 8 ? name[i] != '-' : name[i] < '0' || name[i] > '9')
			return false;
	}
	return name[15] == '-' && name[16] &&
	    name[16 + strspn(name + 16, "0123456789")] == '\0';
}

static int
filter(const struct dirent *e)
{
	return is_run(e->d_name);
}

static int
newest_first(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*b)->d_name, (*a)->d_name);
}

/* The record of a folder; NULL when it has none that can be read. */
static json_t *
read_record(int fd)
{
	struct error ignored;
	json_error_t why;
	json_t *o = NULL;
	struct buf b;

	buf_init(&b, RECORD_MAX);
	if (file_read_at(fd, RECORD, &b, &ignored) == 0)
		o = json_loadb(b.data, b.len, 0, &why);
	buf_release(&b);
	return o;
}

static double
moment(const json_t *o, const char *name)
{
	double t = member_number(o, name);

	return t > 0 ? t : 0;
}

static bool
is_job(const char *s)
{
	return s && strncmp(s, "run-", 4) == 0 &&
	    s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

static void
read_kept(
    struct arena *a, struct runs_item *r, const json_t *list, const char *state)
{
	const char *path;
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		if (!is_job(json_string_value(one)))
			continue;
		path = arena_printf(
		    a, "%s/kept/%s", state, json_string_value(one));
		if (access(path, F_OK) < 0)
			continue;
		r->kept = arena_grow(a, r->kept, r->nkept, sizeof(*r->kept));
		r->kept[r->nkept++] = path;
	}
}

static void
read_one(struct arena *a, int fd, struct runs_item *r, const char *state)
{
	json_t *o = read_record(fd);
	struct stat st;

	r->root = arena_strdup(a, member(o, "root"));
	r->arch = arena_strdup(a, member(o, "arch"));
	r->result = arena_strdup(a, member(o, "result"));
	r->started = moment(o, "started");
	r->ended = moment(o, "ended");
	r->keep = json_is_true(json_object_get(o, "keep"));
	read_kept(a, r, json_object_get(o, "kept"), state);
	if (!o && fstat(fd, &st) == 0)
		r->ended = (double)st.st_mtime;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		r->result = "running";
	else if (!*r->result)
		r->result = o ? "interrupted" : "unknown";
	json_decref(o);
}

void
runs_read(struct arena *a, const struct runs_place *p, struct runs_list *out)
{
	struct dirent **list = NULL;
	struct runs_item *r;
	int n, i, fd;

	memset(out, 0, sizeof(*out));
	n = scandir(p->parent, &list, filter, newest_first);
	out->items =
	    arena_array(a, (size_t)(n > 0 ? n : 0) + 1, struct runs_item);
	for (i = 0; i < n; i++) {
		r = &out->items[out->n];
		r->name = arena_strdup(a, list[i]->d_name);
		r->path = arena_printf(a, "%s/%s", p->parent, r->name);
		free(list[i]);
		fd = open(
		    r->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			continue;
		read_one(a, fd, r, p->state);
		close(fd);
		out->n++;
	}
	free(list);
}

int64_t
runs_size(struct arena *a, const char *path)
{
	char *paths[] = {arena_strdup(a, path), NULL};
	int64_t size = 0;
	FTSENT *e;
	FTS *fts;

	fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	while (fts && (e = fts_read(fts)) != NULL) {
		if (e->fts_info == FTS_D || e->fts_info == FTS_F ||
		    e->fts_info == FTS_SL || e->fts_info == FTS_DEFAULT)
			size += (int64_t)e->fts_statp->st_blocks * 512;
	}
	if (fts)
		fts_close(fts);
	return size;
}

/* ---- deleting ------------------------------------------------------------ */

/*
 * What a failed step has left is of no use without the run, and large. Its
 * files are the job's, so an ordinary user needs a program to delete them.
 */
static int
remove_kept(
    const struct runs_place *p, const struct runs_item *item, struct error *err)
{
	const char *argv[] = {
	    p->chroot, "-s", p->state, "remove", "--kept", NULL, NULL};
	size_t i;

	if (item->nkept > 0 && !p->chroot)
		return fail(err, "autotua-chroot is not there, and %s is its",
		    item->kept[0]);
	for (i = 0; i < item->nkept; i++) {
		argv[5] = strrchr(item->kept[i], '/') + 1;
		if (proc_run(argv, NULL, err) < 0)
			return fail_in(err, "remove %s", item->kept[i]);
	}
	return 0;
}

int
runs_remove(
    const struct runs_place *p, const struct runs_item *item, struct error *err)
{
	int fd, rc;

	fd = open(item->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(err, "%s", item->path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		fail(err, "%s is under way", item->name);
		err->code = EBUSY;
		rc = -1;
	} else {
		rc = remove_kept(p, item, err) < 0
		    ? -1
		    : file_remove_tree(AT_FDCWD, item->path, err);
	}
	close(fd);
	return rc;
}

double
runs_age(const struct runs_item *item, time_t now)
{
	return (double)now - (item->ended > 0 ? item->ended : item->started);
}

size_t
runs_clean(const struct runs_place *p, size_t keep, int64_t age, time_t now)
{
	size_t i, rank = 0, failed = 0, removed = 0;
	const struct runs_item *r;
	struct arena a = {0};
	struct runs_list list;
	struct error ignored;
	bool bad, many, old;

	runs_read(&a, p, &list);
	for (i = 0; i < list.n; i++) {
		r = &list.items[i];
		if (r->keep)
			continue;
		bad = strcmp(r->result, "passed") != 0;
		failed += bad;
		many = keep > 0 && rank++ >= keep && (!bad || failed > keep);
		old = age > 0 && runs_age(r, now) > (double)age;
		if (many || old)
			removed += runs_remove(p, r, &ignored) == 0;
	}
	arena_release(&a);
	return removed;
}
