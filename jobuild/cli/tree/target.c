/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"
#include "cli/tree/repo.h"

#include <string.h>

#define FORMS                                                                  \
	"expected USER, USER/NAME, USER/NAME-VERSION or the path of a recipe"

static void
set_id(struct target *t, const struct recipe_id *id)
{
	t->user = id->user;
	t->name = id->name;
	t->ver = id->ver;
	t->exact = true;
}

/* user/name/name-1.0.jobuild; false when path hasn't that form. */
static bool
take_file(struct arena *a, const char *path, struct target *out)
{
	static const char *const ends[] = {
	    [RECIPE_JOBUILD] = ".jobuild", [RECIPE_TEMPLATE] = ".template"};
	const char *user = strchr(path, '/'), *file = strrchr(path, '/');
	struct recipe_id id;
	size_t k, n, len = strlen(path);
	const char *s;

	if (!user || user == file)
		return false;
	for (k = 0; k < 2; k++) {
		n = strlen(ends[k]);
		if (len <= n || strcmp(path + len - n, ends[k]) != 0)
			continue;
		s = arena_printf(a, "%.*s/%.*s", (int)(user - path), path,
		    (int)(path + len - n - file - 1), file + 1);
		if (!id_parse(a, s, strlen(s), &id))
			return false;
		set_id(out, &id);
		out->only_kind = true;
		out->kind = (enum recipe_kind)k;
		return (size_t)(file - user - 1) == strlen(id.name) &&
		    memcmp(user + 1, id.name, strlen(id.name)) == 0;
	}
	return false;
}

/* user, user/name or user/name-1.0. */
static bool
take_name(struct arena *a, const char *s, struct target *out)
{
	const char *slash = strchr(s, '/');
	struct recipe_id id;
	size_t n = strlen(s);

	if (id_parse(a, s, n, &id)) {
		set_id(out, &id);
		return true;
	}
	if (!slash) {
		out->user = arena_strdup(a, s);
		return user_valid(s, n);
	}
	out->user = arena_strndup(a, s, (size_t)(slash - s));
	out->name = arena_strdup(a, slash + 1);
	return user_valid(s, (size_t)(slash - s)) &&
	    name_valid(slash + 1, strlen(slash + 1));
}

static bool
take(struct arena *a, const char *s, struct target *out)
{
	memset(out, 0, sizeof(*out));
	if (take_file(a, s, out))
		return true;
	memset(out, 0, sizeof(*out));
	return take_name(a, s, out);
}

/* The path below the tree's top, without "./" and slashes at its end. */
static const char *
below_top(struct arena *a, const struct repo *r, const char *s)
{
	size_t n = strlen(r->top);
	const char *path;

	if (*s == '/') {
		if (strncmp(s, r->top, n) != 0 || (s[n] != '/' && s[n]))
			return s;
		s += n;
		while (*s == '/')
			s++;
		path = s;
	} else {
		while (s[0] == '.' && s[1] == '/') {
			for (s += 2; *s == '/'; s++)
				;
		}
		if (strcmp(s, ".") == 0)
			s = "";
		path = arena_printf(a, "%s%s", r->prefix, s);
	}
	n = strlen(path);
	while (n > 0 && path[n - 1] == '/')
		n--;
	return arena_strndup(a, path, n);
}

int
target_parse(struct cli *c, const struct repo *r, const char *s,
    struct target *out, struct error *err)
{
	const char *path = below_top(&c->arena, r, s);

	memset(out, 0, sizeof(*out));
	if (!*path)
		return 0;
	/* a name counts from the top, a path from the current folder */
	if (take(&c->arena, path, out) || take(&c->arena, s, out))
		return 0;
	return fail(err, "\"%s\": " FORMS, s);
}

/* A list and what it has: each recipe counts once. */
struct selection {
	struct arena *arena;
	struct named_list *list;
	struct map has;
};

static void
add(struct selection *s, const struct tree_package *p, struct version v,
    enum recipe_kind kind)
{
	struct named_list *l = s->list;
	struct arena *a = s->arena;
	char ver[VERSION_MAX];
	void **known;

	version_format(v, ver);
	known = map_puts(&s->has,
	    arena_printf(a, "%s/%s-%s %d", p->user, p->name, ver, (int)kind));
	if (*known)
		return;
	*known = s;
	l->items = arena_grow(a, l->items, l->n, sizeof(*l->items));
	l->items[l->n++] = (struct named){{p->user, p->name, v}, kind};
}

static bool
wanted(const struct target *t, struct version v, enum recipe_kind kind)
{
	return (!t->exact || version_compare(t->ver, v) == 0) &&
	    (!t->only_kind || t->kind == kind);
}

/* How many recipes the target names. */
static size_t
select_one(struct tree *tree, const struct target *t, struct selection *out)
{
	const struct tree_package *p;
	size_t i, k, n, found = 0;

	p = tree_packages(tree, &n);
	for (i = 0; i < n; i++, p++) {
		if ((t->user && strcmp(t->user, p->user) != 0) ||
		    (t->name && strcmp(t->name, p->name) != 0))
			continue;
		for (k = 0; k < p->ntemplates; k++) {
			if (!wanted(t, p->templates[k], RECIPE_TEMPLATE))
				continue;
			add(out, p, p->templates[k], RECIPE_TEMPLATE);
			found++;
		}
		for (k = 0; k < p->nversions; k++) {
			if (!wanted(t, p->versions[k], RECIPE_JOBUILD))
				continue;
			add(out, p, p->versions[k], RECIPE_JOBUILD);
			found++;
		}
	}
	return found;
}

/* The package whose name is most like s, or NULL. */
static const char *
near_package(struct cli *c, struct tree *tree, const char *s)
{
	const struct tree_package *p;
	const char **names;
	size_t i, n;

	p = tree_packages(tree, &n);
	names = arena_array(&c->arena, n + 1, const char *);
	for (i = 0; i < n; i++)
		names[i] =
		    arena_printf(&c->arena, "%s/%s", p[i].user, p[i].name);
	return nearest(s, names, n);
}

static int
not_found(struct cli *c, struct tree *tree, const char *s, struct error *err)
{
	const char *near;

	if (tree_listed(tree, err) < 0)
		return -1;
	near = near_package(c, tree, s);
	if (near)
		return fail(err,
		    "the tree has nothing named \"%s\": did you mean \"%s\"?",
		    s, near);
	return fail(err,
	    "the tree has nothing named \"%s\": \"jobuild lint\" shows what "
	    "it takes for a recipe, \"jobuild new\" makes one",
	    s);
}

int
targets_select(struct cli *c, const struct repo *r, struct tree *t, int n,
    char *args[], struct named_list *out, struct error *err)
{
	struct selection s = {.arena = &c->arena, .list = out};
	struct target target;
	int i;

	memset(out, 0, sizeof(*out));
	map_init(&s.has, &c->arena);
	if (n == 0) {
		memset(&target, 0, sizeof(target));
		select_one(t, &target, &s);
		return 0;
	}
	for (i = 0; i < n; i++) {
		if (target_parse(c, r, args[i], &target, err) < 0)
			return -1;
		if (select_one(t, &target, &s) == 0)
			return not_found(c, t, args[i], err);
	}
	return 0;
}

int
root_parse(struct cli *c, const char *s, struct atom *out, struct error *err)
{
	size_t n = strlen(s);

	if (id_parse(&c->arena, s, n, &out->id)) {
		out->op = ATOM_EQ;
		return 0;
	}
	if (!strchr(s, '/'))
		return fail(err,
		    "\"%s\": expected USER/NAME, or USER/NAME-VER, as in "
		    "anna/hello",
		    s);
	return atom_parse(&c->arena, s, n, out, err);
}

static bool
newest(const struct version *list, size_t n, const struct atom *root,
    struct version *out)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (atom_matches(root, list[i])) {
			*out = list[i];
			return true;
		}
	}
	return false;
}

int
root_find(struct cli *c, struct tree *t, const struct atom *root,
    struct named *out, struct error *err)
{
	const struct tree_package *p =
	    tree_package(t, root->id.user, root->id.name);
	const char *s = atom_format(&c->arena, root);

	if (!p) {
		s = arena_printf(
		    &c->arena, "%s/%s", root->id.user, root->id.name);
		return not_found(c, t, s, err);
	}
	out->id.user = p->user;
	out->id.name = p->name;
	out->kind = RECIPE_JOBUILD;
	if (newest(p->versions, p->nversions, root, &out->id.ver))
		return 0;
	out->kind = RECIPE_TEMPLATE;
	if (newest(p->templates, p->ntemplates, root, &out->id.ver))
		return 0;
	return fail(err, "no version of %s/%s is %s", p->user, p->name, s);
}
