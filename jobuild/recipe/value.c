/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words: quotes, escapes and $name; see param.c for ${...}. */
#include "recipe/eval.h"
#include "recipe/bytes.h"
#include "recipe/names.h"
#include "recipe/quote.h"
#include "recipe/recipe.h"
#include "base/arena.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <string.h>

int
refuse(struct eval *e, size_t at, const char *rule, const char *hint,
    const char *fmt, ...)
{
	struct scope *s = e->scope;
	uint32_t offset;
	struct diag *g;
	const char *text;
	va_list ap;

	if (e->failed)
		return -1;
	e->failed = true;
	if (diags_full(s->diags))
		return -1;
	offset = e->map ? e->map[at] : e->base + (uint32_t)at;
	va_start(ap, fmt);
	text = arena_vprintf(s->arena, fmt, ap);
	va_end(ap);
	g = diag_error(
	    s->diags, syntax_place(e->file, offset), rule, "%s", text);
	syntax_source(e->file, s->diags, g);
	if (hint)
		diag_hint(s->diags, g, "%s", hint);
	return -1;
}

int
work(struct eval *e, size_t at, size_t n)
{
	struct scope *s = e->scope;

	if (n < s->work) {
		s->work -= n;
		return 0;
	}
	s->work = 0;
	if (s->exhausted) {
		e->failed = true;
		return -1;
	}
	s->exhausted = true;
	return refuse(e, at, "work-limit",
	    "make the values shorter or the patterns simpler",
	    "the values of this file take more than %d bytes of work",
	    WORK_MAX);
}

/* Room for n more bytes in the buffer. */
static void
reserve(struct scope *s, size_t n)
{
	size_t cap = s->cap;
	char *buf;

	if (s->len + n <= s->cap)
		return;
	while (cap < s->len + n)
		cap *= 2;
	buf = arena_alloc(s->arena, cap, 1);
	memcpy(buf, s->buf, s->len);
	s->buf = buf;
	s->cap = cap;
}

/* Would the last byte quote what comes after it in a pattern? */
static bool
ends_escaping(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && s[len - 1 - n] == '\\')
		n++;
	return n & 1;
}

int
emit(struct eval *e, size_t at, const char *s, size_t n, bool quoted,
    struct around how)
{
	struct scope *scope = e->scope;
	size_t i;

	if (e->skip)
		return 0;
	if (work(e, at, n) < 0)
		return -1;
	reserve(scope, how.pattern ? n * 2 : n);
	if (how.pattern && !quoted && ends_escaping(s, n))
		return refuse(e, at, "pattern",
		    "write \"$name\" to take it as it is",
		    "a value that ends with a backslash in a pattern");
	if (!how.pattern || !quoted) {
		memcpy(scope->buf + scope->len, s, n);
		scope->len += n;
		return 0;
	}
	for (i = 0; i < n; i++) {
		scope->buf[scope->len++] = '\\';
		scope->buf[scope->len++] = s[i];
	}
	return 0;
}

int
refuse_foreign(struct eval *e, size_t at, size_t len)
{
	const char *name = e->text + at;

	if (is_set_in_phases(name, len))
		return refuse(e, at, "phase-variable",
		    "use it in a phase, or quote the $ if it is meant to be "
		    "expanded there",
		    "%.*s has a value only in phases", (int)len, name);
	if (is_special(name, len))
		return refuse(e, at, "special-variable",
		    "a recipe's values don't depend on where it is read",
		    "%.*s belongs to bash and has no fixed value", (int)len,
		    name);
	return 0;
}

const struct scope_variable *
lookup(struct eval *e, size_t at, size_t len)
{
	static const struct scope_variable none = {.value = ""};
	const char *name = e->text + at;
	struct scope_variable *v;

	if (e->skip)
		return &none;
	v = scope_get(e->scope, name, len);
	if (v && v->value) {
		e->scope->unsure |= v->failed;
		return v;
	}
	if (refuse_foreign(e, at, len) == 0)
		refuse(e, at, "unset-variable",
		    "assign it above, or write ${NAME:-} to allow that it is "
		    "not set",
		    "%.*s is not assigned before this place", (int)len, name);
	return NULL;
}

size_t
skip_quotes(const char *s, size_t i, size_t to)
{
	bool ansi = s[i] == '$';
	char quote;

	i += ansi;
	quote = s[i++];
	while (i < to && s[i] != quote) {
		if (s[i] == '\\' && (quote != '\'' || ansi))
			i++;
		else if (quote == '"' && s[i] == '$' && i + 1 < to &&
		    s[i + 1] == '{')
			i = skip_brace(s, i, to) - 1;
		i++;
	}
	return i < to ? i + 1 : to;
}

/* $'...' at i: its bytes, decoded. */
static int
expand_ansi(struct eval *e, size_t i, size_t *next, struct around how)
{
	size_t used, end = *next - 1, start = i;
	char bytes[4];
	int n;

	for (i += 2; i < end;) {
		if (e->text[i] != '\\') {
			if (emit(e, i, e->text + i, 1, true, how) < 0)
				return -1;
			i++;
			continue;
		}
		n = ansi_escape(e->text + i + 1, e->text + end, bytes, &used);
		if (n == -1)
			return refuse(e, i, "locale-escape",
			    "write the character itself",
			    "\\u above U+007F means different bytes in "
			    "different locales");
		if (n == -2)
			return refuse(e, i, "nul-byte", NULL,
			    "a value can't have a NUL byte");
		if (bytes[0] == '\001' || bytes[0] == '\177')
			return refuse(e, i, "control-byte", NULL,
			    "bash uses the bytes \\001 and \\177 itself");
		if (emit(e, start, bytes, (size_t)n, true, how) < 0)
			return -1;
		i += 1 + used;
	}
	return 0;
}

static bool
name_start(char c)
{
	return BYTE_IS(c, BYTE_NAME) && !BYTE_IS(c, BYTE_DIGIT);
}

/* $ followed by what is not evaluated. */
static int
refuse_dollar(struct eval *e, size_t i, char c, bool arith)
{
	static const char write_out[] =
	    "write the value out, or compute it in a phase";

	switch (c) {
	case '(':
		if (arith)
			return refuse(e, i, "arithmetic", write_out,
			    "arithmetic $((...)) in a value");
		return refuse(e, i, "command-substitution", write_out,
		    "command substitution $(...) in a value");
	case '[':
		return refuse(e, i, "arithmetic", write_out,
		    "arithmetic $[...] in a value");
	case '"':
		return refuse(e, i, "translated-string",
		    "leave the $ out, or write \\$ before the quote",
		    "a translated string $\"...\" depends on the locale");
	case '\'':
		return refuse(e, i, "ansi-string",
		    "assign it to a variable of its own first",
		    "$'...' in a word between double quotes");
	default:
		return refuse(e, i, "special-parameter",
		    "quote the $ if it is meant to stand for itself",
		    "$%c has no fixed value when a recipe is read", c);
	}
}

/*
 * In "${x:-word}" bash drops the quotes of the word before it looks for
 * names: would $name become longer by what follows at i?
 */
static bool
joins_name(const char *s, size_t i, size_t to)
{
	size_t start = i;
	char c;

	while (i < to && (s[i] == '"' || s[i] == '\\'))
		i++;
	c = i < to ? s[i] : '\0';
	return i > start && BYTE_IS(c, BYTE_NAME);
}

/* A dollar sign at *i; *i moves past what it begins. */
static int
expand_dollar(struct eval *e, size_t *i, size_t to, struct around how)
{
	const struct scope_variable *v;
	size_t at = *i, end = at + 1;
	char c = end < to ? e->text[end] : '\0';
	bool plain = how.mode == MODE_PLAIN;

	if (c == '{')
		return param_expand(e, at, to, how, i);
	if (name_start(c)) {
		while (end < to && BYTE_IS(e->text[end], BYTE_NAME))
			end++;
		*i = end;
		if (how.mode == MODE_WORD && joins_name(e->text, end, to))
			return refuse(e, at, "joined-name", "write ${NAME}",
			    "a name without braces before a quote that bash "
			    "drops");
		v = lookup(e, at + 1, end - at - 1);
		return v ? emit(e, at, v->value, v->len, !plain, how) : -1;
	}
	if (c == '\'' && plain && !(how.quotes && !how.quotes_last)) {
		*i = skip_quotes(e->text, at, to);
		return expand_ansi(e, at, i, how);
	}
	if (c &&
	    (strchr("([@*#?-!$0123456789", c) ||
		(c == '"' && how.mode != MODE_DOUBLE) ||
		(c == '\'' && how.mode != MODE_DOUBLE)))
		return refuse_dollar(
		    e, at, c, at + 2 < to && e->text[at + 2] == '(');
	if (c == '\\' && how.mode == MODE_WORD)
		return refuse(e, at, "lone-dollar", "write \\$",
		    "a $ that begins nothing before a backslash");
	*i = end;
	return emit(e, at, "$", 1, !plain, how);
}

/* A backslash at *i, by the rules of the mode. inner: see MODE_WORD. */
static int
expand_backslash(
    struct eval *e, size_t *i, size_t to, struct around how, bool inner)
{
	const char *s = e->text + *i;
	bool special;

	if (*i + 1 >= to)
		return refuse(
		    e, *i, "backslash", "write \\\\", "a backslash at the end");
	*i += 2;
	if (s[1] == '\n' && how.mode != MODE_PLAIN)
		return 0;
	special = how.mode == MODE_PLAIN || strchr("$`\"\\", s[1]) ||
	    (how.mode == MODE_WORD && (inner || s[1] == '}'));
	if (special)
		return emit(e, *i - 1, s + 1, 1, true, how);
	return emit(e, *i - 2, s, 2, true, how);
}

static int
refuse_process(struct eval *e, size_t i)
{
	return refuse(e, i, "process-substitution", "quote it",
	    "process substitution %c(...) in a value", e->text[i]);
}

/* Bytes between quotes: "..." and the word of "${x:-word}". */
static int
expand_double(struct eval *e, size_t from, size_t to, struct around how)
{
	bool inner = false;
	size_t i = from, run;

	while (i < to) {
		for (run = i; i < to && !BYTE_IS(e->text[i], BYTE_DOUBLE); i++)
			if (how.mode == MODE_WORD && i + 1 < to &&
			    e->text[i + 1] == '(' &&
			    (e->text[i] == '<' || e->text[i] == '>'))
				return refuse_process(e, i);
		if (i > run &&
		    emit(e, run, e->text + run, i - run, true, how) < 0)
			return -1;
		if (i == to)
			break;
		switch (e->text[i]) {
		case '\\':
			if (expand_backslash(e, &i, to, how, inner) < 0)
				return -1;
			break;
		case '$':
			if (expand_dollar(e, &i, to, how) < 0)
				return -1;
			break;
		case '`':
			return refuse(e, i, "command-substitution",
			    "write the value out, or compute it in a phase",
			    "command substitution `...` in a value");
		default:
			/* Quotes inside ${x:-word} are dropped. */
			inner = !inner;
			i++;
		}
	}
	return 0;
}

/* A quote at *i, outside of all others. */
static int
expand_quote(struct eval *e, size_t *i, size_t to, struct around how)
{
	size_t at = *i, end = skip_quotes(e->text, at, to);

	*i = end;
	if (e->text[at] == '\'')
		return emit(e, at, e->text + at + 1, end - at - 2, true, how);
	how.mode = MODE_DOUBLE;
	return expand_double(e, at + 1, end - 1, how);
}

/* One byte without quotes that might be special. */
static int
expand_plain(struct eval *e, size_t i, size_t to, struct around how)
{
	char c = e->text[i], next = i + 1 < to ? e->text[i + 1] : '\0';

	if (c == '`')
		return refuse(e, i, "command-substitution",
		    "write the value out, or compute it in a phase",
		    "command substitution `...` in a value");
	if (c == '~')
		return refuse(e, i, "tilde", "quote it, or write \\~",
		    "a ~ without quotes may be expanded");
	if ((c == '<' || c == '>') && next == '(')
		return refuse_process(e, i);
	if (c == '(' && e->depth == 0)
		return refuse(e, i, "extended-pattern", "quote the parentheses",
		    "an extended pattern in a value");
	if (c == '&' && how.replacement)
		return refuse(e, i, "ampersand", "write \\&",
		    "a & without quotes in a replacement means different "
		    "things in different versions of bash");
	return emit(e, i, &c, 1, false, how);
}

int
expand(struct eval *e, size_t from, size_t to, struct around how)
{
	size_t i = from, run;
	int rc = 0;

	if (how.mode != MODE_PLAIN)
		return expand_double(e, from, to, how);
	while (i < to && rc == 0) {
		for (run = i; i < to && !BYTE_IS(e->text[i], BYTE_PLAIN); i++)
			;
		if (i > run &&
		    emit(e, run, e->text + run, i - run, false, how) < 0)
			return -1;
		if (i == to)
			break;
		switch (e->text[i]) {
		case '\\':
			rc = expand_backslash(e, &i, to, how, false);
			break;
		case '$':
			rc = expand_dollar(e, &i, to, how);
			break;
		case '\'':
		case '"':
			rc = expand_quote(e, &i, to, how);
			break;
		default:
			rc = expand_plain(e, i++, to, how);
		}
	}
	return rc;
}

/* The first line continuation at or after the offset. */
static size_t
first_join(const struct syntax *f, uint32_t at)
{
	size_t low = 0, high = f->njoins, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (f->joins[mid] < at)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Take the line continuations that the lexer has seen out of the text. */
static void
join_text(struct eval *e, struct range word, size_t *len)
{
	const struct syntax *f = e->file;
	uint32_t *map, at = word.from;
	size_t i = first_join(f, word.from), n = 0;
	char *text;

	if (i == f->njoins || f->joins[i] >= word.to)
		return;
	text = arena_alloc(e->scope->arena, *len + 1, 1);
	map = arena_array(e->scope->arena, *len + 1, uint32_t);
	for (; at < word.to; at++) {
		if (i < f->njoins && f->joins[i] == at) {
			at++;
			i++;
			continue;
		}
		map[n] = at;
		text[n++] = f->text[at];
	}
	map[n] = at;
	e->text = text;
	e->map = map;
	*len = n;
}

static const char *
finish(struct eval *e, size_t *len)
{
	struct scope *s = e->scope;
	size_t bad;

	*len = s->len;
	if (e->skip)
		return "";
	if (s->len > RECIPE_VALUE_MAX) {
		refuse(e, 0, "value-size", "split it",
		    "the value has %zu bytes, more than %d", s->len,
		    RECIPE_VALUE_MAX);
		return NULL;
	}
	bad = utf8_valid(s->buf, s->len);
	if (bad < s->len) {
		refuse(e, 0, "not-utf8",
		    "values are cut by bytes: cut it elsewhere",
		    "the value is not UTF-8 (byte %zu)", bad + 1);
		return NULL;
	}
	return arena_strndup(s->arena, s->buf, s->len);
}

const char *
value_eval(struct scope *s, const struct syntax *file, struct range word,
    bool only_check, size_t *len)
{
	struct around how = {.mode = MODE_PLAIN};
	struct eval e = {.scope = s,
	    .file = file,
	    .text = file->text + word.from,
	    .base = word.from,
	    .skip = only_check};
	size_t n = word.to - word.from, i;

	s->len = 0;
	*len = 0;
	if (file->njoins > 0)
		join_text(&e, word, &n);
	for (i = 0; file->controls && i < n; i++) {
		if (e.text[i] == '\001' || e.text[i] == '\177') {
			refuse(&e, i, "control-byte", NULL,
			    "bash uses the bytes \\001 and \\177 itself");
			return NULL;
		}
	}
	if (expand(&e, 0, n, how) < 0)
		return NULL;
	return finish(&e, len);
}
