/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refs.h"
#include "base/arena.h"
#include "base/diag.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/map.h"
#include "base/show.h"

#include <errno.h>
#include <fts.h>
#include <string.h>
#include <unistd.h>

#define GONE "refs/gone/"
#define KEPT "refs/kept/"

struct update {
	git_repository *repo;
	bool allow_forced;
	struct diags *refused;
	struct arena arena;
	struct map wanted; /* git_remote_head by name */
	struct error *err;
};

static bool
is_tag(const char *name)
{
	return strncmp(name, "refs/tags/", 10) == 0;
}

static bool
is_ours(const char *name)
{
	return strncmp(name, "refs/heads/", 11) == 0 || is_tag(name);
}

/* Where the value of a ref that vanished is kept. */
static const char *
gone_name(struct update *u, const char *name)
{
	char hex[DIGEST_HEX_MAX];

	digest_of(DIGEST_KEY, name, strlen(name), hex);
	return arena_printf(&u->arena, GONE "%s", hex);
}

static int
refuse(struct update *u, const char *name, const char *rule, const char *text,
    const char *hint)
{
	struct place at = {.file = show(u->refused->arena, name, strlen(name))};

	diag_hint(u->refused, diag_error(u->refused, at, rule, "%s", text),
	    "%s", hint);
	return 0;
}

static int
set(struct update *u, const char *name, const git_oid *oid)
{
	git_reference *ref = NULL;
	int rc = git_reference_create(&ref, u->repo, name, oid, 1, NULL);

	git_reference_free(ref);
	return rc < 0 ? git_fail(u->err, "%s", name) : 0;
}

static int
drop(struct update *u, const char *name)
{
	int rc = git_reference_remove(u->repo, name);

	return rc < 0 ? git_fail(u->err, "%s", name) : 0;
}

/* So that what was once mirrored stays reachable. */
static int
keep(struct update *u, const git_oid *oid)
{
	char hex[GIT_OID_HEXSZ + 1];

	git_oid_tostr(hex, sizeof(hex), oid);
	return set(u, arena_printf(&u->arena, KEPT "%s", hex), oid);
}

/* What the ref is, or was when it vanished; gone tells which. */
static bool
last_value(struct update *u, const char *name, git_oid *out, bool *gone)
{
	*gone = false;
	if (git_reference_name_to_id(out, u->repo, name) == 0)
		return true;
	*gone = true;
	return git_reference_name_to_id(out, u->repo, gone_name(u, name)) == 0;
}

/* Is this an object that the ref may name? The reason if not. */
static const char *
bad_target(struct update *u, const char *name, const git_oid *oid)
{
	git_object_t type;
	git_odb *odb = NULL;
	size_t n;
	int rc;

	if (git_repository_odb(&odb, u->repo) < 0)
		return "can't be checked";
	rc = git_odb_read_header(&n, &type, odb, oid);
	git_odb_free(odb);
	if (rc < 0)
		return "names an object that didn't come";
	if (!is_tag(name) && type != GIT_OBJECT_COMMIT)
		return "is a branch, but of no commit";
	return NULL;
}

/* old to new without anything lost? Tags never move. */
static bool
is_forward(
    struct update *u, const char *name, const git_oid *old, const git_oid *new)
{
	if (git_oid_equal(old, new))
		return true;
	return !is_tag(name) && git_graph_descendant_of(u->repo, new, old) == 1;
}

static int
refuse_forced(
    struct update *u, const char *name, const git_oid *old, const git_oid *new)
{
	char from[GIT_OID_HEXSZ + 1], to[GIT_OID_HEXSZ + 1];

	git_oid_tostr(from, sizeof(from), old);
	git_oid_tostr(to, sizeof(to), new);
	return refuse(u, name, "forced",
	    arena_printf(&u->arena,
		"%s: it was %s and would be %s, which %s; it stays what it "
		"was",
		is_tag(name) ? "the tag was moved" : "history was rewritten",
		from, to,
		is_tag(name) ? "is something else"
			     : "doesn't descend from that"),
	    "put it back where it was, or let the mirror's administrator "
	    "allow this change");
}

static int
update_one(struct update *u, const char *name, const git_oid *new)
{
	const char *bad;
	bool gone, there;
	git_oid old;

	bad = bad_target(u, name, new);
	if (bad)
		return refuse(u, name, "bad-ref", bad,
		    "repair it where the tree is fetched from (git fsck)");
	there = last_value(u, name, &old, &gone);
	if (there && !gone && git_oid_equal(&old, new))
		return 0;
	if (there && !is_forward(u, name, &old, new)) {
		if (!u->allow_forced)
			return refuse_forced(u, name, &old, new);
		if (keep(u, &old) < 0)
			return -1;
	}
	if (set(u, name, new) < 0)
		return -1;
	return there && gone ? drop(u, gone_name(u, name)) : 0;
}

/* Those that are no longer on the other side. */
static int
retire(struct update *u)
{
	git_strarray all = {0};
	git_oid old;
	size_t i;
	int rc = 0;

	if (git_reference_list(&all, u->repo) < 0)
		return git_fail(u->err, "%s", git_repository_path(u->repo));
	for (i = 0; i < all.count && rc == 0; i++) {
		if (!is_ours(all.strings[i]) ||
		    map_gets(&u->wanted, all.strings[i]))
			continue;
		if (git_reference_name_to_id(&old, u->repo, all.strings[i]) ==
		    0)
			rc = set(u, gone_name(u, all.strings[i]), &old);
		if (rc == 0)
			rc = drop(u, all.strings[i]);
	}
	git_strarray_dispose(&all);
	return rc;
}

static int
collect(struct update *u, const git_remote_head *const heads[], size_t n)
{
	const char *name;
	int valid;
	size_t i;

	for (i = 0; i < n; i++) {
		name = heads[i]->name;
		/* v1.0^{} is what the tag v1.0 leads to */
		if (!is_ours(name) || strstr(name, "^{}"))
			continue;
		if (git_reference_name_is_valid(&valid, name) < 0 || !valid) {
			refuse(u, name, "bad-ref",
			    "is no name for a branch or a tag",
			    "rename it where the tree is fetched from");
			continue;
		}
		*map_puts(&u->wanted, name) = (void *)(uintptr_t)heads[i];
		if (u->wanted.n > REFS_MAX)
			return fail(u->err,
			    "has more than %d branches and tags", REFS_MAX);
	}
	return 0;
}

int
refs_update(git_repository *repo, const git_remote_head *const heads[],
    size_t n, bool allow_forced, struct diags *refused, struct error *err)
{
	struct update u = {.repo = repo,
	    .allow_forced = allow_forced,
	    .refused = refused,
	    .err = err};
	const git_remote_head *head;
	size_t i;
	int rc;

	map_init(&u.wanted, &u.arena);
	rc = collect(&u, heads, n);
	/* first, since a/b can't be while a is */
	if (rc == 0)
		rc = retire(&u);
	for (i = 0; i < u.wanted.n && rc == 0; i++) {
		head = u.wanted.items[i].value;
		rc = update_one(&u, head->name, &head->oid);
	}
	arena_release(&u.arena);
	return rc;
}

static int
check_ref(
    git_repository *repo, git_odb *odb, const char *name, struct error *err)
{
	git_object_t type;
	git_oid oid;
	size_t n;

	if (git_reference_name_to_id(&oid, repo, name) == 0 &&
	    git_odb_read_header(&n, &type, odb, &oid) == 0)
		return 0;
	return fail(err,
	    "%s: %s can't be read: move this folder away, and the tree is "
	    "fetched anew",
	    git_repository_path(repo), name);
}

/* Those that libgit2 lists: a file that it can't read isn't among them. */
static int
check_listed(git_repository *repo, git_odb *odb, struct error *err)
{
	git_strarray all = {0};
	size_t i;
	int rc = 0;

	if (git_reference_list(&all, repo) < 0)
		return git_fail(err, "%s", git_repository_path(repo));
	for (i = 0; i < all.count && rc == 0; i++)
		rc = check_ref(repo, odb, all.strings[i], err);
	git_strarray_dispose(&all);
	return rc;
}

/* Of git's: no ref is called so. */
static bool
is_lock(const char *name)
{
	size_t n = strlen(name);

	return n > 5 && strcmp(name + n - 5, ".lock") == 0;
}

static int
unlock(const char *path, struct error *err)
{
	return unlink(path) < 0 && errno != ENOENT
	    ? fail_errno(err, "remove %s", path)
	    : 0;
}

/* Of each file below refs/: use gets its whole path. */
static int
each_file(git_repository *repo,
    int (*use)(void *ctx, const char *path, struct error *err), void *ctx,
    struct error *err)
{
	struct arena a = {0};
	char *roots[] = {
	    arena_printf(&a, "%srefs", git_repository_path(repo)), NULL};
	FTS *files = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	int rc = files ? 0 : fail_errno(err, "%s", roots[0]);
	FTSENT *e;

	while (rc == 0 && (e = fts_read(files)) != NULL) {
		if (e->fts_info == FTS_DNR || e->fts_info == FTS_ERR)
			rc = fail(
			    err, "%s: %s", e->fts_path, strerror(e->fts_errno));
		else if (e->fts_info == FTS_F)
			rc = use(ctx, e->fts_path, err);
	}
	if (files)
		fts_close(files);
	arena_release(&a);
	return rc;
}

static int
unlock_ref(void *ctx, const char *path, struct error *err)
{
	(void)ctx;
	return is_lock(path) ? unlock(path, err) : 0;
}

int
refs_unlock(git_repository *repo, struct error *err)
{
	static const char *const others[] = {"HEAD", "config", "packed-refs"};
	struct arena a = {0};
	size_t i;
	int rc = each_file(repo, unlock_ref, NULL, err);

	for (i = 0; i < 3 && rc == 0; i++)
		rc = unlock(arena_printf(&a, "%s%s.lock",
				git_repository_path(repo), others[i]),
		    err);
	arena_release(&a);
	return rc;
}

struct checked {
	git_repository *repo;
	git_odb *odb;
};

static int
check_file(void *ctx, const char *path, struct error *err)
{
	const struct checked *c = ctx;
	const char *name = path + strlen(git_repository_path(c->repo));

	/* somebody may fetch right now */
	return is_lock(path) ? 0 : check_ref(c->repo, c->odb, name, err);
}

int
refs_check(git_repository *repo, struct error *err)
{
	struct checked c = {.repo = repo};
	int rc;

	if (git_repository_odb(&c.odb, repo) < 0)
		return git_fail(err, "%s", git_repository_path(repo));
	rc = check_listed(repo, c.odb, err);
	if (rc == 0)
		rc = each_file(repo, check_file, &c, err);
	git_odb_free(c.odb);
	return rc;
}

/* The commit that a ref leads to, through tags. */
static bool
peel(git_repository *repo, const char *name, git_oid *out)
{
	git_object *commit = NULL;
	git_reference *ref = NULL;
	bool good;

	good = git_reference_lookup(&ref, repo, name) == 0 &&
	    git_reference_peel(&commit, ref, GIT_OBJECT_COMMIT) == 0;
	if (good)
		*out = *git_object_id(commit);
	git_object_free(commit);
	git_reference_free(ref);
	return good;
}

int
refs_reach(git_repository *repo, const git_oid *commit, struct error *err)
{
	git_strarray all = {0};
	struct arena a = {0};
	git_oid *tips;
	size_t i, n = 0;
	int rc;

	if (git_reference_list(&all, repo) < 0)
		return git_fail(err, "%s", git_repository_path(repo));
	tips = arena_array(&a, all.count + 1, git_oid);
	for (i = 0; i < all.count; i++) {
		if (is_ours(all.strings[i]) &&
		    peel(repo, all.strings[i], &tips[n]))
			n++;
	}
	rc = n > 0 ? git_graph_reachable_from_any(repo, commit, tips, n) : 0;
	if (rc < 0)
		git_fail(err, "history of %s", git_oid_tostr_s(commit));
	git_strarray_dispose(&all);
	arena_release(&a);
	return rc < 0 ? -1 : rc;
}
