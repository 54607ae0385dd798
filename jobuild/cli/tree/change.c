/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/tree/change.h"
#include "cli/cli.h"
#include "cli/progress.h"

#include <errno.h>
#include <git2.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* ---- what git says ------------------------------------------------------- */

static int
fail_git(struct error *err, const char *what)
{
	const git_error *e = git_error_last();
	struct arena a = {0};
	const char *why = e && e->message ? e->message : "unknown trouble";

	fail(err, "%s: %s", what, show(&a, why, strnlen(why, 300)));
	arena_release(&a);
	return -1;
}

/* The same where rc may come of an object that is missing. */
static int
fail_read(struct error *err, git_repository *git, int rc, const char *what)
{
	if (rc == GIT_ENOTFOUND && tree_is_promised(git)) {
		fail(err, "%s: " LACKS_OBJECT, what);
		err->code = ENODATA;
		return -1;
	}
	return fail_git(err, what);
}

static int
open_git(git_repository **out, const struct repo *r, struct error *err)
{
	git_odb *odb = NULL;
	int rc = 0;

	if (git_repository_open_ext(
		out, r->top, GIT_REPOSITORY_OPEN_NO_SEARCH, NULL) < 0)
		return fail_git(err, r->top);
	if (!repo_quarantine())
		return 0;
	if (git_repository_odb(&odb, *out) < 0 ||
	    git_odb_add_disk_alternate(odb, repo_quarantine()) < 0)
		rc = fail_git(err, repo_quarantine());
	git_odb_free(odb);
	return rc;
}

static int
find_tree(
    git_repository *git, const char *rev, git_tree **out, struct error *err)
{
	git_object *o = NULL;
	int rc;

	if (git_revparse_single(&o, git, rev) < 0)
		return fail_git(err, rev);
	rc = git_object_peel((git_object **)out, o, GIT_OBJECT_TREE);
	if (rc < 0)
		rc = fail_read(err, git, rc, rev);
	git_object_free(o);
	return rc;
}

static void
add_path(struct cli *c, struct change *ch, const char *path)
{
	const char *copy = arena_strdup(&c->arena, path), *slash, *second;
	size_t n;

	*map_puts(&ch->paths, copy) = ch;
	slash = strchr(copy, '/');
	if (!slash)
		return;
	second = strchr(slash + 1, '/');
	if (second) {
		*map_put(&ch->packages, copy, (size_t)(second - copy)) = ch;
		return;
	}
	n = (size_t)(slash - copy);
	if (strlen(slash + 1) == n + 4 && memcmp(slash + 1, copy, n) == 0 &&
	    strcmp(slash + 1 + n, ".asc") == 0)
		*map_put(&ch->users, copy, n) = ch;
}

#define STEPS_MAX 2000000 /* files of two trees, see TREE_ENTRIES_MAX */

struct walk {
	struct cli *cli;
	struct change *change;
	git_index *index; /* of the work tree; NULL: two revisions */
	size_t steps;
};

/* A few small objects of git can stand for millions of files. */
static int
on_step(const git_diff *so_far, const char *old, const char *new, void *payload)
{
	struct walk *w = payload;

	(void)so_far;
	(void)old;
	(void)new;
	if (++w->steps <= STEPS_MAX)
		return 0;
	git_error_set_str(GIT_ERROR_INVALID, "too many files to compare");
	return -1;
}

/* A sparse checkout leaves it out, nobody has removed it. */
static int
on_found(const git_diff *so_far, const git_diff_delta *d, const char *matched,
    void *payload)
{
	struct walk *w = payload;
	const git_index_entry *e;

	(void)so_far;
	(void)matched;
	if (d->status != GIT_DELTA_DELETED || !w->index)
		return 0;
	e = git_index_get_bypath(w->index, d->old_file.path, 0);
	return e && (e->flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE);
}

static int
on_file(const git_diff_delta *d, float progress, void *payload)
{
	struct walk *w = payload;

	(void)progress;
	add_path(w->cli, w->change, d->new_file.path);
	if (strcmp(d->old_file.path, d->new_file.path) != 0)
		add_path(w->cli, w->change, d->old_file.path);
	return 0;
}

static bool
is_on_disk(const char *top, const char *path)
{
	char full[PATH_MAX];
	struct stat st;

	return snprintf(full, sizeof(full), "%s%s", top, path) <
	    (int)sizeof(full) &&
	    (lstat(full, &st) == 0 || errno != ENOENT);
}

/*
 * libgit2 takes what a sparse checkout leaves out for unchanged, even when it
 * is on disk again: make it like the others in the index, which isn't written.
 * Objects may be missing: a submodule's, and those of a partial clone.
 */
static int
notice_written(git_repository *git, git_index *index)
{
	const char *top = git_repository_workdir(git);
	size_t i, n = git_index_entrycount(index);
	const git_index_entry *e;
	struct arena a = {0};
	git_index_entry copy;
	int rc = 0;

	git_libgit2_opts(GIT_OPT_ENABLE_STRICT_OBJECT_CREATION, 0);
	for (i = 0; i < n && rc == 0; i++) {
		e = git_index_get_byindex(index, i);
		if (!(e->flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE) ||
		    !is_on_disk(top, e->path))
			continue;
		copy = *e;
		copy.path = arena_strdup(&a, e->path);
		copy.flags_extended &= (uint16_t)~GIT_INDEX_ENTRY_SKIP_WORKTREE;
		rc = git_index_add(index, &copy);
	}
	git_libgit2_opts(GIT_OPT_ENABLE_STRICT_OBJECT_CREATION, 1);
	arena_release(&a);
	return rc;
}

static int
diff(git_repository *git, git_tree *from, git_tree *to, struct walk *w,
    struct error *err)
{
	git_diff_options o;
	git_diff *list = NULL;
	int rc;

	git_diff_options_init(&o, GIT_DIFF_OPTIONS_VERSION);
	o.flags = GIT_DIFF_INCLUDE_UNTRACKED | GIT_DIFF_RECURSE_UNTRACKED_DIRS |
	    GIT_DIFF_SKIP_BINARY_CHECK;
	o.progress_cb = on_step;
	o.notify_cb = on_found;
	o.payload = w;
	if (to)
		rc = git_diff_tree_to_tree(&list, git, from, to, &o);
	else if ((rc = git_repository_index(&w->index, git)) == 0 &&
	    (rc = notice_written(git, w->index)) == 0)
		rc = git_diff_tree_to_workdir_with_index(&list, git, from, &o);
	if (rc == 0)
		rc = git_diff_foreach(list, on_file, NULL, NULL, NULL, w);
	git_diff_free(list);
	git_index_free(w->index);
	return rc < 0 ? fail_read(err, git, rc, "what has changed") : 0;
}

int
change_find(struct cli *c, const struct repo *r, const char *from,
    const char *to, struct change *out, struct error *err)
{
	struct walk w = {.cli = c, .change = out};
	git_repository *git = NULL;
	git_tree *a = NULL, *b = NULL;
	int rc = -1;

	map_init(&out->paths, &c->arena);
	map_init(&out->packages, &c->arena);
	map_init(&out->users, &c->arena);
	git_libgit2_init();
	if (open_git(&git, r, err) == 0 &&
	    (!from || find_tree(git, from, &a, err) == 0) &&
	    (!to || find_tree(git, to, &b, err) == 0))
		rc = diff(git, a, b, &w, err);
	git_tree_free(a);
	git_tree_free(b);
	git_repository_free(git);
	git_libgit2_shutdown();
	return rc;
}

static bool
find_commit(git_repository *git, const char *rev, git_oid *out)
{
	git_object *o = NULL, *commit = NULL;
	bool found;

	found = git_revparse_single(&o, git, rev) == 0 &&
	    git_object_peel(&commit, o, GIT_OBJECT_COMMIT) == 0;
	if (found)
		*out = *git_object_id(commit);
	git_object_free(commit);
	git_object_free(o);
	return found;
}

const char *
change_base(
    struct cli *c, const struct repo *r, const char *one, const char *other)
{
	git_repository *git = NULL;
	char hex[OBJECT_HEX] = "";
	struct error ignored;
	git_oid a, b, base;

	git_libgit2_init();
	if (open_git(&git, r, &ignored) == 0 && find_commit(git, one, &a) &&
	    find_commit(git, other, &b) &&
	    git_merge_base(&base, git, &a, &b) == 0)
		git_oid_tostr(hex, sizeof(hex), &base);
	git_repository_free(git);
	git_libgit2_shutdown();
	return arena_strdup(&c->arena, hex);
}

bool
change_is_first(const struct repo *r)
{
	git_repository *git = NULL;
	struct error ignored;
	bool first;

	git_libgit2_init();
	first = open_git(&git, r, &ignored) == 0 &&
	    git_repository_head_unborn(git) == 1;
	git_repository_free(git);
	git_libgit2_shutdown();
	return first;
}

/* ---- what that touches --------------------------------------------------- */

/* Packages that name a package, in any way. */
struct user_list {
	const char **names;
	size_t n;
};

struct graph {
	struct arena *arena;
	struct map users; /* "user/name" to struct user_list */
};

static void
add_edge(struct graph *g, const char *from, const struct recipe_id *to)
{
	struct user_list *list;
	void **at;

	at = map_puts(
	    &g->users, arena_printf(g->arena, "%s/%s", to->user, to->name));
	if (!*at)
		*at = arena_new(g->arena, struct user_list);
	list = *at;
	/* recipes of one package come one after another */
	if (list->n > 0 && list->names[list->n - 1] == from)
		return;
	list->names =
	    arena_grow(g->arena, list->names, list->n, sizeof(*list->names));
	list->names[list->n++] = from;
}

/* Lists nest 64 deep at most. */
static void
add_deps(struct graph *g, const char *from, const struct dep *items, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (items[i].kind == DEP_ATOM)
			add_edge(g, from, &items[i].atom.id);
		else
			add_deps(g, from, items[i].items, items[i].n);
	}
}

/* Of a broken recipe only what it extends can be known. */
static void
add_parent(struct graph *g, struct tree *t, const char *from,
    const struct recipe_id *id, enum recipe_kind kind)
{
	char ver[VERSION_MAX];
	const struct tree_file *f;
	struct recipe_id parent;
	struct error ignored;
	struct place at;
	struct diags none;
	struct recipe *r;

	version_format(id->ver, ver);
	f = tree_file(t,
	    arena_printf(g->arena, "%s/%s-%s.%s", from, id->name, ver,
		kind == RECIPE_JOBUILD ? "jobuild" : "template"),
	    &ignored);
	diags_init(&none, g->arena);
	r = f ? recipe_parse(g->arena, f->path, f->text, f->len, &none) : NULL;
	if (r && recipe_extends(r, &parent, &at))
		add_edge(g, from, &parent);
}

static void
add_recipe(struct graph *g, struct tree *t, const char *from,
    const struct recipe_id *id, enum recipe_kind kind)
{
	const struct tree_recipe *r;
	const char *path, *slash, *second;
	struct recipe_id package;
	struct diags none;
	size_t i;

	diags_init(&none, g->arena);
	r = tree_recipe(t, id, kind, &none);
	if (!r) {
		add_parent(g, t, from, id, kind);
		return;
	}
	for (i = 0; i + 1 < r->nchain; i++) {
		path = r->chain[i]->path;
		slash = strchr(path, '/');
		second = strchr(slash + 1, '/');
		package.user =
		    arena_strndup(g->arena, path, (size_t)(slash - path));
		package.name = arena_strndup(
		    g->arena, slash + 1, (size_t)(second - slash - 1));
		add_edge(g, from, &package);
	}
	add_deps(g, from, r->meta->depend.items, r->meta->depend.n);
	add_deps(g, from, r->meta->sidepend.items, r->meta->sidepend.n);
}

static void
read_graph(struct cli *c, struct tree *t, struct graph *g)
{
	const struct tree_package *p;
	struct recipe_id id;
	struct progress bar;
	const char *from;
	size_t i, k, n;

	p = tree_packages(t, &n);
	progress_begin(&bar, c, "reading packages", n);
	for (i = 0; i < n; i++, p++) {
		from = arena_printf(g->arena, "%s/%s", p->user, p->name);
		id.user = p->user;
		id.name = p->name;
		for (k = 0; k < p->ntemplates; k++) {
			id.ver = p->templates[k];
			add_recipe(g, t, from, &id, RECIPE_TEMPLATE);
		}
		for (k = 0; k < p->nversions; k++) {
			id.ver = p->versions[k];
			add_recipe(g, t, from, &id, RECIPE_JOBUILD);
		}
		progress_step(&bar, i);
	}
	progress_end(&bar);
}

static int *
mark(struct cli *c, struct touched *out, const char *package, size_t n)
{
	void **at = map_put(&out->packages, package, n);

	if (!*at)
		*at = arena_new(&c->arena, int);
	return *at;
}

void
change_touched(struct cli *c, struct tree *t, const struct change *change,
    struct touched *out)
{
	struct graph g = {.arena = &c->arena};
	const struct user_list *list;
	const struct map_item *item;
	int *touch;
	size_t i, k;

	map_init(&out->packages, &c->arena);
	map_init(&g.users, &c->arena);
	if (change->packages.n == 0)
		return;
	for (i = 0; i < change->packages.n; i++) {
		item = &change->packages.items[i];
		*mark(c, out, item->key, item->len) = TOUCH_CHANGED;
	}
	read_graph(c, t, &g);
	/* the map grows at its end while it is walked */
	for (i = 0; i < out->packages.n; i++) {
		item = &out->packages.items[i];
		list = map_get(&g.users, item->key, item->len);
		for (k = 0; list && k < list->n; k++) {
			touch = mark(
			    c, out, list->names[k], strlen(list->names[k]));
			if (*touch == TOUCH_NONE)
				*touch = TOUCH_DEPENDS;
		}
	}
}

enum touch
touched_package(const struct touched *t, const char *user, const char *name)
{
	char package[USER_MAX + NAME_MAX_LEN + 2];
	const int *touch;

	snprintf(package, sizeof(package), "%s/%s", user, name);
	touch = map_gets(&t->packages, package);
	return touch ? (enum touch) * touch : TOUCH_NONE;
}
