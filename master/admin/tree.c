/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/commands.h"
#include "master/serve/loop.h"
#include "master/store/state.h"
#include "master/jobs/validate.h"
#include "base/diag.h"
#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/show.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define USAGE                                                                  \
	"tree add [--allow-forced] NAME URL | tree list | "                    \
	"tree sync [--allow-forced] NAME"

/* Who serves is whose the state is: another user can't tell what that may. */
static bool
is_server(const struct state *st)
{
	struct stat s;

	return fstat(st->dir, &s) == 0 && s.st_uid == geteuid();
}

/* It may come while the master serves. */
static void
warn_missing(const char *name, const char *url)
{
	log_warn("tree %s: there is nothing at %s: jobs of this tree are "
		 "refused until it is there",
	    name, url);
}

static int
tree_add(struct state *st, const char *name, const char *url, bool forced,
    struct error *err)
{
	char where[4096];
	int there;

	if (!plain_name(name))
		return fail(err,
		    "tree \"%s\": expected letters, digits and . _ -", name);
	/* serve may run in another folder */
	if (!strstr(url, "://") && realpath(url, where))
		url = where;
	if (mirror_check(url, err) < 0)
		return -1;
	there = mirror_check_local(url, err);
	if ((there < 0 && is_server(st)) || db_begin(&st->db, err) < 0)
		return -1;
	if (db_run(&st->db, SQL_TREE_ADD,
		ARGS(TEXT(name), TEXT(url), INT(now_us()), INT(forced)),
		err) < 0) {
		if (db_is_duplicate(&st->db))
			fail(err, "there is a tree \"%s\" already", name);
		db_rollback(&st->db);
		return -1;
	}
	if (cmd_finish(&st->db, "tree add", name, err) < 0)
		return -1;
	if (there > 0)
		warn_missing(name, url);
	return 0;
}

int
tree_check_all(struct state *st, struct error *err)
{
	enum sql q = SQL_TREE_LIST;
	const char *name, *url;
	struct arena a = {0};
	struct error why;
	int rc, there;

	db_query(&st->db, q, NULL);
	while ((rc = db_row(&st->db, q, err)) > 0) {
		name = db_text(&st->db, q, 0, &a);
		url = db_text(&st->db, q, 1, &a);
		there = mirror_check_local(url, &why);
		if (there > 0)
			warn_missing(name, url);
		else if (there < 0)
			log_warn("tree %s: %s", name, why.msg);
	}
	arena_release(&a);
	return rc;
}

static int
tree_list(struct state *st, struct error *err)
{
	enum sql q = SQL_TREE_LIST;
	struct arena a = {0};
	int rc;

	db_query(&st->db, q, NULL);
	while ((rc = db_row(&st->db, q, err)) > 0)
		printf("%s %s%s\n", db_text(&st->db, q, 0, &a),
		    db_text(&st->db, q, 1, &a),
		    db_int(&st->db, q, 3) ? " (rewritten history allowed)"
					  : "");
	arena_release(&a);
	return rc;
}

/* Where it is fetched from; -1 with err. */
static int
tree_find(struct state *st, const char *name, struct arena *a, const char **url,
    bool *forced, struct error *err)
{
	enum sql q = SQL_TREE_GET;
	int rc = db_one(&st->db, q, ARGS(TEXT(name)), err);

	if (rc == 0)
		return fail(err,
		    "there is no tree \"%s\"; \"autotua-master tree list\" "
		    "has the list",
		    name);
	if (rc < 0)
		return -1;
	*url = db_text(&st->db, q, 1, a);
	*forced |= db_int(&st->db, q, 2) != 0;
	db_end(&st->db, q);
	return 0;
}

static void
show_progress(void *ctx, size_t done, size_t total)
{
	struct progress *p = ctx;

	p->total = total;
	progress_step(p, done);
}

static int
fetch(struct state *st, const char *name, const char *url, bool forced,
    struct diags *refused, struct error *err)
{
	struct mirror_conf how = state_mirror(st, forced);
	struct progress_line line = {0};
	struct progress p;
	struct arena a = {0};
	int rc;

	progress_start(&p, &line,
	    arena_printf(&a, "fetching tree %s", show(&a, name, strlen(name))),
	    0, false);
	how.tell = show_progress;
	how.tell_ctx = &p;
	rc = mirror_fetch(&a, state_path(st, &a, "trees/%s.git", name), url,
	    &how, refused, err);
	progress_end(&p);
	arena_release(&a);
	return rc;
}

/* 0: all of it was taken. */
static int
tree_sync(struct state *st, const char *name, bool forced, struct error *err)
{
	struct arena a = {0};
	struct diags refused;
	bool once = forced;
	const char *url = NULL;
	int rc = -1;

	diags_init(&refused, &a);
	if (tree_find(st, name, &a, &url, &forced, err) < 0)
		goto out;
	if (fetch(st, name, url, forced, &refused, err) < 0)
		goto out;
	diags_print(&refused, stderr);
	if (once &&
	    (db_begin(&st->db, err) < 0 ||
		cmd_finish(&st->db, "tree sync --allow-forced", name, err) < 0))
		goto out;
	rc = refused.n == 0
	    ? 0
	    : fail(err,
		  "tree %s: not all of it was taken; if a rewritten history is "
		  "meant to be: autotua-master tree sync --allow-forced %s",
		  name, name);
out:
	arena_release(&a);
	return rc;
}

static int
run(struct state *st, int argc, char *argv[], bool forced, struct error *err)
{
	if (strcmp(argv[0], "add") == 0)
		return tree_add(st, argv[1], argv[2], forced, err);
	return argc == 1 ? tree_list(st, err)
			 : tree_sync(st, argv[1], forced, err);
}

int
cmd_tree(const char *path, int argc, char *argv[])
{
	static const struct {
		const char *name;
		int words;
	} known[] = {{"add", 3}, {"list", 1}, {"sync", 2}};
	bool forced = false, good = false;
	struct state st;
	struct error err;
	size_t i;
	int rc;

	if (argc > 1 && strcmp(argv[1], "--allow-forced") == 0) {
		forced = true;
		argv[1] = argv[0];
		argv++;
		argc--;
	}
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		good |= argc == known[i].words &&
		    strcmp(argv[0], known[i].name) == 0 &&
		    (argc > 1 || !forced);
	if (!good)
		return cmd_usage(USAGE);
	if (state_open(&st, path, &err) < 0)
		return cmd_failed(&err);
	rc = run(&st, argc, argv, forced, &err);
	state_close(&st);
	return rc < 0 ? cmd_failed(&err) : 0;
}
