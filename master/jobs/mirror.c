/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/jobs/validate.h"
#include "tree/tree.h"
#include "base/arena.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/log.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* The lock's time says that the fetch goes on, to all who wait for it. */
static void
touch(void *ctx)
{
	(void)futimens(*(const int *)ctx, NULL);
}

static const char *
lock_of(struct arena *a, const char *mirror)
{
	return arena_printf(a, "%s.lock", mirror);
}

bool
mirror_busy(const char *mirror, int64_t since)
{
	struct arena a = {0};
	struct stat st;
	bool busy;

	busy = stat(lock_of(&a, mirror), &st) == 0 &&
	    (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000 >
		since;
	arena_release(&a);
	return busy;
}

int
mirror_fetch(struct arena *a, const char *mirror, const char *url,
    const struct mirror_conf *conf, struct diags *refused, struct error *err)
{
	struct mirror_conf how = *conf;
	const char *path = lock_of(a, mirror);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), rc;

	how.beat = touch;
	how.beat_ctx = &fd;

	if (fd < 0)
		return fail_errno(err, "open %s", path);
	if (flock(fd, LOCK_EX) < 0)
		rc = fail_errno(err, "lock %s", path);
	else
		rc = mirror_update(mirror, url, &how, refused, err);
	close(fd);
	return rc;
}

/* A commit that some branch or tag leads to; objects alone don't count. */
static int
open_reached(const struct validation *v, struct tree **t, struct error *err)
{
	const char *revision = *v->revision ? v->revision : NULL;
	int rc;

	if (tree_open(t, v->mirror, revision, err) < 0)
		return -1;
	tree_use_index(
	    *t, arena_printf(v->arena, "%s.index", v->mirror), v->now);
	rc = mirror_has(v->mirror, tree_commit(*t), err);
	if (rc > 0)
		return 0;
	if (rc == 0)
		fail(err, "no branch and no tag leads to it");
	tree_close(*t);
	*t = NULL;
	return -1;
}

static void
refuse_revision(const struct validation *v, const struct diags *refused,
    const char *why, struct diags *d)
{
	struct place nowhere = {0};
	const struct diag *r;
	size_t i;

	diag_hint(d,
	    diag_error(d, nowhere, "revision", "revision %s of tree %s: %s",
		*v->revision ? v->revision : "HEAD", v->tree, why),
	    "push it to where the master fetches the tree from");
	for (i = 0; i < refused->n; i++) {
		r = &refused->list[i];
		diag_hint(d, diag_error(d, r->at, r->rule, "%s", r->text),
		    "the master's administrator can allow it once: "
		    "autotua-master tree sync --allow-forced %s",
		    v->tree);
	}
}

/* Whoever runs the master should see them even if this job doesn't care. */
static void
tell_log(const struct validation *v, const struct diags *refused)
{
	size_t i;

	for (i = 0; i < refused->n; i++)
		log_warn("tree=%s ref=%s %s", v->tree,
		    refused->list[i].at.file ? refused->list[i].at.file : "-",
		    refused->list[i].text);
}

int
mirror_open(const struct validation *v, struct tree **t, const char **trouble,
    struct diags *d)
{
	const char *revision = *v->revision ? v->revision : NULL;
	bool is_id = strlen(v->revision) == 40 && is_hex(v->revision, 40);
	struct diags refused;
	struct error err;

	if (is_id && access(v->mirror, F_OK) == 0 &&
	    open_reached(v, t, &err) == 0)
		return 0;
	diags_init(&refused, v->arena);
	if (mirror_fetch(v->arena, v->mirror, v->url, &v->how, &refused, &err) <
	    0) {
		*trouble = arena_printf(
		    v->arena, "fetch tree %s: %s", v->tree, err.msg);
		return -1;
	}
	tell_log(v, &refused);
	if (mirror_refused(v->mirror, revision, &refused))
		fail(&err, "the master doesn't take what it has become");
	else if (open_reached(v, t, &err) == 0)
		return 0;
	refuse_revision(v, &refused, err.msg, d);
	return -1;
}
