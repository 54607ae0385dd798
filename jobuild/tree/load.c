/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "private.h"
#include "recipe/lint.h"

#include <assert.h>
#include <string.h>

static bool
same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool
is_told(const struct diag *g, const struct diags *d)
{
	const struct diag *o;
	size_t i;

	for (i = d->n; i-- > 0;) {
		o = &d->list[i];
		if (o->at.line == g->at.line && o->at.col == g->at.col &&
		    same(o->rule, g->rule) && same(o->text, g->text) &&
		    same(o->at.file, g->at.file))
			return true;
	}
	return false;
}

void
tell(const struct diags *list, struct diags *d)
{
	const struct diag *g;
	struct diag *new;
	size_t i;

	for (i = 0; i < list->n; i++) {
		g = &list->list[i];
		if (is_told(g, d))
			continue;
		new = g->level == DIAG_ERROR
		    ? diag_error(d, g->at, g->rule, "%s", g->text)
		    : diag_warning(d, g->at, g->rule, "%s", g->text);
		if (g->hint)
			diag_hint(d, new, "%s", g->hint);
		if (g->source)
			new->source = arena_strdup(d->arena, g->source);
	}
}

const char *
recipe_path(struct arena *a, const struct recipe_id *id, enum recipe_kind kind)
{
	char ver[VERSION_MAX];
	const char *const parts[] = {id->user, "/", id->name, "/", id->name,
	    "-", ver, kind == RECIPE_JOBUILD ? ".jobuild" : ".template"};

	version_format(id->ver, ver);
	return arena_join(a, parts, sizeof(parts) / sizeof(parts[0]));
}

/* A chain while it is followed: leaf first. */
struct climb {
	struct node *list[RECIPE_CHAIN_MAX];
	size_t n;
	struct place at; /* of the last one's EXTENDS */
};

static struct diag *
wrong_parent(struct climb *c, struct diags *d, const char *text)
{
	const struct tree_file *f = &c->list[c->n - 1]->file;
	struct diag *g = diag_error(d, c->at, "extends", "%s", text);

	diag_source(d, g, f->text, f->len);
	return g;
}

/* "a -> b -> c" from the leaf on, and what the last one extends. */
static const char *
chain_text(struct arena *a, const struct climb *c, const char *last)
{
	const char *text = "";
	size_t i;

	for (i = 0; i < c->n; i++)
		text = arena_printf(a, "%s%s -> ", text, c->list[i]->file.path);
	return arena_printf(a, "%s%s", text, last);
}

/* The names of all templates. */
static const char **
template_names(struct tree *t, size_t *count)
{
	const struct tree_package *p;
	const char **list = NULL;
	struct recipe_id id;
	size_t i, k, n;

	*count = 0;
	p = tree_packages(t, &n);
	for (i = 0; i < n; i++) {
		for (k = 0; k < p[i].ntemplates; k++) {
			id = (struct recipe_id){
			    p[i].user, p[i].name, p[i].templates[k]};
			list =
			    arena_grow(&t->leaf, list, *count, sizeof(*list));
			list[(*count)++] = id_format(&t->leaf, &id);
		}
	}
	return list;
}

static int
missing_parent(struct tree *t, struct climb *c, const struct recipe_id *id,
    struct diags *d)
{
	const struct tree_package *p = tree_package(t, id->user, id->name);
	const char *name = id_format(&t->leaf, id), *near;
	const char **names;
	char ver[VERSION_MAX];
	struct diag *g;
	size_t n;

	if (node_exists(t, recipe_path(&t->leaf, id, RECIPE_JOBUILD))) {
		g = wrong_parent(
		    c, d, arena_printf(&t->leaf, "%s is a jobuild", name));
		diag_hint(d, g, "only templates can be extended");
		return -1;
	}
	g = wrong_parent(
	    c, d, arena_printf(&t->leaf, "there is no template %s", name));
	if (p && p->ntemplates) {
		version_format(p->templates[0], ver);
		diag_hint(d, g, "the newest template %s/%s is %s", id->user,
		    id->name, ver);
		return -1;
	}
	names = template_names(t, &n);
	near = nearest(name, names, n);
	if (near)
		diag_hint(d, g, "did you mean %s?", near);
	else
		diag_hint(d, g, "the tree has %zu templates", n);
	return -1;
}

/* Is path a parent that the chain can go on with? */
static int
check_parent(struct tree *t, struct climb *c, const char *path,
    const struct recipe_id *id, struct diags *d)
{
	struct diag *g;
	size_t i;

	for (i = 0; i < c->n; i++) {
		if (strcmp(c->list[i]->file.path, path) != 0)
			continue;
		g = wrong_parent(
		    c, d, "templates extend each other in a circle");
		diag_hint(d, g, "%s", chain_text(&t->leaf, c, path));
		return -1;
	}
	if (c->n == RECIPE_CHAIN_MAX) {
		g = wrong_parent(c, d, "the chain of templates is too long");
		diag_hint(d, g, "at most %d files: %s", RECIPE_CHAIN_MAX,
		    chain_text(&t->leaf, c, path));
		return -1;
	}
	if (!node_exists(t, path))
		return missing_parent(t, c, id, d);
	return 0;
}

static int
load_chain(struct tree *t, struct tree_recipe *r, struct recipe *chain[],
    struct diags *d)
{
	const char *path = recipe_path(&t->leaf, &r->id, r->kind);
	struct climb c = {.n = 0};
	struct recipe_id parent;
	struct node *n;
	size_t i;

	for (;;) {
		n = node_recipe(t, path, d);
		if (!n)
			return -1;
		c.list[c.n++] = n;
		if (!recipe_extends(n->recipe, &parent, &c.at))
			break;
		path = recipe_path(&t->leaf, &parent, RECIPE_TEMPLATE);
		if (check_parent(t, &c, path, &parent, d) < 0)
			return -1;
	}
	r->nchain = c.n;
	for (i = 0; i < c.n; i++) {
		r->chain[i] = &c.list[c.n - 1 - i]->file;
		chain[i] = c.list[c.n - 1 - i]->recipe;
	}
	return 0;
}

static bool
prepare(
    struct tree *t, struct package *p, struct tree_recipe *r, struct diags *d)
{
	struct recipe *chain[RECIPE_CHAIN_MAX];
	size_t i;

	if (load_chain(t, r, chain, d) < 0)
		return false;
	r->meta = recipe_eval(&t->leaf, chain, r->nchain, &r->id, r->kind, d);
	if (!r->meta)
		return false;
	/* a template's values are its children's affair */
	if (r->kind == RECIPE_JOBUILD && recipe_sources(t, p, r, d) < 0)
		return false;
	for (i = 0; i < r->nchain; i++)
		file_digest(r->chain[i]);
	for (i = 0; i < r->nmanifests; i++)
		file_digest(r->manifests[i]);
	return true;
}

/* The packages elsewhere that the chain goes through. */
static void
find_witnesses(struct tree *t, const struct package *p,
    const struct tree_recipe *r, struct witnesses *w)
{
	const char *path;
	size_t i, k;

	w->n = 0;
	for (i = 0; i + 1 < r->nchain; i++) {
		path = r->chain[i]->path;
		path = arena_strndup(
		    &t->leaf, path, (size_t)(strrchr(path, '/') - path));
		for (k = 0; k < w->n; k++) {
			if (strcmp(w->list[k].path, path) == 0)
				break;
		}
		if (k < w->n || strcmp(path, p->path) == 0)
			continue;
		w->list[w->n].path = path;
		w->list[w->n].folder = object_at(t, path);
		w->list[w->n++].manifest =
		    object_at(t, path_join(&t->leaf, path, "Manifest"));
	}
}

static void
keep_record(struct tree *t, struct package *p, const struct tree_recipe *r,
    struct ready *ready)
{
	struct witnesses w;

	find_witnesses(t, p, r, &w);
	t->record.len = 0;
	record_write(&t->record, r, &w);
	ready->record.len = t->record.len;
	ready->record.data = arena_strndup(
	    t->tells ? &t->told : &t->arena, t->record.data, t->record.len);
}

/* A copy of the list that lasts. */
static struct diags *
keep_trouble(struct tree *t, const struct diags *d)
{
	struct diags *copy;

	if (d->n == 0)
		return NULL;
	copy = arena_new(&t->arena, struct diags);
	diags_init(copy, &t->arena);
	tell(d, copy);
	return copy;
}

/* What was read for recipes before this one and isn't needed any more goes. */
static void
make_room(struct tree *t, const struct package *p)
{
	arena_reset(&t->leaf);
	if (arena_size(&t->kept_arena) > KEPT_MAX) {
		arena_reset(&t->kept_arena);
		map_init(&t->kept, &t->kept_arena);
	}
	if (t->at_hand != p) {
		arena_reset(&t->own_arena);
		t->own = NULL;
		t->at_hand = p;
	}
}

static void
evaluate(struct tree *t, struct package *p, struct tree_recipe *r,
    struct ready *ready)
{
	struct diags d;
	bool good;

	make_room(t, p);
	diags_init(&d, &t->leaf);
	t->at_leaf = true;
	good = prepare(t, p, r, &d);
	t->at_leaf = false;
	ready->advised = false;
	ready->stored = false;
	ready->trouble = keep_trouble(t, &d);
	ready->state = good ? READY_GOOD : READY_BROKEN;
	if (good)
		keep_record(t, p, r, ready);
	/* what has something to say is evaluated again, to say it */
	if (good && d.n == 0)
		package_learned(t, p);
}

/* Is everything elsewhere as it was when the record was made? */
static bool
holds(struct tree *t, const struct bytes *record)
{
	const struct witness *w;
	struct record_head head;
	struct arena a = {0};
	bool same = true;
	git_oid oid;
	size_t i, k, n;

	if (record_head(record, &head) < 0)
		return false;
	for (i = 0; i < head.witnesses.n && same; i++) {
		w = &head.witnesses.list[i];
		oid = object_at(t, w->path);
		if (git_oid_equal(&oid, &w->folder))
			continue;
		oid = object_at(t, arena_printf(&a, "%s/Manifest", w->path));
		same = git_oid_equal(&oid, &w->manifest);
		n = strlen(w->path);
		for (k = 0; k < head.nchain && same; k++) {
			if (!head.chain[k].path ||
			    strncmp(head.chain[k].path, w->path, n) != 0 ||
			    head.chain[k].path[n] != '/')
				continue;
			same = node_exists(t, head.chain[k].path);
			oid = object_at(t, head.chain[k].path);
			same = same && git_oid_equal(&oid, &head.chain[k].blob);
		}
	}
	arena_release(&a);
	return same;
}

/* What the record says as a recipe; NULL if it is none. */
static struct tree_recipe *
unfold(struct tree *t, struct package *p, const struct tree_recipe *blank,
    const struct ready *ready)
{
	struct tree_recipe *r = arena_new(&t->arena, struct tree_recipe);

	*r = *blank;
	arena_reset(&t->leaf);
	if (record_read(&ready->record, &t->arena, &t->leaf, &t->names,
		recipe_path(&t->arena, &r->id, r->kind), r) < 0)
		return NULL;
	if (r->kind == RECIPE_JOBUILD) {
		r->aux = p->support.files;
		r->naux = p->support.n;
	}
	return r;
}

/*
 * Bring it to a verdict, and to a recipe if one is wanted. A stored record
 * that turns out to be none counts as unknown.
 */
static void
settle(struct tree *t, struct package *p, const struct recipe_id *id,
    enum recipe_kind kind, struct ready *ready, bool whole)
{
	struct tree_recipe blank = {.kind = kind}, work;

	blank.id.user = p->list.user;
	blank.id.name = p->list.name;
	blank.id.ver = id->ver;
	if (ready->state == READY_UNKNOWN && ready->stored &&
	    holds(t, &ready->record))
		ready->state = READY_GOOD;
	if (ready->state == READY_GOOD && whole && !ready->recipe)
		ready->recipe = unfold(t, p, &blank, ready);
	if (ready->state != READY_UNKNOWN &&
	    (ready->state == READY_BROKEN || !whole || ready->recipe))
		return;
	work = blank;
	evaluate(t, p, &work, ready);
	if (ready->state == READY_GOOD && whole) {
		ready->recipe = unfold(t, p, &blank, ready);
		assert(ready->recipe);
	}
}

void
tell_damage(struct tree *t, struct diags *d)
{
	struct diags list;

	diags_init(&list, &t->leaf);
	if (t->damage.msg[0])
		diag_error(&list, (struct place){NULL, 0, 0},
		    tree_is_full(t) ? "too-many" : "damage", "%s",
		    t->damage.msg);
	tell(&list, d);
}

static struct ready *
ready_get(struct tree *t, const struct recipe_id *id, enum recipe_kind kind,
    struct diags *d, bool whole)
{
	struct package *p = package_get(t, id->user, id->name);
	struct ready *ready = p ? package_ready(t, p, id->ver, kind) : NULL;
	struct error err;
	const char *path;

	if (tree_is_full(t)) {
		tell_damage(t, d);
		return NULL;
	}
	if (ready) {
		settle(t, p, id, kind, ready, whole);
		if (ready->trouble)
			tell(ready->trouble, d);
	} else {
		arena_reset(&t->leaf);
		path = recipe_path(&t->leaf, id, kind);
		if (!node_read(t, &t->leaf, path, RECIPE_FILE_MAX, &err))
			tell_unread(path, &err, d);
	}
	tell_damage(t, d);
	return ready && ready->state == READY_GOOD && !t->damage.msg[0] ? ready
									: NULL;
}

const struct tree_recipe *
tree_recipe(struct tree *t, const struct recipe_id *id, enum recipe_kind kind,
    struct diags *d)
{
	struct ready *ready = ready_get(t, id, kind, d, true);

	return ready ? ready->recipe : NULL;
}

bool
tree_check_recipe(struct tree *t, const struct recipe_id *id,
    enum recipe_kind kind, struct diags *d)
{
	struct package *p = package_get(t, id->user, id->name);

	if (p && (package_vouched(p, id->ver, kind) & VOUCH_GOOD) &&
	    !t->damage.msg[0])
		return true;
	return ready_get(t, id, kind, d, false) != NULL;
}

/* Does the index vouch that the rules of lint say nothing? */
static bool
is_advised(struct tree *t, const struct recipe_id *id, enum recipe_kind kind)
{
	const struct package *p = package_get(t, id->user, id->name);

	return p && (package_vouched(p, id->ver, kind) & VOUCH_ADVISED);
}

void
tree_advise(struct tree *t, const struct recipe_id *id, enum recipe_kind kind,
    struct diags *d)
{
	struct recipe *chain[RECIPE_CHAIN_MAX];
	const struct tree_recipe *r;
	struct ready *ready;
	struct diags found;
	struct node *n;
	size_t i;

	if (is_advised(t, id, kind))
		return;
	diags_init(&found, &t->leaf);
	ready = ready_get(t, id, kind, &found, false);
	if (!ready || ready->advised)
		return;
	ready = ready_get(t, id, kind, &found, true);
	r = ready ? ready->recipe : NULL;
	if (!r)
		return;
	arena_reset(&t->leaf);
	diags_init(&found, &t->leaf);
	for (i = 0; i < r->nchain; i++) {
		t->at_leaf = i + 1 == r->nchain;
		n = node_recipe(t, r->chain[i]->path, &found);
		if (!n)
			return; /* not when the tree has read it before */
		chain[i] = n->recipe;
	}
	diags_init(&found, &t->leaf);
	if (ready->trouble)
		tell(ready->trouble, &found); /* a comment may silence it */
	recipe_lint(&t->leaf, chain, r->nchain, r->meta, &found);
	tell(&found, d);
	if (found.n > 0)
		return;
	tree_advised(t, id, kind);
}

void
tree_advised(struct tree *t, const struct recipe_id *id, enum recipe_kind kind)
{
	struct package *p = package_get(t, id->user, id->name);
	struct ready *ready;
	struct diags none;

	if (!p || is_advised(t, id, kind))
		return;
	diags_init(&none, &t->leaf);
	ready = ready_get(t, id, kind, &none, false);
	if (!ready || ready->advised)
		return;
	ready->advised = true;
	package_learned(t, p);
}
