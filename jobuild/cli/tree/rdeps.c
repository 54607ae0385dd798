/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who needs a package: of all recipes in the tree, in all versions, whether or
 * not a job would choose them.
 */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/tree/links.h"
#include "cli/tree/repo.h"

#include <string.h>

struct rdeps_options {
	const char *revision;
	bool all;
};

static const struct opt options[] = {
    {"revision", 'r', OPT_TEXT, offsetof(struct rdeps_options, revision), "REV",
	"a commit instead of the work tree"},
    {"all", 'a', OPT_FLAG, offsetof(struct rdeps_options, all), NULL,
	"also who needs those, and so on"},
    {0},
};

struct reader {
	struct cli *c;
	struct tree *t;
	struct links links;
	const struct atom *wanted;
	struct recipe_id *ids; /* by node */
	size_t broken;
};

static size_t
node_of(struct reader *r, const struct recipe_id *id)
{
	size_t n = r->links.n, node = links_node(&r->links, id);

	if (node == n) {
		r->ids = arena_grow(&r->c->arena, r->ids, n, sizeof(*r->ids));
		r->ids[n] = *id;
	}
	return node;
}

static bool
is_wanted(const struct reader *r, const struct recipe_id *id)
{
	const struct atom *w = r->wanted;

	return strcmp(id->user, w->id.user) == 0 &&
	    strcmp(id->name, w->id.name) == 0 &&
	    (w->op == ATOM_ANY || atom_matches(w, id->ver));
}

/* Links to all versions that would do; groups nest 64 deep at most. */
static void
add_items(struct reader *r, size_t from, const struct dep *items, size_t n,
    const char *kind)
{
	const struct tree_package *p;
	struct recipe_id id;
	size_t i, k;

	for (i = 0; i < n; i++) {
		if (items[i].kind != DEP_ATOM) {
			add_items(r, from, items[i].items, items[i].n, kind);
			continue;
		}
		id = items[i].atom.id;
		p = tree_package(r->t, id.user, id.name);
		for (k = 0; p && k < p->nversions; k++) {
			id.ver = p->versions[k];
			if (items[i].atom.op == ATOM_ANY ||
			    atom_matches(&items[i].atom, id.ver))
				links_add(&r->links, from, node_of(r, &id),
				    kind, items[i].at);
		}
	}
}

static void
add_parent(struct reader *r, size_t from, const struct metadata *m)
{
	const char *value = metadata_get(m, "EXTENDS");
	struct recipe_id parent;

	if (!value || !id_parse(&r->c->arena, value, strlen(value), &parent))
		return;
	node_of(r, &parent);
	links_add_parent(&r->links, from, m);
}

static void
add_recipe(struct reader *r, const struct recipe_id *id, enum recipe_kind kind)
{
	const struct tree_recipe *recipe;
	struct diags none;
	size_t from;

	diags_init(&none, &r->c->arena);
	recipe = tree_recipe(r->t, id, kind, &none);
	if (!recipe) {
		r->broken++;
		return;
	}
	from = node_of(r, id);
	add_items(r, from, recipe->meta->depend.items, recipe->meta->depend.n,
	    "DEPEND");
	add_items(r, from, recipe->meta->sidepend.items,
	    recipe->meta->sidepend.n, "SIDEPEND");
	add_parent(r, from, recipe->meta);
}

static void
read_tree(struct reader *r)
{
	const struct tree_package *p;
	struct recipe_id id;
	size_t n, i, k;

	p = tree_packages(r->t, &n);
	for (i = 0; i < n; i++) {
		id.user = p[i].user;
		id.name = p[i].name;
		for (k = 0; k < p[i].nversions; k++) {
			id.ver = p[i].versions[k];
			add_recipe(r, &id, RECIPE_JOBUILD);
		}
		for (k = 0; k < p[i].ntemplates; k++) {
			id.ver = p[i].templates[k];
			add_recipe(r, &id, RECIPE_TEMPLATE);
		}
	}
}

/* The links that lead to what is wanted or, with all, to whoever is found. */
static const struct link **
find_users(struct reader *r, bool all, size_t *nfound)
{
	size_t *queue = arena_array(&r->c->arena, r->links.n, size_t);
	bool *seen = arena_array(&r->c->arena, r->links.n, bool);
	const struct link **found =
	    arena_array(&r->c->arena, r->links.nlinks, const struct link *);
	size_t at = 0, end = 0, i, v, n = 0;
	struct links_index index;

	links_index(&r->links, true, &index);
	for (i = 0; i < r->links.n; i++) {
		seen[i] = is_wanted(r, &r->ids[i]);
		if (seen[i])
			queue[end++] = i;
	}
	while (at < end) {
		v = queue[at++];
		for (i = index.first[v]; i < index.first[v + 1]; i++) {
			found[n++] = index.sorted[i];
			if (!all || seen[index.sorted[i]->from])
				continue;
			seen[index.sorted[i]->from] = true;
			queue[end++] = index.sorted[i]->from;
		}
	}
	*nfound = n;
	return found;
}

static void
print(struct reader *r, const struct link *const *found, size_t n)
{
	struct arena *a = &r->c->arena;
	json_t *list;
	size_t i;

	if (r->c->json) {
		list = json_array();
		for (i = 0; i < n; i++)
			json_array_append_new(
			    list, links_json(&r->links, found[i]));
		cli_json(r->c,
		    json_pack("{s:s, s:o, s:I}", "of",
			atom_format(a, r->wanted), "users", list, "unread",
			(json_int_t)r->broken));
		return;
	}
	for (i = 0; i < n; i++)
		printf("%s needs %s  (%s, %s)\n",
		    r->links.names[found[i]->from],
		    r->links.names[found[i]->to], found[i]->kind,
		    links_place(a, found[i]->at));
	if (n == 0)
		cli_note(r->c, "nothing needs %s", atom_format(a, r->wanted));
}

static void
answer(struct cli *c, struct tree *t, const struct atom *wanted, bool all)
{
	struct reader r = {.c = c, .t = t, .wanted = wanted};
	const struct link **found;
	size_t n;

	links_init(&r.links, &c->arena);
	read_tree(&r);
	found = find_users(&r, all, &n);
	print(&r, found, n);
	if (r.broken > 0)
		cli_note(c,
		    "%zu of the tree's recipes can't be read and do not count: "
		    "\"jobuild lint\" tells why",
		    r.broken);
}

static int
rdeps_main(struct cli *c, const void *opts, int n, char *args[])
{
	const struct rdeps_options *o = opts;
	struct error err = {0};
	struct named known;
	struct atom wanted;
	struct tree *t;
	int rc;

	(void)n;
	if (root_parse(c, args[0], &wanted, &err) < 0)
		return cli_error(c, CLI_USAGE, &err);
	rc = repo_tree(c, o->revision, &t);
	if (rc != CLI_OK)
		return rc;
	if (root_find(c, t, &wanted, &known, &err) < 0 ||
	    tree_listed(t, &err) < 0)
		rc = cli_error(c, cli_status(&err, CLI_NOT_FOUND), &err);
	else
		answer(c, t, &wanted, o->all);
	tree_close(t);
	return rc;
}

const struct command rdeps_command = {
    .name = "rdeps",
    .arguments = "ATOM",
    .summary = "show which recipes of the tree need a package",
    .options = options,
    .size = sizeof(struct rdeps_options),
    .min = 1,
    .max = 1,
    .run = rdeps_main,
};
