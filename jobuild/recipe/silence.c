/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Comments for lint. The parser drops comments, so they are looked for in the
 * text, where no word and no here-document covers it.
 */
#include "recipe/linter.h"
#include "base/arena.h"

#include <string.h>

/* A bit for each byte that belongs to a word. */
struct cover {
	uint8_t *bits;
};

static void
cover_range(struct cover *c, struct range at, bool on)
{
	uint32_t i;

	for (i = at.from; i < at.to; i++) {
		if (on)
			c->bits[i / 8] |= (uint8_t)(1u << i % 8);
		else
			c->bits[i / 8] &= (uint8_t) ~(1u << i % 8);
	}
}

static void
cover_word(struct walk *w, const struct word *word, struct where at)
{
	const struct part *p;

	(void)at;
	cover_range(w->context, word->at, true);
	for (p = word->parts; p; p = p->next)
		if (p->kind != PART_BACKQUOTE)
			cover_range(w->context, p->at, false);
}

static void
cover_text(
    struct walk *w, struct range text, enum walk_text kind, struct where at)
{
	(void)kind;
	(void)at;
	cover_range(w->context, text, true);
}

static struct routine *
no_routine(struct walk *w, const struct word *name)
{
	(void)w;
	(void)name;
	return NULL;
}

/* ---- reading ---- */

static bool
blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct slice
trim(const char *s, const char *end)
{
	while (s < end && blank(*s))
		s++;
	while (s < end && blank(end[-1]))
		end--;
	return (struct slice){s, (size_t)(end - s)};
}

/* "# lint: RULE: why" from a # to the line's end. */
static bool
read_comment(struct silencer *q, const char *s, const char *end)
{
	struct slice rest = trim(s + 1, end);
	const char *colon;

	if (!slice_starts(rest, "lint:"))
		return false;
	rest = trim(rest.s + 5, end);
	colon = memchr(rest.s, ':', rest.len);
	q->rule = trim(rest.s, colon ? colon : end);
	q->reason = colon ? trim(colon + 1, end) : (struct slice){end, 0};
	return true;
}

static void
add_comment(struct silence *q, struct silencer new)
{
	q->list = arena_grow(q->arena, q->list, q->n, sizeof(*q->list));
	q->list[q->n++] = new;
}

/* Where a comment begins in a line; its end if there is none. */
static const char *
find_comment(const struct silence *q, const struct cover *c, const char *s,
    const char *end)
{
	const char *from = s;
	uint32_t at;

	for (; (s = memchr(s, '#', (size_t)(end - s))); s++) {
		at = (uint32_t)(s - q->file->text);
		if (!(c->bits[at / 8] & 1u << at % 8) &&
		    (s == from || strchr(" \t;&|()<>", s[-1])))
			return s;
	}
	return end;
}

static void
read_lines(struct silence *q, const struct cover *c)
{
	const char *s = q->file->text, *last = s + q->file->len, *end, *hash;
	size_t waiting = 0; /* from here on: about the next line of code */
	struct silencer new;
	uint32_t line = 1;
	bool alone;

	for (; s < last; s = end + 1, line++) {
		end = memchr(s, '\n', (size_t)(last - s));
		if (!end)
			end = last;
		hash = find_comment(q, c, s, end);
		alone = hash < end && trim(s, hash).len == 0;
		new = (struct silencer){
		    .at = (uint32_t)(hash - q->file->text), .line = line};
		if (hash < end && read_comment(&new, hash, end))
			add_comment(q, new);
		for (; !alone && waiting < q->n; waiting++)
			q->list[waiting].line = line;
	}
}

void
silence_read(struct silence *q, struct arena *a, const struct syntax *s)
{
	struct cover c = {arena_alloc(a, s->len / 8 + 1, 1)};
	struct walk w = {.arena = a,
	    .file = s,
	    .context = &c,
	    .word = cover_word,
	    .text = cover_text,
	    .routine = no_routine};

	*q = (struct silence){.arena = a, .file = s};
	if (!strstr(s->text, "lint:"))
		return;
	walk_chain(&w, s->chain, (struct where){0});
	read_lines(q, &c);
}

bool
silenced(struct silence *q, const char *rule, uint32_t from, uint32_t to)
{
	bool found = false;
	size_t i;

	for (i = 0; i < q->n; i++) {
		if (q->list[i].line < from || q->list[i].line > to ||
		    !slice_is(q->list[i].rule, rule))
			continue;
		q->list[i].used = true;
		found = true;
	}
	return found;
}

void
silence_check(struct silence *q, struct linter *l)
{
	const char *name, *near, *names[RULES];
	const struct silencer *s;
	size_t i;

	for (i = 0; i < lint_rule_count; i++)
		names[i] = lint_rules[i].name;
	for (i = 0; i < q->n; i++) {
		s = &q->list[i];
		l->command = (struct range){s->at, s->at};
		name = show(l->arena, s->rule.s, s->rule.len);
		if (!lint_is_rule(name)) {
			near = nearest(name, names, lint_rule_count);
			find(l, RULE_LINT_COMMENT, s->at,
			    near ? arena_printf(l->arena, "is %s meant?", near)
				 : "\"jobuild lint --rules\" lists them; write "
				   "# lint: RULE: why",
			    "there is no rule \"%s\"", name);
		} else if (s->reason.len == 0) {
			find(l, RULE_LINT_COMMENT, s->at,
			    arena_printf(l->arena,
				"write # lint: %s: and then why", name),
			    "a rule is silenced without a reason");
		} else if (!s->used) {
			find(l, RULE_LINT_COMMENT, s->at, "take it out",
			    "this silences nothing: %s finds nothing here",
			    name);
		}
	}
}
