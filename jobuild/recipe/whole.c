/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of lint that need all of a file, or all of the chain. */
#include "recipe/linter.h"
#include "recipe/names.h"
#include "base/arena.h"

#include <string.h>
#include <strings.h>

static int
phase_index(const char *name)
{
	int i;

	for (i = 0; i < PHASES; i++)
		if (strcmp(phase_names[i], name) == 0)
			return i;
	return -1;
}

/* ---- phases without work ---- */

static void
check_phase(struct linter *l, const struct command *f)
{
	const struct word *name = f->words, *w;
	struct slice text = plain_text(l->arena, l->file, name);
	const struct routine *r = routine_get(l, text);
	const struct command *c;
	bool unpack = slice_is(text, "job_unpack"), only = true;

	if (!r || r->above || phase_index(r->name) < 0)
		return;
	for (c = f->body->body; c && only; c = c->next) {
		w = command_word(c);
		only = w && !w->next && !c->redirs && c->words == w &&
		    (word_is(l->file, w, "default") ||
			(!unpack &&
			    (word_is(l->file, w, ":") ||
				word_is(l->file, w, "true"))));
	}
	l->command = name->at;
	if (only)
		find(l, RULE_EMPTY_PHASE, name->at.from, "leave it out",
		    unpack ? "%s does only what is done without it"
			   : "%s does nothing",
		    r->name);
}

/* ---- what nobody uses ---- */

static void
check_unused_function(struct linter *l, const struct definition *f)
{
	const struct routine *r = map_gets(&l->routines, f->name);
	size_t len = strlen(f->name);

	if (l->meta->kind != RECIPE_JOBUILD || r->above ||
	    strncmp(f->name, "job_", 4) == 0 ||
	    map_get(&l->mentions, f->name, len))
		return;
	l->command = (struct range){f->from, f->from + (uint32_t)len};
	find(l, RULE_UNUSED_FUNCTION, f->from, "take it out, or call it",
	    "nothing calls %s: it is no phase", f->name);
}

static void
check_unused_variable(struct linter *l, const struct assignment *a)
{
	if (l->meta->kind != RECIPE_JOBUILD || a->name[0] != '_' ||
	    l->sources || map_gets(&l->mentions, a->name))
		return;
	l->command = a->word;
	find(l, RULE_UNUSED_VARIABLE, a->word.from, "take it out, or use it",
	    "nothing uses %s", a->name);
}

/* ---- references ---- */

/* What a misspelt name was meant to be, or NULL. */
static const char *
meant(const struct linter *l, const struct reference *r)
{
	static const char *const list[] = {"ARTIFACTS", "DISTDIR", "FILESDIR",
	    "JOBUSER", "JOB_ID", "PHASE", "WORKDIR"};
	struct slice name = {r->name, r->len};
	size_t i;

	for (i = 0; i < COUNT(list); i++)
		if (one_slip(name, list[i]) ||
		    (r->len == strlen(list[i]) &&
			strncasecmp(r->name, list[i], r->len) == 0))
			return list[i];
	if (r->name[0] != '_')
		return NULL;
	for (i = 0; i < l->meta->nvars; i++)
		if (one_slip(name, l->meta->vars[i].name))
			return l->meta->vars[i].name;
	return NULL;
}

/* Where the variable is assigned: a bit a phase. */
static unsigned
assigned_phases(const struct assigned *v)
{
	unsigned phases = 0;
	size_t i;

	for (i = 0; i < v->nby; i++)
		phases |= v->by[i]->phases;
	return phases;
}

static const char *
phase_list(struct linter *l, unsigned phases)
{
	const char *text = "";
	size_t i;

	for (i = 0; i < PHASES; i++)
		if (phases & 1u << i)
			text = arena_printf(l->arena, "%s%s%s", text,
			    *text ? " and " : "", phase_names[i]);
	return text;
}

/* Assigned, but only where another phase runs: is it told? */
static bool
check_lost(
    struct linter *l, const struct reference *r, const struct assigned *v)
{
	unsigned from = assigned_phases(v), to = r->by->phases;

	if (r->guarded || from == 0 || to == 0 || (from & to) || l->sources)
		return false;
	find(l, RULE_LOST_VARIABLE, r->at,
	    "variables don't go from phase to phase: write a file in ${T}, or "
	    "assign it in both",
	    "%.*s is assigned only in %s, and used in %s", (int)r->len, r->name,
	    phase_list(l, from), phase_list(l, to));
	return true;
}

static bool
check_spelling(struct linter *l, const struct reference *r)
{
	const char *near;

	if (slice_is((struct slice){r->name, r->len}, "DESTDIR") || l->sources)
		return false;
	near = meant(l, r);
	if (near)
		find(l, RULE_MISSPELT_VARIABLE, r->at,
		    arena_printf(l->arena, "is %s meant?", near),
		    "nothing assigns %.*s", (int)r->len, r->name);
	return near;
}

/* One message a name. */
static void
check_references(struct linter *l)
{
	const struct reference *r;
	const struct assigned *v;
	struct map done;
	size_t i;
	bool told;

	map_init(&done, l->arena);
	for (i = 0; i < l->nreferences; i++) {
		r = &l->references[i];
		if (is_known(r->name, r->len) ||
		    is_predefined(r->name, r->len) ||
		    is_phase_only(r->name, r->len) ||
		    is_special(r->name, r->len) ||
		    map_get(&done, r->name, r->len) ||
		    metadata_get(
			l->meta, arena_strndup(l->arena, r->name, r->len)))
			continue;
		v = map_get(&l->assigned, r->name, r->len);
		l->command = (struct range){r->at, r->at + (uint32_t)r->len};
		told = v ? check_lost(l, r, v) : check_spelling(l, r);
		if (told || !v)
			*map_put(&done, r->name, r->len) = l;
	}
}

void
lint_whole(struct linter *l)
{
	const struct recipe *r = l->chain[l->n - 1];
	const struct command *c;
	size_t i;

	for (c = l->file->chain; c; c = c->next)
		if (c->kind == COMMAND_FUNCTION)
			check_phase(l, c);
	for (i = 0; i < r->nfunctions; i++)
		check_unused_function(l, &r->functions[i]);
	for (i = 0; i < r->nassignments; i++)
		check_unused_variable(l, &r->assignments[i]);
	check_references(l);
}
