/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/explain.h"
#include "base/arena.h"
#include "base/buf.h"

#include <string.h>

#define TEXT_MAX    400 /* bytes of a list in a message */
#define ASKERS_MAX  5
#define NOTES_MAX   40
#define CHOICES_MAX 10

void
causes_init(struct causes *c, struct arena *a)
{
	diags_init(&c->diags, a);
	c->keys = NULL;
}

struct diag *
cause_add(struct causes *c, const char *key, struct place at, const char *rule,
    const char *fmt, ...)
{
	struct diags *d = &c->diags;
	const char *text;
	va_list ap;
	size_t i;

	for (i = 0; i < d->n; i++) {
		if (strcmp(c->keys[i], key) == 0)
			return NULL;
	}
	if (d->n + 1 >= DIAGS_MAX)
		return NULL;
	c->keys = arena_grow(d->arena, c->keys, d->n, sizeof(*c->keys));
	c->keys[d->n] = key;
	va_start(ap, fmt);
	text = arena_vprintf(d->arena, fmt, ap);
	va_end(ap);
	return diag_error(d, at, rule, "%s", text);
}

/* Append s and what separates it from the one before; false: no room. */
static bool
add_item(struct buf *b, const char *separator, const char *s)
{
	if (b->len + strlen(separator) + strlen(s) + 4 > b->max)
		return false;
	if (b->len > 0)
		buf_adds(b, separator);
	buf_adds(b, s);
	return true;
}

static const char *
take_text(struct arena *a, struct buf *b)
{
	const char *text = arena_strndup(a, b->data ? b->data : "", b->len);

	buf_release(b);
	return text;
}

const char *
text_versions(struct arena *a, const struct package *k)
{
	char version[VERSION_MAX];
	struct buf b;
	size_t i;

	buf_init(&b, TEXT_MAX);
	for (i = 0; i < k->n; i++) {
		version_format(k->versions[i], version);
		if (!add_item(&b, ", ", version)) {
			buf_adds(&b, "...");
			break;
		}
	}
	return take_text(a, &b);
}

const char *
text_arches(struct arena *a, const struct metadata *m)
{
	struct buf b;
	size_t i;

	buf_init(&b, TEXT_MAX);
	for (i = 0; i < m->narch; i++)
		add_item(&b, " ", m->arch[i]);
	return take_text(a, &b);
}

static void
add_dep(struct arena *a, struct buf *b, const struct dep *d)
{
	size_t i;

	if (d->kind == DEP_ATOM) {
		add_item(b, " ", atom_format(a, &d->atom));
		return;
	}
	add_item(b, " ", d->kind == DEP_ANYOF ? "|| (" : "(");
	for (i = 0; i < d->n; i++)
		add_dep(a, b, &d->items[i]);
	add_item(b, " ", ")");
}

const char *
text_dep(struct arena *a, const struct dep *d)
{
	struct buf b;

	buf_init(&b, TEXT_MAX);
	add_dep(a, &b, d);
	return take_text(a, &b);
}

const char *
text_asker(struct resolver *r, uint32_t owner)
{
	const struct path *p = path_to(r, owner);

	return p ? path_text(r->arena, p) : "the request";
}

static bool
is_on_path(const struct path *p, const char *name)
{
	for (; p; p = p->up) {
		if (strcmp(p->cand->package->label, name) == 0)
			return true;
	}
	return false;
}

/* The nearest name, but none that would make a cycle. */
static const char *
nearest_name(struct resolver *r, const struct need *n)
{
	const struct plan_source *src = r->pool->src;
	const char *const *names = src->names(src->ctx);
	const struct path *path = path_to(r, n->owner);
	const char *near, **others;
	size_t i, count = 0, left = 0;

	while (names[count])
		count++;
	near = nearest(n->package->label, names, count);
	if (!near || !is_on_path(path, near))
		return near;
	others = arena_array(r->arena, count, const char *);
	for (i = 0; i < count; i++) {
		if (!is_on_path(path, names[i]))
			others[left++] = names[i];
	}
	return nearest(n->package->label, others, left);
}

const char *
text_meant(struct resolver *r, const struct need *n)
{
	const struct plan_source *src = r->pool->src;
	const struct recipe_id *id = &n->dep->atom.id;
	const char *near;

	if (src->is_template && src->is_template(src->ctx, id->user, id->name))
		return arena_printf(r->arena,
		    "%s is a template: it can be extended, but nothing can "
		    "depend on it",
		    n->package->label);
	near = nearest_name(r, n);
	return near ? arena_printf(r->arena, "is %s meant?", near) : NULL;
}

/* Begin the message about a need that nothing fulfils; NULL: it was told. */
static struct diag *
begin_lack(struct resolver *r, const struct need *n)
{
	const struct package *k = n->package;
	const char *want = atom_format(r->arena, &n->dep->atom);
	const char *meant;
	struct diag *g;

	if (k->n == 0) {
		g = cause_add(r->causes,
		    arena_printf(r->arena, "missing %s", k->label), n->dep->at,
		    "missing", "there is no jobuild %s", k->label);
		meant = g ? text_meant(r, n) : NULL;
		if (meant)
			diag_hint(&r->causes->diags, g, "%s", meant);
		return g;
	}
	g = cause_add(r->causes, arena_printf(r->arena, "missing %s", want),
	    n->dep->at, "missing", "no version of %s is %s", k->label, want);
	if (g)
		diag_note(&r->causes->diags, g, n->dep->at, "available: %s",
		    text_versions(r->arena, k));
	return g;
}

static void
note_arches(struct resolver *r, struct diag *g, const struct package *k)
{
	const struct need *asked = need_for(r, k->first);
	const struct candidate *c;
	size_t i;

	for (i = 0; i < k->n && i < NOTES_MAX; i++) {
		c = &k->list[i];
		if (c->state == CANDIDATE_OTHER_ARCH)
			diag_note(&r->causes->diags, g,
			    metadata_place(c->meta, "ARCH"),
			    "%s runs on %s only", candidate_name(r->arena, c),
			    text_arches(r->arena, c->meta));
		else
			diag_note(&r->causes->diags, g,
			    asked ? asked->dep->at : g->at,
			    "%s falls out: other versions are wanted",
			    candidate_name(r->arena, c));
	}
}

static struct diag *
begin_arch(struct resolver *r, const struct need *n)
{
	const struct node *node = &r->nodes[n->owner];
	const struct package *k = node->cand->package;

	return cause_add(r->causes, arena_printf(r->arena, "arch %s", k->label),
	    need_for(r, n->owner)->dep->at, "arch",
	    "no version of %s that fits runs on %s", k->label, r->pool->arch);
}

struct diag *
explain_lack(struct resolver *r, const struct need *n)
{
	return n->kind == NEED_ARCH ? begin_arch(r, n) : begin_lack(r, n);
}

/* The package that a lack is about, which says who else lacks the same. */
static const struct package *
lack_package(const struct resolver *r, const struct need *n)
{
	return n->kind == NEED_ARCH ? r->nodes[n->owner].cand->package
				    : n->package;
}

static const struct need *
lack_asker(const struct resolver *r, const struct need *n)
{
	return n->kind == NEED_ARCH ? need_for(r, n->owner) : n;
}

bool
lack_same(const struct resolver *r, const struct need *a, const struct need *b)
{
	if (a->kind != b->kind || lack_package(r, a) != lack_package(r, b))
		return false;
	return a->kind == NEED_ARCH || a->package->n == 0 ||
	    (a->dep->atom.op == b->dep->atom.op &&
		version_compare(a->dep->atom.id.ver, b->dep->atom.id.ver) == 0);
}

/* Who asks for what the message g is about: the first lack and its likes. */
static void
note_askers(struct resolver *r, struct diag *g, size_t first)
{
	const struct need *n;
	const char *who;
	size_t i, count = 0;

	for (i = first; i < r->nlacks; i++) {
		if (!lack_same(r, r->lacks[first], r->lacks[i]))
			continue;
		if (count++ >= ASKERS_MAX)
			continue;
		n = lack_asker(r, r->lacks[i]);
		if (r->nodes[n->owner].kind == NODE_REQUEST && !r->above)
			continue;
		who = text_asker(r, n->owner);
		diag_note(&r->causes->diags, g, n->dep->at, "%s by %s",
		    i == first ? "asked for" : "and", who);
	}
	if (count > ASKERS_MAX)
		diag_note(&r->causes->diags, g, g->at, "and by %zu more",
		    count - ASKERS_MAX);
}

void
explain_lacks(struct resolver *r)
{
	const struct need *n;
	struct diag *g;
	size_t i;

	for (i = 0; i < r->nlacks; i++) {
		n = r->lacks[i];
		g = explain_lack(r, n);
		if (!g)
			continue;
		if (n->kind == NEED_ARCH)
			note_arches(r, g, lack_package(r, n));
		note_askers(r, g, i);
	}
}

/* The newest version of what was asked for that fits and was read, or NULL. */
static const struct candidate *
asked_for(const struct resolver *r)
{
	const struct need *n = &r->nodes[0].needs[0];
	const struct candidate *c;
	uint32_t i;

	for (i = n->range.first; i < n->range.end; i++) {
		c = &n->package->list[i];
		if (c->state == CANDIDATE_READY)
			return c;
	}
	return NULL;
}

/* Say it if a need leaves a choice; does it? */
static bool
note_choice(struct resolver *r, struct diag *g, const struct need *n, bool tell)
{
	size_t fit = n->range.end - n->range.first;
	struct diags *d = &r->causes->diags;
	const char *who, *want;

	if (n->kind == NEED_ATOM ? fit < 2 : n->kind != NEED_GROUP)
		return false;
	if (!tell)
		return true;
	who = text_asker(r, n->owner);
	want = text_dep(r->arena, n->dep);
	if (n->kind == NEED_GROUP)
		diag_note(d, g, n->dep->at, "%s wants %s", who, want);
	else
		diag_note(d, g, n->dep->at, "%s wants %s: %zu versions fit",
		    who, want, fit);
	return true;
}

/* Where the search had something to choose, as far as that is certain. */
static void
note_choices(struct resolver *r, struct diag *g, const struct candidate *root)
{
	const struct node *node;
	size_t i, count = 0;
	uint32_t v;

	for (v = 0; v < r->sat.nvars; v++) {
		node = &r->nodes[v];
		if (node->kind != NODE_JOBUILD ||
		    (!node->certain && node->cand != root))
			continue;
		for (i = 0; i < node->nneeds; i++)
			count += note_choice(
			    r, g, &node->needs[i], count < CHOICES_MAX);
	}
	if (count > CHOICES_MAX)
		diag_note(&r->causes->diags, g, g->at,
		    "and %zu more leave a choice", count - CHOICES_MAX);
}

void
explain_exhausted(struct resolver *r, const struct dep *dep)
{
	const char *want = atom_format(r->arena, &dep->atom);
	const struct candidate *root = asked_for(r);
	struct place at = dep->at;
	struct diag *g;

	if (!at.file && root && root->meta->depend.n > 0)
		at = root->meta->depend.items[0].at;
	g = cause_add(r->causes, arena_printf(r->arena, "budget %s", want), at,
	    "budget",
	    "gave up looking for versions of what %s needs that go together, "
	    "after %llu steps",
	    want, (unsigned long long)r->sat.max_steps);
	if (!g)
		return;
	if (r->above)
		diag_note(&r->causes->diags, g, dep->at, "asked for by %s",
		    path_text(r->arena, r->above));
	note_choices(r, g, root);
	diag_hint(&r->causes->diags, g,
	    "ask for fewer alternatives and for narrower versions");
}
