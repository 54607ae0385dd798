/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/unit.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REPORT_MAX (4 << 20) /* bytes of an earlier K.json */

/* ---- the log ------------------------------------------------------------- */

void
report_log(const struct unit_run *r, size_t step, const char *fmt, ...)
{
	struct arena a = {0};
	struct error err;
	const char *text;
	va_list ap;
	int fd;

	va_start(ap, fmt);
	text = arena_vprintf(&a, fmt, ap);
	va_end(ap);
	text = arena_printf(&a, " * %s\n", show(&a, text, strlen(text)));
	fd = openat(r->dirfd, unit_file(r, step, "log"),
	    O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0644);
	/* a full disk is found, and told, where results are at stake */
	if (fd >= 0) {
		(void)file_write_all(fd, text, strlen(text), &err);
		close(fd);
	}
	arena_release(&a);
}

/*
 * Does what there is so far take less than a moment? Then a power cut costs no
 * more than that, and no disk is waited for.
 */
static bool
is_momentary(const struct unit_run *r)
{
	return clock_ms() - r->begun < r->conf->moment;
}

/* The log's size, or -1. */
static int64_t
sync_log(struct unit_run *r, size_t step, bool sync, struct error *err)
{
	int fd = openat(r->dirfd, unit_file(r, step, "log"),
	    O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int64_t size = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : fail_errno(err, "open a log");
	if (fstat(fd, &st) < 0 || (sync && fsync(fd) < 0))
		size = fail_errno(err, "sync a log");
	else
		size = st.st_size;
	close(fd);
	return size;
}

/* ---- artifacts ----------------------------------------------------------- */

/* A regular file below dirfd, through no link at all. */
static int
open_below(int dirfd, const char *path)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
	    .resolve =
		RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};

	return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
}

/*
 * Sync one; false (with a message) if it isn't what was told. Its digest was
 * made while it was copied.
 */
static bool
take_artifact(int dirfd, struct artifact *a, struct outcome *o)
{
	struct stat st;
	bool good = false;
	int fd;

	fd = open_below(dirfd, a->path);
	if (fd < 0) {
		outcome_say(o, "warn", "artifact %s left out: %s", a->path,
		    strerror(errno));
		return false;
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size != a->size)
		outcome_say(o, "warn",
		    "artifact %s left out: it is not what was collected",
		    a->path);
	else if (fsync(fd) < 0)
		outcome_say(o, "warn", "artifact %s left out: %s", a->path,
		    strerror(errno));
	else
		good = true;
	if (good)
		a->type = outcome_type(o, a->path);
	close(fd);
	return good;
}

static int
by_path(const void *a, const void *b)
{
	const struct artifact *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static json_t *
artifacts_json(struct unit_run *r, size_t step, struct outcome *o)
{
	json_t *list = json_array();
	struct artifact *a;
	size_t i;
	int dirfd;

	if (!o || o->nartifacts == 0)
		return list;
	dirfd = openat(r->dirfd, unit_file(r, step, "out"),
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dirfd < 0)
		return list;
	/* they come in the order in which the file system has them */
	qsort(o->artifacts, o->nartifacts, sizeof(*o->artifacts), by_path);
	for (i = 0; i < o->nartifacts; i++) {
		a = &o->artifacts[i];
		if (take_artifact(dirfd, a, o))
			json_array_append_new(list,
			    json_pack("{s:s, s:s, s:I, s:s}", "path", a->path,
				"type", a->type, "size", (json_int_t)a->size,
				"digest", a->digest));
	}
	fsync(dirfd);
	close(dirfd);
	return list;
}

/* ---- K.json -------------------------------------------------------------- */

static json_t *
phases_json(const struct outcome *o)
{
	json_t *list = json_array();
	const struct phase_figures *p;
	size_t i;

	for (i = 0; o && i < o->nphases; i++) {
		p = &o->phases[i];
		/* "-" stands for a step that has only configuration */
		if (!p->ended || strcmp(p->name, "-") == 0)
			continue;
		json_array_append_new(list,
		    json_pack("{s:s, s:i, s:i, s:s, s:I, s:I, s:I, s:I, s:I, "
			      "s:I, s:I}",
			"name", p->name, "exit", p->exit, "signal", p->signal,
			"limit", p->limit, "wall_ms", (json_int_t)p->wall_ms,
			"user_ms", (json_int_t)p->user_ms, "system_ms",
			(json_int_t)p->system_ms, "memory_kb",
			(json_int_t)p->memory_kb, "log_start",
			(json_int_t)p->log_start, "log_end",
			(json_int_t)p->log_end, "net_bytes",
			(json_int_t)p->net_bytes));
	}
	return list;
}

/* Every text in it is well-formed by now, so only memory can be missing. */
static json_t *
report_json(struct unit_run *r, size_t step, const struct step_end *e,
    int64_t log_bytes)
{
	struct outcome *o = e->outcome;
	/* artifacts first: they may add messages */
	json_t *artifacts = artifacts_json(r, step, o), *report;

	report = json_pack(
	    "{s:I, s:s, s:s, s:s, s:s, s:b, s:f, s:f, s:o, s:o, s:o, s:o, s:I}",
	    "step", (json_int_t)step, "atom", unit_atom(r, step), "key",
	    r->unit->steps[step].key, "result", run_result_names[e->result],
	    "reason",
	    outcome_text(
		r->arena, e->reason, strlen(e->reason), strlen(e->reason)),
	    "reused", e->reused, "started", e->started, "ended", e->ended,
	    "phases", phases_json(o), "figures",
	    o ? json_incref(o->figures) : json_object(), "messages",
	    o ? json_incref(o->messages) : json_array(), "artifacts", artifacts,
	    "log_bytes", (json_int_t)log_bytes);
	if (!report) {
		log_crit("a step report can't be made");
		abort();
	}
	return report;
}

static void
tell(const struct unit_run *r, size_t step, const json_t *report)
{
	static const enum step_state ends[] = {[RUN_PASSED] = STEP_PASSED,
	    [RUN_FAILED] = STEP_FAILED,
	    [RUN_SKIPPED] = STEP_SKIPPED,
	    [RUN_INFRASTRUCTURE] = STEP_FAILED,
	    [RUN_LIMIT] = STEP_FAILED};
	const char *result =
	    json_string_value(json_object_get(report, "result"));
	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		if (result && strcmp(run_result_names[i], result) == 0)
			unit_state(r, step, ends[i]);
	}
	if (r->watch && r->watch->report)
		r->watch->report(r->watch->ctx, step, report);
}

/* Steps that were done in a moment, and one that comes after it. */
static int
sync_earlier(struct unit_run *r, size_t step, struct error *err)
{
	const char *name;
	int fd, rc = 0;

	for (; r->synced < step && rc == 0; r->synced++) {
		if (sync_log(r, r->synced, true, err) < 0)
			return -1;
		name = unit_file(r, r->synced, "json");
		fd = openat(r->dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || fsync(fd) < 0)
			rc = fail_errno(err, "sync %s", name);
		if (fd >= 0)
			close(fd);
	}
	return rc;
}

int
report_write(struct unit_run *r, size_t step, const struct step_end *e,
    struct error *err)
{
	bool sync = !is_momentary(r);
	int64_t log_bytes = sync_log(r, step, sync, err);
	json_t *report;
	char *text;
	int rc;

	if (log_bytes < 0 || (sync && sync_earlier(r, step, err) < 0))
		return -1;
	report = report_json(r, step, e, log_bytes);
	text = json_dumps(report, JSON_INDENT(1));
	rc = (sync ? file_write_at : file_replace_at)(r->dirfd,
	    unit_file(r, step, "json"), text, strlen(text), 0644, err);
	free(text);
	if (sync)
		r->synced = step + 1;
	if (rc == 0)
		tell(r, step, report);
	json_decref(report);
	return rc;
}

/* What an earlier life of this run wrote for the same work, if it passed. */
static json_t *
earlier_report(const struct unit_run *r, size_t step)
{
	json_t *report = NULL;
	const char *key, *result;
	struct error ignored;
	struct buf b;

	buf_init(&b, REPORT_MAX);
	if (file_read_at(r->dirfd, unit_file(r, step, "json"), &b, &ignored) ==
	    0)
		report =
		    json_loadb(b.data, b.len, JSON_REJECT_DUPLICATES, NULL);
	buf_release(&b);
	key = json_string_value(json_object_get(report, "key"));
	result = json_string_value(json_object_get(report, "result"));
	if (report && key && result &&
	    strcmp(key, r->unit->steps[step].key) == 0 &&
	    strcmp(result, run_result_names[RUN_PASSED]) == 0)
		return report;
	json_decref(report);
	return NULL;
}

int
report_reused(struct unit_run *r, size_t step, struct error *err)
{
	double now = unit_clock();
	struct step_end e = {.result = RUN_PASSED,
	    .reason = "",
	    .reused = !unit_is_meta(unit_meta(r, step)),
	    .started = now,
	    .ended = now};
	json_t *earlier = earlier_report(r, step);

	if (earlier) {
		tell(r, step, earlier);
		json_decref(earlier);
		return 0;
	}
	if (report_clear(r, step, err) < 0)
		return -1;
	if (e.reused)
		report_log(r, step, "%s: reused, layer %.12s is there",
		    unit_atom(r, step), r->unit->steps[step].key);
	else
		report_log(r, step, "%s: has no phases, it only depends",
		    unit_atom(r, step));
	return report_write(r, step, &e, err);
}

int
report_clear(struct unit_run *r, size_t step, struct error *err)
{
	static const char *const parts[] = {"json", "log", "out", "recipe"};
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (file_remove_tree(
			r->dirfd, unit_file(r, step, parts[i]), err) < 0)
			return -1;
	}
	return 0;
}
