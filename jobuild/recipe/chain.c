/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A chain of files in one scope: values, blocks, overriding. */
#include "recipe/file.h"
#include "recipe/list.h"
#include "recipe/names.h"
#include "recipe/value.h"
#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

struct chain {
	struct arena *arena;
	struct diags *d;
	struct recipe *const *files;
	size_t n;
	enum recipe_kind kind;
	struct scope scope;
	struct map blocks;    /* name to struct block */
	struct map functions; /* name to struct function */
};

/* A function that children may override. */
struct block {
	size_t link; /* the file that first names it */
	struct place at;
};

__attribute__((format(printf, 6, 7))) static void
complain(struct chain *c, size_t link, struct place at, const char *rule,
    const char *hint, const char *fmt, ...)
{
	struct diag *g;
	const char *text;
	va_list ap;

	if (diags_full(c->d))
		return;
	va_start(ap, fmt);
	text = arena_vprintf(c->arena, fmt, ap);
	va_end(ap);
	g = diag_error(c->d, at, rule, "%s", text);
	recipe_source(c->files[link], c->d, g);
	if (hint)
		diag_hint(c->d, g, "%s", hint);
}

static bool
among(const char *name, const char *const list[], size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(name, list[i]) == 0)
			return true;
	return false;
}

/* Lists whose loss in a child is nearly always a mistake. */
static bool
inherited_list(const char *name)
{
	static const char *const list[] = {
	    "DEPEND", "SIDEPEND", "SRC_URI", "PORTCONF_URI"};

	return among(name, list, sizeof(list) / sizeof(*list));
}

static bool
any_list(const char *name)
{
	static const char *const list[] = {
	    "ARCH", "BLOCKS", "LOCKS", "PROPERTIES", "REQUIRES", "RESOURCES"};

	return inherited_list(name) ||
	    among(name, list, sizeof(list) / sizeof(*list));
}

/* Is $name or ${name...} somewhere in the value? */
static bool
mentions(const struct recipe *r, const struct assignment *a)
{
	const char *s = r->syntax->text + a->value.from;
	const char *end = r->syntax->text + a->value.to;
	size_t n = strlen(a->name);

	while ((s = memchr(s, '$', (size_t)(end - s)))) {
		s++;
		s += s < end && *s == '{';
		if ((size_t)(end - s) >= n && memcmp(s, a->name, n) == 0 &&
		    (s + n == end || !is_name(s, n + 1)))
			return true;
	}
	return false;
}

static bool
blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* What the format says about adding to and replacing what is inherited. */
static bool
assignment_allowed(struct chain *c, size_t link, const struct assignment *a,
    const struct scope_variable *old, const char *value, size_t len)
{
	bool has = old->value && old->len > 0;

	if (a->append && has && len > 0 && any_list(a->name) &&
	    !blank(old->value[old->len - 1]) && !blank(value[0])) {
		complain(c, link, a->at, "glued-words",
		    "begin the value with a blank",
		    "%s+= glues its first word to the last one before it",
		    a->name);
		return false;
	}
	if (!a->append && has && old->link < link && inherited_list(a->name) &&
	    !mentions(c->files[link], a))
		complain(c, link, a->at, "dropped-list",
		    "write += with a blank in front to add to it, or use "
		    "$NAME to say what is kept",
		    "%s= drops what %s assigned", a->name, old->at.file);
	return true;
}

static void
assign(struct chain *c, size_t link, const struct assignment *a)
{
	const struct recipe *r = c->files[link];
	struct scope_variable *v;
	const char *value;
	size_t len;

	c->scope.unsure = false;
	value = value_eval(&c->scope, r->syntax, a->value, false, &len);
	v = scope_put(&c->scope, a->name, strlen(a->name));
	if (!value || c->scope.unsure) {
		/* So that references to it are not errors too. */
		if (!v->value)
			v->value = "";
		v->failed = true;
		return;
	}
	if (v->failed)
		return;
	if (!assignment_allowed(c, link, a, v, value, len)) {
		v->failed = true;
		return;
	}
	if (a->append && v->len > 0) {
		if (v->len + len > RECIPE_VALUE_MAX) {
			complain(c, link, a->at, "value-size", "split it",
			    "the value of %s has %zu bytes, more than %d",
			    a->name, v->len + len, RECIPE_VALUE_MAX);
			return;
		}
		scope_append(&c->scope, v, value, len);
	} else {
		v->value = value;
		v->len = len;
		v->cap = 0;
	}
	v->at = a->at;
	v->link = link;
}

/* ---- blocks and functions ---- */

static void
add_blocks(struct chain *c, size_t link)
{
	const struct assignment *a =
	    recipe_assignment(c->files[link], "BLOCKS");
	struct scope_variable *v = scope_get(&c->scope, "BLOCKS", 6);
	struct block *b;
	const char *s;
	struct slice w;
	void **slot;

	if (!a || !v || !v->value)
		return;
	if (link == c->n - 1 && c->kind == RECIPE_JOBUILD) {
		complain(c, link, a->at, "blocks",
		    "nothing can extend a jobuild: leave it out",
		    "BLOCKS belongs into a template");
		return;
	}
	for (s = v->value; word_next(&s, &w);) {
		slot = map_put(&c->blocks, w.s, w.len);
		if (*slot)
			continue;
		b = *slot = arena_new(c->arena, struct block);
		b->link = link;
		b->at = a->at;
		if (!is_name(w.s, w.len) || hides(w.s, w.len))
			complain(c, link, a->at, "blocks",
			    "a block is a function's name",
			    "\"%s\" can't be a block",
			    show(c->arena, w.s, w.len));
	}
}

/* A child's function that overrides nothing. */
static void
overrides_nothing(struct chain *c, size_t link, const struct definition *f)
{
	const char **names = NULL, *near;
	size_t n = 0, i;

	for (i = 0; i < PHASES; i++) {
		names = arena_grow(c->arena, names, n, sizeof(*names));
		names[n++] = phase_names[i];
	}
	for (i = 0; i < c->blocks.n; i++) {
		names = arena_grow(c->arena, names, n, sizeof(*names));
		names[n++] = arena_strndup(
		    c->arena, c->blocks.items[i].key, c->blocks.items[i].len);
	}
	near = nearest(f->name, names, n);
	complain(c, link, f->at, "overrides-nothing",
	    near ? arena_printf(c->arena, "is %s meant?", near)
		 : arena_printf(c->arena, "a helper of this file is called _%s",
		       f->name),
	    "%s overrides nothing: it is no phase and no block of a "
	    "template above",
	    f->name);
}

static void
add_functions(struct chain *c, size_t link)
{
	const struct recipe *r = c->files[link];
	const struct definition *f;
	struct function *fn;
	void **slot;
	size_t i;

	for (i = 0; i < r->nfunctions; i++) {
		f = &r->functions[i];
		if (link > 0 && f->name[0] != '_' &&
		    !among(f->name, phase_names, PHASES) &&
		    !map_gets(&c->blocks, f->name))
			overrides_nothing(c, link, f);
		slot = map_puts(&c->functions, f->name);
		if (!*slot)
			*slot = arena_new(c->arena, struct function);
		fn = *slot;
		fn->name = f->name;
		fn->at = f->at;
		fn->link = link;
	}
}

/* In a jobuild every block must be filled by some file of the chain. */
static void
check_blocks(struct chain *c)
{
	const struct recipe *leaf = c->files[c->n - 1];
	const struct map_item *it;
	const struct block *b;
	struct place at;
	size_t i;

	if (c->kind != RECIPE_JOBUILD)
		return;
	at = leaf->extends ? leaf->extends_at
			   : (struct place){.file = leaf->syntax->file};
	for (i = 0; i < c->blocks.n; i++) {
		it = &c->blocks.items[i];
		b = it->value;
		if (map_get(&c->functions, it->key, it->len))
			continue;
		complain(c, c->n - 1, at, "empty-block",
		    arena_printf(c->arena,
			"define %.*s() { ... }: %s names it in line %u",
			(int)it->len, it->key, b->at.file, b->at.line),
		    "the block %.*s is not filled", (int)it->len, it->key);
	}
}

/* ---- the whole ---- */

/* Which file of the chain is it? The one after the last if none. */
static size_t
link_of(const struct chain *c, const char *file)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (file && strcmp(file, c->files[i]->syntax->file) == 0)
			break;
	return i;
}

/* Does x belong in front of y? Files in order, then their places. */
static bool
before(const struct chain *c, const struct diag *x, const struct diag *y)
{
	size_t i = link_of(c, x->at.file), j = link_of(c, y->at.file);

	if (i != j)
		return i < j;
	if (x->at.line != y->at.line)
		return x->at.line < y->at.line;
	return x->at.col < y->at.col;
}

/* Put the diagnostics from first on in the order of what they are about. */
static void
sort_diags(struct chain *c, size_t first)
{
	struct diag *list = c->d->list, g;
	size_t i, j;

	for (i = first + 1; i < c->d->n; i++) {
		g = list[i];
		for (j = i; j > first && before(c, &g, &list[j - 1]); j--)
			list[j] = list[j - 1];
		list[j] = g;
	}
}

/* Show the lines that diagnostics about values were not given. */
static void
add_sources(struct chain *c, size_t first)
{
	struct diag *g;
	size_t i, j;

	for (i = first; i < c->d->n; i++) {
		g = &c->d->list[i];
		j = link_of(c, g->at.file);
		if (!g->source && j < c->n)
			recipe_source(c->files[j], c->d, g);
	}
}

static void
predefine(struct chain *c, const char *name, const char *value)
{
	struct scope_variable *v = scope_put(&c->scope, name, strlen(name));

	v->value = value;
	v->len = strlen(value);
	v->predefined = true;
}

static void
predefine_all(struct chain *c, const struct recipe_id *id)
{
	char ver[VERSION_MAX];
	const char *const p[] = {id->name, "-", ver};

	version_format(id->ver, ver);
	predefine(c, "P", arena_join(c->arena, p, 3));
	predefine(c, "PN", id->name);
	predefine(c, "PV", arena_strdup(c->arena, ver));
	predefine(c, "JOBUSER", id->user);
	predefine(c, "FILESDIR", "/autotua/recipe/files");
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct variable *)a)->name,
	    ((const struct variable *)b)->name);
}

static void
list_variables(struct chain *c, struct metadata *m)
{
	const struct map *names = &c->scope.names;
	const struct scope_variable *v;
	size_t i;

	m->vars = arena_array(c->arena, names->n + 1, struct variable);
	for (i = 0; i < names->n; i++) {
		v = names->items[i].value;
		if (v->predefined || v->failed || !v->value)
			continue;
		m->vars[m->nvars++] =
		    (struct variable){v->name, v->value, v->at};
	}
	qsort(m->vars, m->nvars, sizeof(*m->vars), by_name);
}

static void
list_functions(struct chain *c, struct metadata *m)
{
	const struct function *f;
	size_t i, j;

	m->nfunctions = c->functions.n;
	m->functions = arena_array(c->arena, m->nfunctions, struct function);
	for (i = 0; i < m->nfunctions; i++) {
		f = c->functions.items[i].value;
		m->functions[i] = *f;
		for (j = 0; j < PHASES; j++)
			if (strcmp(f->name, phase_names[j]) == 0)
				m->phases |= 1u << j;
	}
}

/* A jobuild describes itself: what a template says is about the template. */
static void
check_description(struct chain *c)
{
	const struct recipe *leaf = c->files[c->n - 1];
	const struct assignment *a = recipe_assignment(leaf, "DESCRIPTION");
	const struct scope_variable *v =
	    scope_get(&c->scope, "DESCRIPTION", 11);
	struct place at = {.file = leaf->syntax->file};

	if (v && v->failed)
		return;
	if (c->kind == RECIPE_JOBUILD && (!a || !v || v->len == 0))
		complain(c, c->n - 1, a ? a->at : at, "description",
		    "write DESCRIPTION=\"...\", one line for people",
		    "the jobuild has no DESCRIPTION");
	else if (a && v && strchr(v->value, '\n'))
		complain(c, c->n - 1, a->at, "description",
		    "put more into comments",
		    "DESCRIPTION is longer than one line");
}

struct metadata *
recipe_eval(struct arena *a, struct recipe *const chain[], size_t n,
    const struct recipe_id *id, enum recipe_kind kind, struct diags *d)
{
	struct metadata *m = arena_new(a, struct metadata);
	struct chain c = {
	    .arena = a, .d = d, .files = chain, .n = n, .kind = kind};
	size_t before = d->errors, first = d->n, i, j;

	if (n == 0 || n > RECIPE_CHAIN_MAX) {
		diag_error(d, n ? chain[n - 1]->extends_at : (struct place){0},
		    "chain-length",
		    "the chain of templates is %zu files long, more than %d", n,
		    RECIPE_CHAIN_MAX);
		return NULL;
	}
	scope_init(&c.scope, a, d);
	map_init(&c.blocks, a);
	map_init(&c.functions, a);
	predefine_all(&c, id);
	for (i = 0; i < n; i++) {
		for (j = 0; j < chain[i]->nassignments; j++)
			assign(&c, i, &chain[i]->assignments[j]);
		add_blocks(&c, i);
		add_functions(&c, i);
	}
	check_blocks(&c);
	check_description(&c);
	m->id = *id;
	m->kind = kind;
	list_variables(&c, m);
	list_functions(&c, m);
	fields_read(a, m, d);
	add_sources(&c, first);
	sort_diags(&c, first);
	return d->errors > before ? NULL : m;
}

const char *
metadata_get(const struct metadata *m, const char *name)
{
	struct variable key = {.name = name}, *v;

	v = bsearch(&key, m->vars, m->nvars, sizeof(key), by_name);
	return v ? v->value : NULL;
}
