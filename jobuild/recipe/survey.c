/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first pass of lint: who calls, assigns and mentions what. */
#include "recipe/linter.h"
#include "recipe/bytes.h"
#include "recipe/names.h"
#include "base/arena.h"

#include <string.h>

struct routine *
routine_get(const struct linter *l, struct slice name)
{
	return map_get(&l->routines, name.s, name.len);
}

static struct routine *
routine_put(struct linter *l, const char *name)
{
	void **slot = map_puts(&l->routines, name);
	struct routine *f = *slot;

	if (!f) {
		f = *slot = arena_new(l->arena, struct routine);
		f->name = name;
	}
	return f;
}

/* All functions of the chain, and the blocks that a child may fill. */
static void
survey_names(struct linter *l)
{
	const char *blocks = metadata_get(l->meta, "BLOCKS");
	const struct recipe *r;
	struct routine *f;
	struct slice w;
	size_t i, k;

	for (i = 0; i < l->n; i++) {
		r = l->chain[i];
		for (k = 0; k < r->nfunctions; k++) {
			f = routine_put(l, r->functions[k].name);
			f->above |= i + 1 < l->n;
		}
	}
	while (blocks && word_next(&blocks, &w))
		routine_put(l, arena_strndup(l->arena, w.s, w.len));
}

/* ---- facts ---- */

static void
add_assigned(struct linter *l, const char *s, size_t len, struct where at)
{
	struct assigned *v;
	void **slot;

	if (!is_name(s, len))
		return;
	slot = map_put(&l->assigned, s, len);
	v = *slot;
	if (!v)
		v = *slot = arena_new(l->arena, struct assigned);
	if (!at.routine || (v->nby > 0 && v->by[v->nby - 1] == at.routine))
		return;
	v->by = arena_grow(l->arena, v->by, v->nby, sizeof(*v->by));
	v->by[v->nby++] = at.routine;
}

/* The name that a text begins with. */
static size_t
leading_name(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && BYTE_IS(s[n], BYTE_NAME))
		n++;
	return n;
}

/* Every name in a text: mentioned, and in arithmetic maybe assigned. */
static void
add_names(
    struct linter *l, const char *s, size_t len, bool assigns, struct where at)
{
	const char *end = s + len, *from;

	while (s < end) {
		if (!BYTE_IS(*s, BYTE_NAME)) {
			s++;
			continue;
		}
		for (from = s; s < end && BYTE_IS(*s, BYTE_NAME);)
			s++;
		*map_put(&l->mentions, from, (size_t)(s - from)) = l;
		if (assigns)
			add_assigned(l, from, (size_t)(s - from), at);
		if (s == end || *s != '-')
			continue;
		for (; s < end && (*s == '-' || BYTE_IS(*s, BYTE_NAME));)
			s++;
		*map_put(&l->mentions, from, (size_t)(s - from)) = l;
		s = from + leading_name(from, (size_t)(s - from)) + 1;
	}
}

static void
add_expansion(struct linter *l, const struct syntax *file,
    const struct expansion *e, struct where at)
{
	struct reference *r;

	if (e->name.len == 0 && e->harmless)
		add_names(l, file->text + e->at.from, e->at.to - e->at.from,
		    true, at);
	if (!is_name(e->name.s, e->name.len))
		return;
	if (e->assigns)
		add_assigned(l, e->name.s, e->name.len, at);
	if (file != l->file || !at.routine)
		return;
	l->references = arena_grow(
	    l->arena, l->references, l->nreferences, sizeof(*l->references));
	r = &l->references[l->nreferences++];
	r->name = e->name.s;
	r->len = e->name.len;
	r->by = at.routine;
	r->at = e->at.from;
	r->guarded = e->guarded;
}

static void
add_call(struct linter *l, struct routine *from, struct routine *to)
{
	if (!from || !to ||
	    (from->ncalls > 0 && from->calls[from->ncalls - 1] == to))
		return;
	from->calls = arena_grow(
	    l->arena, from->calls, from->ncalls, sizeof(struct routine *));
	from->calls[from->ncalls++] = to;
}

/* ---- what the walk meets ---- */

static void
see_word(struct walk *w, const struct word *word, struct where at)
{
	struct linter *l = w->context;
	const char *s = w->file->text + word->at.from;
	size_t len = word->at.to - word->at.from, skip = 0;
	struct expansion e;
	struct scan x;

	if (word->flags & WORD_ASSIGN)
		skip = assignment_length(s, len, false);
	add_names(l, s + skip, len - skip, false, at);
	if (at.routine)
		add_call(l, at.routine,
		    routine_get(l, plain_text(l->arena, w->file, word)));
	scan_word(&x, w->file, word);
	while (scan_next(&x, &e))
		add_expansion(l, w->file, &e, at);
}

static void
see_text(
    struct walk *w, struct range text, enum walk_text kind, struct where at)
{
	struct linter *l = w->context;
	struct expansion e;
	struct scan x;

	if (kind == TEXT_LITERAL)
		return;
	add_names(l, w->file->text + text.from, text.to - text.from,
	    kind == TEXT_ARITHMETIC, at);
	scan_text(&x, w->file, text);
	while (scan_next(&x, &e))
		add_expansion(l, w->file, &e, at);
}

/* set -e, set -o pipefail, shopt -so pipefail */
static void
see_options(struct linter *l, const struct syntax *s, const struct word *w)
{
	struct slice text;

	for (; w; w = w->next) {
		text = plain_text(l->arena, s, w);
		if (slice_is(text, "errexit") ||
		    (text.len > 1 && text.s[0] == '-' && text.s[1] != '-' &&
			memchr(text.s, 'e', text.len)))
			l->errexit = true;
		if (slice_is(text, "pipefail"))
			l->pipefail = true;
	}
}

static void
see_command(struct linter *l, const struct syntax *s, const struct call *c,
    struct where at)
{
	static const char *const assigning[] = {"declare", "export", "getopts",
	    "let", "local", "mapfile", "printf", "read", "readarray",
	    "readonly", "typeset", "wait"};
	static const char *const reading[] = {".", "eval", "source"};
	const struct word *w = c->name->next;
	struct routine *f = routine_get(l, c->text);

	if (c->nonfatal && f)
		f->nonfatal = true;
	if (AMONG(c->text, reading))
		l->sources = true;
	if (slice_is(c->text, "set") || slice_is(c->text, "shopt"))
		see_options(l, s, w);
	if (!AMONG(c->text, assigning))
		return;
	for (; w; w = w->next)
		add_assigned(l, s->text + w->at.from,
		    leading_name(s->text + w->at.from, w->at.to - w->at.from),
		    at);
}

static void
see_chain(struct walk *w, const struct command *c, struct where at)
{
	struct linter *l = w->context;
	const char *text = w->file->text;
	const struct word *a;
	struct call call;

	for (; c && at.routine; c = c->next) {
		for (a = c->words; a && (a->flags & WORD_ASSIGN); a = a->next)
			add_assigned(l, text + a->at.from,
			    leading_name(
				text + a->at.from, a->at.to - a->at.from),
			    at);
		if ((c->kind == COMMAND_FOR || c->kind == COMMAND_SELECT ||
			c->kind == COMMAND_COPROC) &&
		    a)
			add_assigned(
			    l, text + a->at.from, a->at.to - a->at.from, at);
		call = call_of(l->arena, w->file, c);
		if (call.name)
			see_command(l, w->file, &call, at);
	}
}

static struct routine *
see_function(struct walk *w, const struct word *name)
{
	struct linter *l = w->context;
	const char *s = w->file->text + name->at.from;
	size_t len = name->at.to - name->at.from;

	return routine_put(l, arena_strndup(l->arena, s, len));
}

/* Which functions can be come to from each phase. */
static void
survey_phases(struct linter *l)
{
	struct routine **stack, *f;
	size_t n, i, k;

	stack = arena_array(l->arena, l->routines.n + 1, struct routine *);
	for (i = 0; i < PHASES; i++) {
		f = map_gets(&l->routines, phase_names[i]);
		if (!f)
			continue;
		f->phases |= 1u << i;
		stack[0] = f;
		for (n = 1; n > 0;) {
			f = stack[--n];
			for (k = 0; k < f->ncalls; k++) {
				if (f->calls[k]->phases & 1u << i)
					continue;
				f->calls[k]->phases |= 1u << i;
				stack[n++] = f->calls[k];
			}
		}
	}
}

void
survey(struct linter *l)
{
	struct walk w = {.arena = l->arena,
	    .context = l,
	    .chain = see_chain,
	    .word = see_word,
	    .text = see_text,
	    .routine = see_function};
	size_t i;

	survey_names(l);
	for (i = 0; i < l->n; i++) {
		w.file = l->chain[i]->syntax;
		walk_chain(&w, w.file->chain, (struct where){0});
	}
	survey_phases(l);
}
