/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why the needs of a unit contradict each other. */
#include "plan/explain.h"
#include "base/arena.h"
#include "base/buf.h"

#include <string.h>

#define NOTES_MAX 40

/* The needs of a conflict. */
struct core {
	struct resolver *r;
	struct need **list;
	size_t n;
	struct diag *g;
};

/* How many needs of the core are about this package? */
static size_t
count_about(const struct core *k, const struct package *p)
{
	size_t i, n = 0;

	for (i = 0; i < k->n; i++)
		n += k->list[i]->kind == NEED_ATOM && k->list[i]->package == p;
	return n;
}

/* The need of the core that c does not fit, at best no alternative; or NULL. */
static const struct need *
ruled_out_by(const struct core *k, const struct candidate *c)
{
	const struct need *n, *found = NULL;
	size_t i;

	for (i = 0; i < k->n; i++) {
		n = k->list[i];
		if (n->kind != NEED_ATOM || n->package != c->package ||
		    candidate_fits(c, &n->dep->atom))
			continue;
		if (k->r->nodes[n->owner].kind != NODE_OPTION)
			return n;
		if (!found)
			found = n;
	}
	return found;
}

/* A need of the core that c has itself, preferably one that nothing fulfils. */
static const struct need *
own_need(const struct core *k, const struct candidate *c)
{
	const struct need *n, *found = NULL;
	size_t i;

	for (i = 0; i < k->n; i++) {
		n = k->list[i];
		if (asking_node(k->r, n->owner)->cand != c)
			continue;
		if (n->kind == NEED_ARCH ||
		    (need_is_lack(n) &&
			k->r->nodes[n->owner].kind == NODE_JOBUILD))
			return n;
		if (!found)
			found = n;
	}
	return found;
}

static const char *
lack_text(struct resolver *r, const struct need *n)
{
	const char *meant = n->package->n == 0 ? text_meant(r, n) : NULL;

	if (meant)
		return arena_printf(
		    r->arena, "which does not exist: %s", meant);
	if (n->package->n == 0)
		return "which does not exist";
	return arena_printf(r->arena, "of which there is %s",
	    text_versions(r->arena, n->package));
}

/* c is not what n wants. */
static void
note_misfit(
    const struct core *k, const struct candidate *c, const struct need *n)
{
	const struct node *asker = asking_node(k->r, n->owner);
	struct arena *a = k->r->arena;

	diag_note(&k->r->causes->diags, k->g, n->dep->at,
	    "%s falls out: it is not %s, which %s %s", candidate_name(a, c),
	    atom_format(a, &n->dep->atom),
	    asker->cand ? candidate_name(a, asker->cand) : "the request",
	    k->r->nodes[n->owner].kind == NODE_OPTION ? "has as an alternative"
						      : "wants");
}

/* Say why a version is not the way out. */
static void
note_fallout(const struct core *k, const struct candidate *c)
{
	struct diags *d = &k->r->causes->diags;
	struct arena *a = k->r->arena;
	const char *name = candidate_name(a, c);
	const struct need *n = ruled_out_by(k, c);

	if (n) {
		note_misfit(k, c, n);
		return;
	}
	n = own_need(k, c);
	if (n && n->kind == NEED_ARCH)
		diag_note(d, k->g, metadata_place(c->meta, "ARCH"),
		    "%s falls out: it runs on %s only", name,
		    text_arches(a, c->meta));
	else if (n && need_is_lack(n) &&
	    k->r->nodes[n->owner].kind == NODE_JOBUILD)
		diag_note(d, k->g, n->dep->at, "%s falls out: it wants %s, %s",
		    name, atom_format(a, &n->dep->atom), lack_text(k->r, n));
	else if (n)
		diag_note(d, k->g, n->dep->at,
		    "%s falls out: what it wants itself can't be had", name);
}

/* Does the package have just one version that anybody could take? */
static bool
is_forced(const struct core *k, const struct need *n)
{
	size_t i, fitting = 0;

	for (i = 0; i < n->package->n; i++)
		fitting += candidate_fits(&n->package->list[i], &n->dep->atom);
	return fitting == 1 && count_about(k, n->package) == 1;
}

/*
 * Say who wants what. Links that leave no choice are in the paths, and
 * alternatives in the text of their group.
 */
static void
note_need(const struct core *k, const struct need *n)
{
	struct diags *d = &k->r->causes->diags;
	bool option = k->r->nodes[n->owner].kind == NODE_OPTION;
	const char *who;

	if ((n->kind != NEED_ATOM && n->kind != NEED_GROUP) ||
	    k->r->nodes[n->owner].kind == NODE_REQUEST)
		return;
	who = text_asker(k->r, n->owner);
	if (option && need_is_lack(n))
		diag_note(d, k->g, n->dep->at,
		    "%s has %s as an alternative, %s", who,
		    text_dep(k->r->arena, n->dep), lack_text(k->r, n));
	else if (!option && !need_is_lack(n) &&
	    (n->kind == NEED_GROUP || !is_forced(k, n)))
		diag_note(d, k->g, n->dep->at, "%s wants %s", who,
		    text_dep(k->r->arena, n->dep));
}

/* Is the list's need number i the first about its package? */
static bool
is_first_about(const struct core *k, size_t i)
{
	size_t j;

	if (k->list[i]->kind != NEED_ATOM)
		return false;
	for (j = 0; j < i; j++) {
		if (k->list[j]->kind == NEED_ATOM &&
		    k->list[j]->package == k->list[i]->package)
			return false;
	}
	return true;
}

/* Is it of use to go through the versions of this need's package? */
static bool
has_choice(const struct core *k, const struct need *n)
{
	const struct need *own;

	if (n->package->n == 0 || (need_is_lack(n) && n->package->n > 0))
		return false;
	if (n->package->n > 1 && !is_forced(k, n))
		return true;
	own = own_need(k, &n->package->list[0]);
	return count_about(k, n->package) > 1 ||
	    (own && (own->kind == NEED_ARCH || need_is_lack(own)));
}

static void
note_packages(const struct core *k)
{
	const struct package *p;
	size_t i, c;

	for (i = 0; i < k->n; i++) {
		if (!is_first_about(k, i) || !has_choice(k, k->list[i]))
			continue;
		p = k->list[i]->package;
		for (c = 0; c < p->n && k->g->nnotes < NOTES_MAX; c++)
			note_fallout(k, &p->list[c]);
	}
}

/* A package none of whose versions fits all who ask for it, or NULL. */
static const struct need *
find_clash(const struct core *k)
{
	const struct need *n;
	size_t i, c;

	for (i = k->n; i-- > 0;) {
		n = k->list[i];
		if (n->kind != NEED_ATOM || count_about(k, n->package) < 2)
			continue;
		for (c = 0; c < n->package->n; c++) {
			if (!ruled_out_by(k, &n->package->list[c]))
				break;
		}
		if (c == n->package->n)
			return n;
	}
	return NULL;
}

/* The same contradiction has the same key, whichever unit it is met in. */
static const char *
core_key(const struct core *k)
{
	const struct need *n;
	const char *text;
	struct buf b;
	size_t i;

	buf_init(&b, 1 << 20);
	buf_adds(&b, "conflict");
	for (i = 0; i < k->n; i++) {
		n = k->list[i];
		if (n->dep && k->r->nodes[n->owner].kind != NODE_REQUEST)
			buf_addf(&b, " %s:%u:%s",
			    n->dep->at.file ? n->dep->at.file : "",
			    n->dep->at.line, text_dep(k->r->arena, n->dep));
	}
	text = arena_strndup(k->r->arena, b.data, b.len);
	buf_release(&b);
	return text;
}

/*
 * The one thing that is lacking, if the whole conflict comes to that: NULL
 * when there are several, or versions that clash.
 */
static const struct need *
find_lack(const struct core *k)
{
	const struct need *n, *lack = NULL;
	size_t i;

	for (i = 0; i < k->n; i++) {
		n = k->list[i];
		if (n->kind == NEED_ARCH || need_is_lack(n)) {
			if (lack && !lack_same(k->r, lack, n))
				return NULL;
			lack = lack ? lack : n;
		} else if (n->kind == NEED_CYCLE ||
		    (n->kind == NEED_ATOM && count_about(k, n->package) > 1)) {
			return NULL;
		}
	}
	return lack;
}

/* Are versions that clash all that there is to it? */
static bool
only_clashes(const struct core *k)
{
	size_t i;

	for (i = 0; i < k->n; i++) {
		if (k->list[i]->kind == NEED_ARCH || need_is_lack(k->list[i]))
			return false;
	}
	return true;
}

/* Where the first of them is written that is written anywhere. */
static struct place
first_place(const struct core *k)
{
	struct place none = {0};
	size_t i;

	for (i = 0; i < k->n; i++) {
		if (k->list[i]->dep && k->list[i]->dep->at.file)
			return k->list[i]->dep->at;
	}
	return none;
}

static struct diag *
begin_conflict(const struct core *k)
{
	const struct need *root = &k->r->nodes[0].needs[0];
	const char *want = atom_format(k->r->arena, &root->dep->atom);
	const struct need *n = find_lack(k);

	if (n)
		return explain_lack(k->r, n);
	n = only_clashes(k) ? find_clash(k) : NULL;
	if (n)
		return cause_add(k->r->causes, core_key(k), n->dep->at,
		    "conflict", "no version of %s fits all that %s needs",
		    n->package->label, want);
	return cause_add(k->r->causes, core_key(k), first_place(k), "conflict",
	    "nothing fulfils all that %s needs", want);
}

/*
 * What a further search does without: what is lacking, or who asks for the
 * package that clashes, or all of it.
 */
static void
drop(const struct core *k)
{
	const struct need *lack = find_lack(k), *n;
	const struct need *clash =
	    !lack && only_clashes(k) ? find_clash(k) : NULL;
	size_t i;

	for (i = 0; i < k->n; i++) {
		n = k->list[i];
		if (k->r->nodes[n->owner].kind == NODE_REQUEST ||
		    n->kind == NEED_CYCLE)
			continue;
		if (lack ? n->kind == NEED_ARCH || need_is_lack(n)
			 : !clash ||
			    (n->kind == NEED_ATOM &&
				n->package == clash->package))
			resolver_drop(k->r, n);
	}
}

void
explain_conflict(struct resolver *r)
{
	struct core k = {.r = r};
	size_t i;

	k.list = conflict_core(r, &k.n);
	drop(&k);
	k.g = begin_conflict(&k);
	if (!k.g)
		return;
	for (i = 0; i < k.n && k.g->nnotes < NOTES_MAX; i++)
		note_need(&k, k.list[i]);
	note_packages(&k);
	if (k.g->nnotes >= NOTES_MAX)
		diag_note(&r->causes->diags, k.g, k.g->at,
		    "there is more to it, which is not shown");
}
