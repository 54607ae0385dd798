/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words as lint looks at them: their text, expansions, what they call. */
#include "recipe/linter.h"
#include "recipe/bytes.h"
#include "recipe/names.h"
#include "base/arena.h"

#include <string.h>

bool
slice_is(struct slice s, const char *text)
{
	return strncmp(text, s.s, s.len) == 0 && text[s.len] == '\0';
}

bool
slice_among(struct slice s, const char *const list[], size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (slice_is(s, list[i]))
			return true;
	return false;
}

bool
slice_starts(struct slice s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.len >= n && memcmp(s.s, prefix, n) == 0;
}

bool
one_slip(struct slice a, const char *b)
{
	size_t n = a.len, m = strlen(b), i = 0;

	/* "make" is not a slip of "emake", nor "error" of "eerror". */
	if (n < 3 || m < 3 || slice_is(a, b + 1))
		return false;
	while (i < n && i < m && a.s[i] == b[i])
		i++;
	while (n > i && m > i && a.s[n - 1] == b[m - 1]) {
		n--;
		m--;
	}
	n -= i;
	m -= i;
	if (n == 2 && m == 2)
		return a.s[i] == b[i + 1] && a.s[i + 1] == b[i];
	/* "cmake" is not one of "emake" either, nor "hash" of "has". */
	return n + m > 0 && n <= 1 && m <= 1 && i > 0 && strlen(b) > 4;
}

/* ---- text ---- */

struct slice
plain_text(struct arena *a, const struct syntax *s, const struct word *w)
{
	const char *p = s->text + w->at.from, *end = s->text + w->at.to;
	struct slice out = {p, (size_t)(end - p)};
	char *to, quote = 0;

	if (!(w->flags & (WORD_QUOTED | WORD_JOINED)))
		return out;
	to = arena_alloc(a, out.len + 1, 1);
	out = (struct slice){to, 0};
	for (; p < end; p++) {
		if (*p == '\\' && quote != '\'' && p + 1 < end) {
			p++;
			if (*p != '\n')
				to[out.len++] = *p;
		} else if (quote ? *p == quote : *p == '"' || *p == '\'') {
			quote = quote ? 0 : *p;
		} else {
			to[out.len++] = *p;
		}
	}
	return out;
}

bool
word_is(const struct syntax *s, const struct word *w, const char *text)
{
	size_t n = strlen(text);

	return w && w->at.to - w->at.from == n &&
	    memcmp(s->text + w->at.from, text, n) == 0;
}

bool
word_expands(const struct syntax *s, const struct word *w)
{
	struct expansion e;
	struct scan x;

	scan_word(&x, s, w);
	return scan_next(&x, &e);
}

/* ---- expansions ---- */

void
scan_word(struct scan *x, const struct syntax *s, const struct word *w)
{
	*x = (struct scan){.text = s->text,
	    .pos = w->at.from,
	    .to = w->at.to,
	    .parts = w->parts};
}

void
scan_text(struct scan *x, const struct syntax *s, struct range text)
{
	*x = (struct scan){.text = s->text,
	    .pos = text.from,
	    .to = text.to,
	    .quoted = true,
	    .document = true};
}

/* Past the bracket that closes the one in front of i. */
static uint32_t
closing(const struct scan *x, uint32_t i, char open)
{
	return (uint32_t)nested_end(x->text, x->to, i, open);
}

/* The part of the word that begins at i, or NULL. */
static const struct part *
part_at(struct scan *x, uint32_t i)
{
	while (x->parts && x->parts->at.to <= i)
		x->parts = x->parts->next;
	return x->parts && x->parts->at.from == i ? x->parts : NULL;
}

static void
found_brace(struct scan *x, uint32_t i, struct expansion *e)
{
	uint32_t n = i + 2, end = closing(x, i + 2, '{');
	const char *s = x->text;

	e->harmless = s[n] == '#' && n + 1 < end && s[n + 1] != '}';
	if (s[n] == '#' || s[n] == '!')
		n++;
	e->name.s = s + n;
	while (n < end && BYTE_IS(s[n], BYTE_NAME))
		n++;
	if (s + n == e->name.s && n < end && strchr("@*?-$", s[n]))
		n++;
	e->name.len = (size_t)(s + n - e->name.s);
	if (n < end && s[n] == ':' && n + 1 < end)
		n++;
	e->guarded = n < end && strchr("-+=?", s[n]) && s[n] != '\0';
	e->assigns = n < end && s[n] == '=';
	e->at.to = end;
	x->pos = n;
	if (e->quoted && end > x->until)
		x->until = end;
}

/* At a $: is it an expansion? pos moves past it, or into ${. */
static bool
found_dollar(struct scan *x, uint32_t i, struct expansion *e)
{
	const char *s = x->text;
	char c = i + 1 < x->to ? s[i + 1] : '\0';
	uint32_t n = i + 1;

	if (c == '{') {
		found_brace(x, i, e);
		return true;
	}
	if (c == '(' || c == '[') {
		/* arithmetic: a substitution would be a part of the word */
		e->harmless = c == '[' || (n + 1 < x->to && s[n + 1] == '(');
		x->pos = n + 1;
		e->at.to = c == '(' ? closing(x, n + 1, '(') : n + 1;
		if (e->at.to > x->until)
			x->until = e->at.to;
		return true;
	}
	if (c != '\0' && strchr("@*#?$!-0123456789", c))
		n++;
	else
		while (n < x->to && BYTE_IS(s[n], BYTE_NAME))
			n++;
	e->name = (struct slice){s + i + 1, n - i - 1};
	e->harmless = c != '\0' && strchr("#?$!-", c);
	e->at.to = x->pos = n;
	return n > i + 1;
}

/* Quotes and escapes at i; false: it is something else. */
static bool
skip_quoting(struct scan *x, uint32_t i)
{
	const char *s = x->text, *end;
	bool quoted = x->quoted || i < x->until;

	if (s[i] == '\\') {
		x->pos = i + 2;
		return true;
	}
	if (x->document)
		return false;
	if (s[i] == '"') {
		x->quoted ^= i >= x->until;
		return true;
	}
	if (s[i] != '\'' || quoted)
		return false;
	if (i > 0 && s[i - 1] == '$') {
		for (i++; i < x->to && s[i] != '\''; i++)
			i += s[i] == '\\';
		x->pos = i + 1;
		return true;
	}
	end = memchr(s + i + 1, '\'', x->to - i - 1);
	x->pos = end ? (uint32_t)(end - s) + 1 : x->to;
	return true;
}

bool
scan_next(struct scan *x, struct expansion *e)
{
	const struct part *part;
	uint32_t i;

	while (x->pos < x->to) {
		i = x->pos++;
		*e = (struct expansion){.at = {i, i},
		    .name = {x->text + i, 0},
		    .quoted = x->quoted || i < x->until};
		part = part_at(x, i);
		if (part) {
			x->pos = e->at.to = part->at.to;
			if (part->kind == PART_ARRAY)
				continue;
			e->quoted |= part->kind == PART_PROCESS;
			return true;
		}
		if (x->text[i] == '$') {
			if (found_dollar(x, i, e))
				return true;
		} else {
			skip_quoting(x, i);
		}
	}
	return false;
}

/* ---- commands ---- */

const struct word *
command_word(const struct command *c)
{
	const struct word *w;

	if (c->kind != COMMAND_SIMPLE)
		return NULL;
	for (w = c->words; w && (w->flags & WORD_ASSIGN);)
		w = w->next;
	return w;
}

/* Past options and assignments. */
static const struct word *
skip_options(const struct syntax *s, const struct word *w, bool assignments)
{
	const char *p;

	for (; w; w = w->next) {
		p = s->text + w->at.from;
		if (*p != '-' &&
		    !(assignments &&
			assignment_length(p, w->at.to - w->at.from, false) > 0))
			break;
	}
	return w;
}

/* retry N SECONDS COMMAND */
static const struct word *
skip_words(const struct word *w, int n)
{
	for (; w && n > 0; n--)
		w = w->next;
	return w;
}

struct call
call_of(struct arena *a, const struct syntax *s, const struct command *c)
{
	struct call call = {.name = command_word(c), .text = {"", 0}};
	const struct word *next;

	for (;;) {
		next = call.name ? call.name->next : NULL;
		if (!next)
			break;
		if (word_is(s, call.name, "edo")) {
			call.edo = true;
		} else if (word_is(s, call.name, "nonfatal")) {
			call.nonfatal = true;
		} else if (word_is(s, call.name, "retry")) {
			call.nonfatal = true;
			next = skip_words(next, 2);
		} else if (word_is(s, call.name, "env")) {
			next = skip_options(s, next, true);
		} else if (!word_is(s, call.name, "exec") &&
		    (!word_is(s, call.name, "command") ||
			s->text[next->at.from] == '-')) {
			break;
		}
		if (!next)
			break;
		call.name = next;
	}
	if (call.name)
		call.text = plain_text(a, s, call.name);
	return call;
}
