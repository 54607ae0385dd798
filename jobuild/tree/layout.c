/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What belongs where in a tree; all else is reported, nothing is repaired. */
#include "fold.h"
#include "private.h"
#include "tree/index/user.h"

#include <string.h>

struct check {
	struct tree *t;
	struct diags *d;
	struct arena arena;      /* paths, dropped at the end */
	struct files_list *list; /* of files/; NULL: nobody wants it */
};

static struct diag *
report(struct check *c, const char *path, const char *rule, const char *text)
{
	return diag_error(c->d, (struct place){path, 0, 0}, rule, "%s", text);
}

/* Is e a thing that no tree has, wherever it is? Then it was reported. */
static bool
is_alien(struct check *c, const char *path, const struct entry *e)
{
	struct diag *g = NULL;

	switch ((enum entry_kind)e->kind) {
	case ENTRY_FILE:
	case ENTRY_FOLDER:
		return false;
	case ENTRY_LINK:
		g = report(c, path, "symlink", "is a symbolic link");
		diag_hint(c->d, g, "put the file itself there");
		break;
	case ENTRY_SUBMODULE:
		g = report(c, path, "submodule", "is another git repository");
		diag_hint(c->d, g,
		    "trees have no submodules; overlays/ is a place for other "
		    "trees");
		break;
	case ENTRY_OTHER:
		report(c, path, "stray-file", "is neither file nor folder");
		break;
	case ENTRY_BAD:
		g = report(c, path, "bad-name",
		    "is no name for a file, or occurs twice");
		diag_hint(c->d, g,
		    "names are UTF-8 without control characters, at most 255 "
		    "bytes");
		break;
	}
	return true;
}

static void
check_size(struct check *c, const char *path, struct entry *e, int64_t most)
{
	struct error err;
	int64_t size;

	if (!entry_present(c->t, e))
		return;
	size = entry_size(c->t, path, e, &err);
	if (size < 0)
		report(c, path, "unreadable", err.msg);
	else if (size > most)
		diag_error(c->d, (struct place){path, 0, 0}, "too-large",
		    "has %lld bytes; at most %lld are allowed", (long long)size,
		    (long long)most);
}

static const char *
join(struct check *c, const char *folder, const char *name)
{
	return *folder ? path_join(&c->arena, folder, name)
		       : arena_strdup(&c->arena, name);
}

/* Names that are one file where case doesn't count. */
static void
check_case(struct check *c, const char *path, const struct folder *f)
{
	const char *other, *folded;
	struct arena a = {0};
	struct diag *g;
	struct map seen;
	size_t i;

	map_init(&seen, &a);
	for (i = 0; i < f->n; i++) {
		folded = fold_name(&a, f->entries[i].name);
		other = map_gets(&seen, folded);
		if (!other || strcmp(other, f->entries[i].name) == 0) {
			*map_puts(&seen, folded) =
			    (void *)(uintptr_t)f->entries[i].name;
			continue;
		}
		g = report(c, join(c, path, f->entries[i].name), "case",
		    "differs from another name only in case");
		diag_hint(c->d, g, "the other one is %s", other);
	}
	arena_release(&a);
}

/*
 * Files and folders below a folder of files/, counted from n on, until there
 * are too many: a few small objects of git can stand for millions.
 */
static size_t
count_below(struct check *c, const char *path, unsigned depth, size_t n)
{
	const struct folder *f = folder_get(c->t, path);
	size_t i;

	n += f ? f->n : 0;
	for (i = 0; f && i < f->n && n <= FILES_MAX; i++) {
		if (f->entries[i].kind == ENTRY_FOLDER &&
		    depth < FILES_DEPTH_MAX)
			n = count_below(
			    c, join(c, path, f->entries[i].name), depth + 1, n);
	}
	return n;
}

static void
list_file(struct files_list *l, const char *path)
{
	if (!l)
		return;
	l->paths = arena_grow(l->arena, l->paths, l->n, sizeof(*l->paths));
	l->paths[l->n++] = arena_strdup(l->arena, path);
}

static void
check_files_folder(struct check *c, const char *path, unsigned depth)
{
	const struct folder *f = folder_get(c->t, path);
	struct entry *e;
	const char *full;
	size_t i;

	if (!f)
		return;
	check_case(c, path, f);
	for (i = 0; i < f->n; i++) {
		e = &f->entries[i];
		full = join(c, path, e->name);
		if (is_alien(c, full, e))
			continue;
		if (e->kind == ENTRY_FILE) {
			check_size(c, full, e, FILE_MAX);
			list_file(c->list, full);
		} else if (depth < FILES_DEPTH_MAX) {
			check_files_folder(c, full, depth + 1);
		} else {
			report(c, full, "too-deep",
			    "has too many folders above it");
		}
	}
}

static void
check_files(struct check *c, const char *path)
{
	if (count_below(c, path, 0, 0) > FILES_MAX)
		diag_error(c->d, (struct place){path, 0, 0}, "too-many",
		    "has more than %d files and folders", FILES_MAX);
	else
		check_files_folder(c, path, 0);
}

int
files_check(
    struct tree *t, const char *path, struct files_list *l, struct diags *d)
{
	struct check c = {.t = t, .d = d, .list = l};
	size_t before = d->errors;

	check_files(&c, path);
	arena_release(&c.arena);
	return d->errors > before ? -1 : 0;
}

static bool
ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n > m && strcmp(s + n - m, end) == 0;
}

/* Say what is wrong with a file's name in the package folder name. */
static void
stray_in_package(
    struct check *c, const char *full, const char *file, const char *name)
{
	const char *kind =
	    ends_with(file, ".template") ? "template" : "jobuild";
	struct diag *g;

	if (!ends_with(file, ".jobuild") && !ends_with(file, ".template")) {
		g = report(c, full, "stray-file", "belongs nowhere here");
		diag_hint(c->d, g,
		    "support files belong into files/, with an AUX line");
		return;
	}
	g = report(c, full, "recipe-name", "is not named as a recipe is");
	diag_hint(c->d, g,
	    "%s-VERSION.%s, where VERSION is two numbers such as 1.10", name,
	    kind);
}

/* Does a detached signature's file exist? */
static void
check_signature(struct check *c, const char *full, const char *file,
    const struct folder *f, const char *name)
{
	struct arena *a = &c->arena;
	const char *signed_ = arena_strndup(a, file, strlen(file) - 4);
	const struct entry *e = folder_find(f, signed_);
	enum recipe_kind kind;
	struct version v;
	struct diag *g;

	if (strcmp(signed_, "Manifest") != 0 &&
	    !recipe_name(signed_, name, &v, &kind)) {
		stray_in_package(c, full, file, name);
	} else if (!e || e->kind != ENTRY_FILE) {
		g = report(c, full, "stray-file",
		    "is a signature of a file that doesn't exist");
		diag_hint(c->d, g, "the file would be %s", signed_);
	}
}

static void
check_package(struct check *c, const char *path, const char *name)
{
	const struct folder *f = folder_get(c->t, path);
	struct entry *e;
	enum recipe_kind kind;
	struct version v;
	size_t i, recipes = 0;
	const char *full;

	if (!f || f->n == 0)
		return;
	check_case(c, path, f);
	for (i = 0; i < f->n; i++) {
		e = &f->entries[i];
		full = join(c, path, e->name);
		if (is_alien(c, full, e))
			continue;
		if (e->kind == ENTRY_FOLDER) {
			if (strcmp(e->name, "files") == 0)
				check_files(c, full);
			else
				report(c, full, "stray-file",
				    "is a folder; the only one here is files/");
		} else if (recipe_name(e->name, name, &v, &kind)) {
			recipes++;
			check_size(c, full, e, RECIPE_FILE_MAX);
		} else if (ends_with(e->name, ".asc")) {
			check_size(c, full, e, FILE_MAX);
			check_signature(c, full, e->name, f, name);
		} else if (strcmp(e->name, "Manifest") == 0) {
			check_size(c, full, e, MANIFEST_MAX);
		} else {
			stray_in_package(c, full, e->name, name);
		}
	}
	if (recipes == 0 && !c->t->partial)
		report(c, path, "no-recipe", "has no jobuild and no template");
}

/* The same, unless it is known that nothing is wrong. */
static void
check_package_once(
    struct check *c, const char *path, const char *user, const char *name)
{
	struct package *p = package_get(c->t, user, name);
	size_t before = c->d->errors;

	if (p && p->tidy)
		return;
	check_package(c, path, name);
	if (!p || c->d->errors > before)
		return;
	p->tidy = true;
	package_learned(c->t, p);
}

void
package_check_layout(struct tree *t, struct package *p)
{
	struct check c = {.t = t};
	struct diags d;

	diags_init(&d, &c.arena);
	c.d = &d;
	check_package_once(&c, p->path, p->list.user, p->list.name);
	arena_release(&c.arena);
}

/* Says why name can't be a package's, with the form it should have. */
static void
bad_package_name(struct check *c, const char *full)
{
	struct diag *g = report(
	    c, full, "package-name", "is not a name for a folder of recipes");

	diag_hint(c->d, g,
	    "letters, digits, + - _, at most 64, not ending as in -1.0");
}

/* Whose it is is said by a keyring; but what is no key to publish is seen. */
static void
check_key(struct check *c, const char *path, struct entry *e)
{
	static const char secret[] = "-----BEGIN PGP PRIVATE KEY BLOCK-----";
	struct arena a = {0};
	struct error told;
	struct node *n;
	struct diag *g;

	check_size(c, path, e, FILE_MAX);
	n = entry_present(c->t, e) ? node_read(c->t, &a, path, FILE_MAX, &told)
				   : NULL;
	if (n && memmem(n->file.text, n->file.len, secret, strlen(secret))) {
		g = report(c, path, "private-key",
		    "holds a PRIVATE key, which is no secret any more");
		diag_hint(c->d, g,
		    "revoke it and publish another one's public part (gpg "
		    "--armor --export)");
	}
	arena_release(&a);
}

static void
check_user_folder(struct check *c, const char *user)
{
	const struct folder *f = folder_get(c->t, user);
	const char *key = arena_printf(&c->arena, "%s.asc", user), *full;
	struct entry *e;
	struct diag *g;
	size_t i;

	if (!f || f->n == 0)
		return;
	check_case(c, user, f);
	if (!folder_find(f, key)) {
		g = report(c, join(c, user, key), "no-key", NO_KEY);
		diag_hint(c->d, g, "gpg --armor --export FINGERPRINT > %s/%s",
		    user, key);
	}
	for (i = 0; i < f->n; i++) {
		e = &f->entries[i];
		full = join(c, user, e->name);
		if (is_alien(c, full, e))
			continue;
		if (e->kind == ENTRY_FILE && strcmp(e->name, key) == 0)
			check_key(c, full, e);
		else if (e->kind == ENTRY_FILE)
			report(c, full, "stray-file", "belongs nowhere here");
		else if (name_valid(e->name, strlen(e->name)))
			check_package_once(c, full, user, e->name);
		else
			bad_package_name(c, full);
	}
}

/* The same, unless it is known that nothing is wrong. */
static void
check_user(struct check *c, const char *name)
{
	struct user *u = user_get(c->t, name);
	size_t before = c->d->errors;

	if (u && u->tidy)
		return;
	check_user_folder(c, name);
	if (!u || c->d->errors > before)
		return;
	u->tidy = true;
	u->fresh = true;
}

/* Files that may stand at the top beside the maintainers' folders. */
static bool
is_top_file(const char *name)
{
	static const char *const starts[] = {
	    ".", "README", "LICENSE", "COPYING"};
	size_t i;

	for (i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		if (strncmp(name, starts[i], strlen(starts[i])) == 0)
			return true;
	}
	return false;
}

static void
check_top(struct check *c, const struct entry *e)
{
	struct diag *g;

	if (e->kind == ENTRY_FOLDER && e->name[0] == '.')
		return;
	if (is_alien(c, e->name, e))
		return;
	if (e->kind == ENTRY_FILE) {
		if (is_top_file(e->name))
			return;
		g = report(c, e->name, "stray-file", "belongs nowhere here");
		diag_hint(c->d, g,
		    "the top has maintainers' folders, README, LICENSE, "
		    "COPYING and dot files");
	} else if (tree_user_valid(e->name)) {
		check_user(c, e->name);
	} else {
		g = report(c, e->name, "user-name",
		    "is not a name for a maintainer's folder");
		diag_hint(c->d, g,
		    "lower-case letters, digits, - _, a letter first, at most "
		    "32");
	}
}

void
tree_check_layout(struct tree *t, struct diags *d)
{
	const struct folder *root = folder_get(t, "");
	struct check c = {.t = t, .d = d};
	size_t i;

	if (root && !tree_is_full(t)) {
		check_case(&c, "", root);
		for (i = 0; i < root->n && !tree_is_full(t); i++)
			check_top(&c, &root->entries[i]);
	}
	tell_damage(t, d);
	arena_release(&c.arena);
}
