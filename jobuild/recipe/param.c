/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ${...}: which form it is, and what it gives. */
#include "recipe/eval.h"
#include "recipe/bytes.h"
#include "recipe/names.h"
#include "recipe/pattern.h"
#include "base/arena.h"

#include <stdio.h>
#include <string.h>

/* One ${name op word} that is being expanded. */
struct param {
	size_t at; /* of the dollar sign */
	size_t name, name_len;
	size_t op;         /* offset after the name */
	size_t end;        /* of its } */
	struct around how; /* around the whole */
};

size_t
skip_brace(const char *s, size_t i, size_t to)
{
	unsigned depth = 0;

	while (i < to) {
		if (s[i] == '\\') {
			i += 2;
		} else if (s[i] == '\'' || s[i] == '"' || s[i] == '`') {
			i = skip_quotes(s, i, to);
		} else if (s[i] == '$' && i + 1 < to && s[i + 1] == '\'') {
			i = skip_quotes(s, i, to);
		} else if (s[i] == '$' && i + 1 < to && s[i + 1] == '{') {
			depth++;
			i += 2;
		} else if (s[i++] == '}' && --depth == 0) {
			return i;
		}
	}
	return to + 1;
}

/* How the words of this parameter are expanded. */
static struct around
word_around(const struct param *p, bool pattern_op)
{
	struct around how = p->how;

	how.quotes |= how.mode != MODE_PLAIN;
	how.quotes_last = pattern_op;
	how.replacement = false;
	if (pattern_op)
		how.mode = MODE_PLAIN;
	else if (how.mode != MODE_PLAIN)
		how.mode = MODE_WORD;
	return how;
}

static bool
quoted(const struct param *p)
{
	return p->how.mode != MODE_PLAIN;
}

/* Check a word that bash does not expand now. */
static int
check_word(struct eval *e, size_t from, size_t to, struct around how)
{
	int rc;

	e->skip++;
	rc = expand(e, from, to, how);
	e->skip--;
	return rc;
}

/* ${x-w} ${x:-w} ${x+w} ${x:+w} */
static int
alternative(struct eval *e, const struct param *p)
{
	const char *s = e->text;
	bool colon = s[p->op] == ':';
	size_t word = p->op + 1 + colon;
	bool plus = s[word - 1] == '+', set;
	struct around how = word_around(p, false);
	const struct scope_variable *v = NULL;

	if (!e->skip)
		v = scope_get(e->scope, s + p->name, p->name_len);
	if (v && v->failed)
		e->scope->unsure = true;
	if (!e->skip && !(v && v->value) &&
	    refuse_foreign(e, p->name, p->name_len) < 0)
		return -1;
	set = v && v->value && !(colon && v->len == 0);
	if (set == plus)
		return expand(e, word, p->end, how);
	if (check_word(e, word, p->end, how) < 0)
		return -1;
	if (plus || !set)
		return 0;
	return emit(e, p->at, v->value, v->len, quoted(p), p->how);
}

/* Expand [from, to) as a pattern and compile it. *source: where it lies. */
static int
pattern_of(struct eval *e, const struct param *p, size_t from, size_t to,
    size_t *source)
{
	struct around how = word_around(p, true);

	how.pattern = true;
	*source = e->scope->len;
	return expand(e, from, to, how);
}

static int
compile(struct eval *e, size_t at, size_t source, struct pattern *out)
{
	struct scope *s = e->scope;
	const char *why;

	if (work(e, at, s->len - source) < 0)
		return -1;
	why = pattern_compile(s->arena, s->buf + source, s->len - source, out);
	if (why)
		return refuse(e, at, "pattern",
		    "quote what is meant to stand for itself",
		    "%s in a pattern", why);
	return 0;
}

/* ${x#p} ${x##p} ${x%p} ${x%%p} */
static int
trim(struct eval *e, const struct param *p, const struct scope_variable *v)
{
	const char *s = e->text;
	bool longest = s[p->op + 1] == s[p->op] && p->op + 1 < p->end;
	enum pattern_end which = longest ? PATTERN_LONGEST : PATTERN_SHORTEST;
	size_t from = p->op + 1 + longest, source, n;
	struct scope *scope = e->scope;
	struct pattern pattern;

	if (pattern_of(e, p, from, p->end, &source) < 0)
		return -1;
	if (e->skip)
		return 0;
	n = scope->len - source;
	if (n > 0 && v->len > 0 && compile(e, from, source, &pattern) < 0)
		return -1;
	scope->len = source;
	if (n == 0 || v->len == 0)
		return emit(e, p->at, v->value, v->len, quoted(p), p->how);
	if (s[p->op] == '#') {
		n = pattern_prefix(
		    &pattern, v->value, v->len, which, &scope->work);
		if (n == SIZE_MAX)
			n = 0;
		if (work(e, p->at, 0) < 0)
			return -1;
		return emit(
		    e, p->at, v->value + n, v->len - n, quoted(p), p->how);
	}
	n = pattern_suffix(&pattern, v->value, v->len, which, &scope->work);
	if (n == SIZE_MAX)
		n = v->len;
	if (work(e, p->at, 0) < 0)
		return -1;
	return emit(e, p->at, v->value, n, quoted(p), p->how);
}

/* Where the pattern of ${x/p/r} ends: the first slash without quotes. */
static size_t
find_slash(const char *s, size_t i, size_t to)
{
	if (i < to && s[i] == '/')
		i++;
	while (i < to && s[i] != '/') {
		if (s[i] == '\\')
			i += 2;
		else if (s[i] == '\'' || s[i] == '"' || s[i] == '`')
			i = skip_quotes(s, i, to);
		else if (s[i] == '$' && i + 1 < to && s[i + 1] == '\'')
			i = skip_quotes(s, i, to);
		else if (s[i] == '$' && i + 1 < to && s[i + 1] == '{')
			i = skip_brace(s, i, to);
		else
			i++;
	}
	return i < to ? i : to;
}

/* A substitution that is being made. */
struct replacer {
	const struct pattern *pattern;
	enum { WHOLE_ANY, WHOLE_START, WHOLE_END } anchor;
	bool all;
	bool whole; /* see ends_in_quoted_star() */
	const char *with;
	size_t with_len;
};

/*
 * Before it searches, bash looks whether *pattern* matches at all, and leaves
 * the stars away where the pattern has some. It takes a quoted star at the
 * end for one: then nothing matches unless all that is left does.
 */
static bool
ends_in_quoted_star(const struct pattern *p)
{
	const struct pattern_item *last;

	if (p->n == 0 || p->items[0].kind != ITEM_STAR)
		return false;
	last = &p->items[p->n - 1];
	return last->kind == ITEM_BYTE && last->byte == '*';
}

/* The next match at or after i: its start and end; false: none. */
static bool
find_match(struct eval *e, const struct replacer *r, const char *s, size_t len,
    size_t i, size_t *from, size_t *to)
{
	size_t *left = &e->scope->work, n;

	if (r->whole &&
	    pattern_prefix(r->pattern, s + i, len - i, PATTERN_LONGEST, left) !=
		len - i)
		return false;
	if (r->anchor == WHOLE_END) {
		*from =
		    pattern_suffix(r->pattern, s, len, PATTERN_LONGEST, left);
		*to = len;
		return *from != SIZE_MAX;
	}
	for (; i <= len; i++) {
		if (i == len || pattern_may_start(r->pattern, s[i])) {
			n = pattern_prefix(
			    r->pattern, s + i, len - i, PATTERN_LONGEST, left);
			if (*left == 0)
				return false;
			if (n != SIZE_MAX) {
				*from = i;
				*to = i + n;
				return true;
			}
		}
		if (r->anchor == WHOLE_START)
			return false;
	}
	return false;
}

static int
replace(struct eval *e, const struct param *p, const struct replacer *r,
    const struct scope_variable *v)
{
	const char *s = v->value;
	size_t i = 0, from, to, done = 0;
	bool q = quoted(p);

	do {
		if (work(e, p->at, v->len - i) < 0)
			return -1;
		if (!find_match(e, r, s, v->len, i, &from, &to))
			break;
		if (emit(e, p->at, s + done, from - done, q, p->how) < 0 ||
		    emit(e, p->at, r->with, r->with_len, q, p->how) < 0)
			return -1;
		done = i = to;
	} while (r->all && i < v->len);
	if (work(e, p->at, 0) < 0)
		return -1;
	return emit(e, p->at, s + done, v->len - done, q, p->how);
}

/* The replacement [from, to), kept above the buffer's end. */
static int
replacement_of(struct eval *e, const struct param *p, size_t from, size_t to,
    struct replacer *r)
{
	struct around how = word_around(p, true);
	size_t start = e->scope->len;

	how.pattern = false;
	how.replacement = true;
	if (expand(e, from, to, how) < 0)
		return -1;
	r->with_len = e->scope->len - start;
	if (r->with_len > 0)
		r->with = arena_strndup(
		    e->scope->arena, e->scope->buf + start, r->with_len);
	e->scope->len = start;
	return 0;
}

/* ${x/p/r} ${x//p/r} ${x/#p/r} ${x/%p/r} */
static int
substitute(
    struct eval *e, const struct param *p, const struct scope_variable *v)
{
	struct scope *scope = e->scope;
	struct replacer r = {.with = ""};
	struct pattern pattern = {0};
	size_t from = p->op + 1, slash, source, n;

	if (from < p->end && e->text[from] == '/') {
		r.all = true;
		from++;
	}
	slash = find_slash(e->text, from, p->end);
	source = scope->len;
	if (slash < p->end && replacement_of(e, p, slash + 1, p->end, &r) < 0)
		return -1;
	if (pattern_of(e, p, from, slash, &source) < 0)
		return -1;
	if (e->skip)
		return 0;
	n = scope->len - source;
	if (n > 0 && !r.all && scope->buf[source] == '#')
		r.anchor = WHOLE_START;
	else if (n > 0 && !r.all && scope->buf[source] == '%')
		r.anchor = WHOLE_END;
	if (n > 0 &&
	    compile(e, from, source + (r.anchor != WHOLE_ANY), &pattern) < 0)
		return -1;
	scope->len = source;
	r.pattern = &pattern;
	r.whole = ends_in_quoted_star(&pattern);
	if (pattern.n == 0 && r.anchor == WHOLE_ANY)
		return emit(e, p->at, v->value, v->len, quoted(p), p->how);
	return replace(e, p, &r, v);
}

/* A whole number with blanks, one sign and parentheses around it. */
static bool
parse_integer(const char *s, size_t len, long *out)
{
	bool negative = false;
	size_t n, open = 0, signs = 0;

	while (len > 0 && strchr(" \t\n+-(", *s)) {
		negative = negative || *s == '-';
		signs += *s == '-' || *s == '+';
		open += *s == '(';
		s++;
		len--;
	}
	while (len > 0 && strchr(" \t\n)", s[len - 1])) {
		if (s[len - 1] == ')' && open-- == 0)
			return false;
		len--;
	}
	if (len == 0 || len > 9 || open > 0 || signs > 1 ||
	    (*s == '0' && len > 1))
		return false;
	*out = 0;
	for (n = 0; n < len; n++) {
		if (s[n] < '0' || s[n] > '9')
			return false;
		*out = *out * 10 + (s[n] - '0');
	}
	if (negative)
		*out = -*out;
	return true;
}

/* The number in [from, to); nothing but blanks is 0. */
static int
integer_of(
    struct eval *e, const struct param *p, size_t from, size_t to, long *out)
{
	struct around how = word_around(p, false);
	struct scope *scope = e->scope;
	size_t start = scope->len, i, n;
	const char *s;

	for (i = from; i < to; i++)
		if (strchr("'\"\\`?[<>", e->text[i]))
			return refuse(e, i, "substring-number",
			    "write a plain number",
			    "%c in the numbers of a substring", e->text[i]);
	how.mode = MODE_DOUBLE;
	how.pattern = false;
	*out = 0;
	if (expand(e, from, to, how) < 0)
		return -1;
	if (e->skip)
		return 0;
	s = scope->buf + start;
	n = scope->len - start;
	scope->len = start;
	for (i = 0; i < n && strchr(" \t\n", s[i]); i++)
		;
	if (i == n || parse_integer(s, n, out))
		return 0;
	return refuse(e, from, "substring-number",
	    "write a plain decimal number, such as ${x:0:3} or ${x: -2}",
	    "an arithmetic expression in a substring");
}

/* The colon between the numbers of ${x:o:l}, or to. */
static size_t
find_colon(const char *s, size_t i, size_t to)
{
	while (i < to && s[i] != ':') {
		if (s[i] == '$' && i + 1 < to && s[i + 1] == '{')
			i = skip_brace(s, i, to);
		else
			i++;
	}
	return i < to ? i : to;
}

/* ${x:o} ${x:o:l} */
static int
substring(struct eval *e, const struct param *p, const struct scope_variable *v)
{
	size_t from = p->op + 1, colon = find_colon(e->text, from, p->end);
	long offset, length = 0, end, len = (long)v->len;
	bool limited = colon < p->end;

	if (integer_of(e, p, from, colon, &offset) < 0 ||
	    (limited && integer_of(e, p, colon + 1, p->end, &length) < 0))
		return -1;
	if (e->skip)
		return 0;
	if (offset < 0)
		offset += len;
	if (offset < 0 || offset > len)
		return 0;
	end = len;
	if (limited)
		end = length < 0 ? len + length : offset + length;
	if (end > len)
		end = len;
	if (end < offset)
		return refuse(e, colon + 1, "substring-number", NULL,
		    "the substring ends before it begins");
	return emit(e, p->at, v->value + offset, (size_t)(end - offset),
	    quoted(p), p->how);
}

/* ${x^} ${x^^} ${x,} ${x,,} */
static int
change_case(
    struct eval *e, const struct param *p, const struct scope_variable *v)
{
	bool all = p->op + 1 < p->end && e->text[p->op + 1] == e->text[p->op];
	bool upper = e->text[p->op] == '^';
	char low = upper ? 'a' : 'A', high = upper ? 'z' : 'Z', c;
	size_t i;

	if (p->op + 1 + all < p->end)
		return refuse(e, p->op + 1 + all, "case-pattern",
		    "write it without the pattern", "a pattern after ${%.*s%c",
		    (int)p->name_len, e->text + p->name, e->text[p->op]);
	for (i = 0; i < v->len; i++) {
		c = v->value[i];
		if (c >= low && c <= high && (all || i == 0))
			c ^= 0x20;
		if (emit(e, p->at, &c, 1, quoted(p), p->how) < 0)
			return -1;
	}
	return 0;
}

/* ${#x} */
static int
length_of(struct eval *e, const struct param *p)
{
	const struct scope_variable *v = lookup(e, p->name, p->name_len);
	char digits[24];

	if (!v)
		return -1;
	snprintf(digits, sizeof(digits), "%zu", v->len);
	return emit(e, p->at, digits, strlen(digits), quoted(p), p->how);
}

/* What is not evaluated, by the byte after the name. */
static int
refuse_form(struct eval *e, const struct param *p)
{
	static const char dash[] = "write ${NAME:-word}";
	size_t n = p->name_len;
	const char *name = e->text + p->name;
	char c = e->text[p->op], next = e->text[p->op + 1];

	if (n == 0 && c == '!')
		return refuse(e, p->at, "indirection", NULL,
		    "indirect expansion ${!...}");
	if (n == 0)
		return refuse(e, p->at, "special-parameter",
		    "only names can be expanded: ${NAME}",
		    "${%.*s is no expansion of a name",
		    (int)(p->end - p->op > 16 ? 16 : p->end - p->op + 1),
		    e->text + p->op);
	if (c == '[')
		return refuse(e, p->at, "array", NULL,
		    "an array's element ${%.*s[...]}", (int)n, name);
	if (c == '@')
		return refuse(e, p->at, "transformation", NULL,
		    "a transformation ${%.*s@...}", (int)n, name);
	if (c == '=' || (c == ':' && next == '='))
		return refuse(e, p->at, "assigning-expansion", dash,
		    "an expansion that assigns, ${%.*s=...}", (int)n, name);
	if (c == '?' || (c == ':' && next == '?'))
		return refuse(e, p->at, "failing-expansion", dash,
		    "an expansion that fails, ${%.*s?...}", (int)n, name);
	return refuse(e, p->at, "bad-substitution", NULL,
	    "${%.*s%c...} is no expansion that bash has", (int)n, name, c);
}

static int
param_form(struct eval *e, const struct param *p)
{
	char c = e->text[p->op], next = e->text[p->op + 1];
	const struct scope_variable *v;

	if (c == '-' || c == '+' || (c == ':' && (next == '-' || next == '+')))
		return alternative(e, p);
	if (!strchr("}#%/:^,", c) ||
	    (c == ':' && (next == '=' || next == '?' || next == '}')))
		return refuse_form(e, p);
	v = lookup(e, p->name, p->name_len);
	if (!v)
		return -1;
	switch (c) {
	case '}':
		return emit(e, p->at, v->value, v->len, quoted(p), p->how);
	case '#':
	case '%':
		return trim(e, p, v);
	case '/':
		return substitute(e, p, v);
	case ':':
		return substring(e, p, v);
	default:
		return change_case(e, p, v);
	}
}

int
param_expand(
    struct eval *e, size_t from, size_t to, struct around how, size_t *next)
{
	struct param p = {.at = from, .name = from + 2, .how = how};
	bool length = from + 3 < to && e->text[from + 2] == '#' &&
	    is_name(e->text + from + 3, 1);
	int rc;

	*next = skip_brace(e->text, from, to);
	if (*next > to)
		return refuse(e, from, "bad-substitution", NULL,
		    "${ is not closed where bash looks for its }");
	p.end = *next - 1;
	p.name += length;
	p.name_len = name_length(e->text + p.name, p.end - p.name);
	p.op = p.name + p.name_len;
	if (p.name_len == 0)
		return refuse_form(e, &p);
	if (length && p.op != p.end)
		return refuse(e, from, "bad-substitution", NULL,
		    "${#NAME} takes nothing after the name");
	if (e->depth >= VALUE_DEPTH_MAX)
		return refuse(e, from, "too-deep", "use a variable between",
		    "expansions are nested more than %d deep", VALUE_DEPTH_MAX);
	if (work(e, from, p.end - from) < 0)
		return -1;
	e->depth++;
	rc = length ? length_of(e, &p) : param_form(e, &p);
	e->depth--;
	return rc;
}
