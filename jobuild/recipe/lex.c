/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes, matched pairs and here-documents: see lex.h. */
#include "recipe/lex.h"
#include "recipe/bytes.h"
#include "recipe/quote.h"
#include "base/arena.h"

#include <stdarg.h>
#include <string.h>

#define NODE_CHUNK 2048
#define MOVED_MAX  (8 * 1024 * 1024) /* bytes in bring_rest() */

void *
node_new(struct parser *p, size_t size)
{
	size_t chunk = NODE_CHUNK;
	char *node;

	size = (size + 7) & ~(size_t)7;
	if (size > (size_t)(p->free_end - p->free)) {
		if (p->len > 16 * NODE_CHUNK)
			chunk *= 16;
		p->free = arena_alloc(p->arena, 1, chunk);
		p->free_end = p->free + chunk;
	}
	node = p->free;
	p->free += size;
	return node;
}

int
syntax_fail(struct parser *p, uint32_t at, const char *rule, const char *hint,
    const char *fmt, ...)
{
	va_list ap;

	if (p->failed)
		return -1;
	p->failed = true;
	p->failed_at = at;
	p->rule = rule;
	p->hint = hint;
	va_start(ap, fmt);
	p->message = arena_vprintf(p->arena, fmt, ap);
	va_end(ap);
	return -1;
}

int
syntax_uncounted(struct parser *p)
{
	/* It ends bash when what is wrong is in a substitution. */
	p->uncounted = !p->c.substitution;
	p->c.current = TOKEN_ERROR;
	return -1;
}

int
depth_enter(struct parser *p)
{
	if (p->depth >= p->depth_max)
		return syntax_fail(p, p->pos, "too-deep",
		    "put a variable or a function between",
		    "nested more than %u levels deep", p->depth_max);
	p->depth++;
	return 0;
}

void
depth_leave(struct parser *p)
{
	p->depth--;
}

/* Having passed a newline: go over the here-documents that were read. */
static void
pass_gap(struct parser *p)
{
	if (p->pos == p->gap_at) {
		p->pos = p->gap_to;
		p->gap_at = 0;
	}
}

int
char_raw(struct parser *p)
{
	unsigned char c = (unsigned char)p->text[p->pos];

	if (p->pos >= p->len)
		return -1;
	p->pos++;
	if (c == '\n')
		pass_gap(p);
	return c;
}

static void
note_join(struct parser *p)
{
	p->joined = true;
	if (p->njoins > 0 && p->joins[p->njoins - 1] >= p->pos)
		return;
	p->joins = arena_grow(p->arena, p->joins, p->njoins, sizeof(*p->joins));
	p->joins[p->njoins++] = p->pos;
}

int
char_join(struct parser *p)
{
	while (p->text[p->pos] == '\\' && p->text[p->pos + 1] == '\n' &&
	    !subshell_known(p, p->pos)) {
		note_join(p);
		p->pos += 2;
		pass_gap(p);
	}
	if (p->pos >= p->len)
		return -1;
	return (unsigned char)p->text[p->pos];
}

int
char_after(const struct parser *p)
{
	uint32_t at = p->pos + 1;

	while (at < p->len && p->text[at] == '\\' && p->text[at + 1] == '\n') {
		at += 2;
		if (at == p->gap_at)
			at = p->gap_to;
	}
	return at < p->len ? (unsigned char)p->text[at] : -1;
}

int
char_next(struct parser *p)
{
	char_peek(p);
	return char_raw(p);
}

/* Hang what was read from the offset on the word that is being read. */
static struct part *
add_part(struct parser *p, uint32_t from, enum part_kind kind)
{
	struct part *part;

	if (!p->part)
		return NULL;
	part = node_new(p, sizeof(*part));
	part->kind = kind;
	part->at = (struct range){from, p->pos};
	*p->part = part;
	p->part = &part->next;
	return part;
}

int
substitution_read(struct parser *p, uint32_t from, enum part_kind kind)
{
	struct command *body;
	struct part **outer = p->part, *part;
	bool joined = p->joined;

	/* Two parentheses are arithmetic, whatever is in them. */
	if (char_peek(p) == '(')
		return pair_read(p, from, '(', ')', PAIR_ARITH);
	body = parse_substitution(p, from);
	if (p->failed)
		return -1;
	p->part = outer;
	p->joined |= joined;
	part = add_part(p, from, kind);
	if (part)
		part->u.body = body;
	return 0;
}

static int
unclosed(struct parser *p, uint32_t from, int open, int close)
{
	switch (open) {
	case '\'':
	case '"':
		return syntax_fail(p, from, "unclosed-quote",
		    "the quote that ends it is missing, or one too many stands "
		    "before it",
		    "the quote %c is not closed", open);
	case '`':
		return syntax_fail(p, from, "unclosed-quote", NULL,
		    "the backquote is not closed");
	default:
		return syntax_fail(p, from, "unclosed", NULL,
		    "no matching %c before the end of the file", close);
	}
}

/* An opening bracket after a dollar sign (or < and >) inside a pair. */
static int
nested_read(struct parser *p, uint32_t from, int c)
{
	unsigned char before = (unsigned char)p->text[from];

	switch (c) {
	case '(':
		return substitution_read(
		    p, from, before == '$' ? PART_COMMAND : PART_PROCESS);
	case '{':
		return pair_read(p, from, '{', '}', PAIR_FIRST | PAIR_BRACE);
	default:
		return pair_read(p, from, '[', ']', PAIR_ARITH);
	}
}

/* What opens something inside a pair of different signs, ( ) { } or [ ]. */
static bool
nests(int c, unsigned flags, bool dollar, bool angle)
{
	if (flags & (PAIR_SUBSCRIPT | PAIR_BRACE)) {
		if (dollar && (c == '(' || c == '{' || c == '['))
			return true;
		return angle && c == '(';
	}
	return (flags & PAIR_ARITH) && dollar && c == '(';
}

/* Read what begins with c at from inside a pair, if c begins something. */
static int
inner_read(struct parser *p, uint32_t from, int open, int close, int c,
    unsigned flags, bool dollar, bool angle, unsigned *count)
{
	bool nested;

	if (open != close && (c == '\'' || c == '"' || c == '`'))
		return pair_read(
		    p, from, c, c, dollar && c == '\'' ? PAIR_ESCAPE : 0);
	if (open == '"' && c == '`')
		return pair_read(p, from, '`', '`', 0);
	if (open != close)
		nested = nests(c, flags, dollar, angle);
	else
		nested =
		    open != '`' && dollar && (c == '(' || c == '{' || c == '[');
	if (!nested)
		return 0;
	if (c == open)
		--*count;
	return nested_read(p, from - 1, c);
}

bool
subshell_known(const struct parser *p, uint32_t at)
{
	return p->subshells && (p->subshells[at / 8] >> at % 8 & 1);
}

void
subshell_found(struct parser *p, uint32_t at)
{
	if (!p->subshells)
		p->subshells = arena_alloc(p->arena, p->len / 8 + 1, 1);
	p->subshells[at / 8] |= (uint8_t)(1 << at % 8);
}

/*
 * Keep where parentheses inside "((" begin, and note when one ends whether
 * two of them would end together: they are asked about if the outer ones are
 * subshells. By then the text has lost its line continuations.
 */
static void
note_paren(
    struct parser *p, uint32_t *opens, uint32_t at, int c, unsigned count)
{
	unsigned i = c == '(' ? count : count + 1;

	if (!opens || i - 2 >= PAIR_OPENS || i < 2)
		return;
	if (c == '(')
		opens[i - 2] = at;
	else if (char_peek(p) != ')')
		subshell_found(p, opens[i - 2]);
}

/* Go over bytes that mean nothing between quotes. */
static void
skip_quoted(struct parser *p, int quote)
{
	const char *s = p->text + p->pos;

	if (quote == '"')
		while (!BYTE_IS(*s, BYTE_DOUBLE) && *s && *s != '\n')
			s++;
	else
		while (*s != quote && *s != '\\' && *s && *s != '\n')
			s++;
	p->pos = (uint32_t)(s - p->text);
}

/* The loop of pair_read(), one level deeper. */
static int
pair_body(struct parser *p, uint32_t from, int open, int close, unsigned flags)
{
	bool escaped = false, dollar = false, angle = false;
	uint32_t at, *opens = p->opens;
	unsigned count = 1;
	int c;

	p->opens = NULL;
	for (;;) {
		if (open == close && !escaped && !dollar)
			skip_quoted(p, open);
		if (open != '\'' && !escaped)
			char_peek(p);
		at = p->pos;
		c = char_raw(p);
		if (c < 0)
			return unclosed(p, from, open, close);
		if (escaped) {
			escaped = false;
			continue;
		}
		if (c == '\001' || c == '\177')
			continue;
		if (c == close) {
			if (--count == 0)
				return 0;
			note_paren(p, opens, at, c, count);
		} else if (c == open && (!(flags & PAIR_FIRST) || dollar)) {
			count++;
			note_paren(p, dollar ? NULL : opens, at, c, count);
		}
		if (open == '\'') {
			escaped = (flags & PAIR_ESCAPE) && c == '\\';
			continue;
		}
		escaped = c == '\\';
		if (inner_read(p, at, open, close, c, flags, dollar, angle,
			&count) < 0)
			return -1;
		angle = (c == '<' || c == '>') && !angle;
		dollar = c == '$' && !dollar;
	}
}

int
pair_read(struct parser *p, uint32_t from, int open, int close, unsigned flags)
{
	bool bracket = open != close;
	int rc, outer = p->quote;

	/* A quote holds no quote but through a bracket: those are counted. */
	if (bracket && depth_enter(p) < 0)
		return -1;
	if (!bracket)
		p->quote = open;
	rc = pair_body(p, from, open, close, flags);
	p->quote = outer;
	if (bracket)
		depth_leave(p);
	if (rc == 0 && open == '`')
		add_part(p, from, PART_BACKQUOTE);
	return rc;
}

/* A line of a here-document, with its continuations if it has such. */
struct line {
	const char *text; /* without the newline */
	size_t len;
	uint32_t from, next;
	bool joined;
};

static bool
odd_backslashes(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && text[len - 1 - n] == '\\')
		n++;
	return n & 1;
}

/* Glue the lines that follow because of a backslash at the end. */
static void
join_lines(struct parser *p, struct line *l)
{
	const char *s = l->text, *nl = s + l->len, *end = p->text + p->len;
	char *text, *out;

	while (odd_backslashes(s, (size_t)(nl - s)) && nl + 1 < end) {
		s = nl + 1;
		nl = memchr(s, '\n', (size_t)(end - s));
	}
	l->next = (uint32_t)(nl - p->text) + 1;
	text = out = arena_alloc(p->arena, (size_t)(nl - l->text) + 1, 1);
	for (s = l->text; s < nl; s++) {
		if (*s == '\\' && s[1] == '\n') {
			s++;
		} else {
			if (*s == '\\' && s + 1 < nl)
				*out++ = *s++;
			*out++ = *s;
		}
	}
	l->text = text;
	l->len = (size_t)(out - text);
	l->joined = true;
}

static void
read_line(struct parser *p, uint32_t from, bool join, struct line *l)
{
	const char *nl = memchr(p->text + from, '\n', p->len - from);

	l->from = from;
	l->text = p->text + from;
	l->len = (size_t)(nl - l->text);
	l->next = from + (uint32_t)l->len + 1;
	l->joined = false;
	if (join && odd_backslashes(l->text, l->len))
		join_lines(p, l);
}

/* Where in the text the byte n of a line is. */
static uint32_t
line_offset(const struct parser *p, const struct line *l, size_t n)
{
	uint32_t at = l->from;

	if (!l->joined)
		return at + (uint32_t)n;
	for (;;) {
		while (p->text[at] == '\\' && p->text[at + 1] == '\n')
			at += 2;
		if (n-- == 0)
			return at;
		at++;
	}
}

/*
 * Does the line end the document? Inside $( ) a parenthesis may follow the
 * delimiter; *rest is then the offset after the delimiter.
 */
static bool
ends_here(const struct parser *p, const struct line *l, bool tabs,
    const char *delim, size_t n, uint32_t *rest)
{
	const char *s = l->text;
	size_t len = l->len;

	*rest = 0;
	if (len == n && memcmp(s, delim, n) == 0)
		return true;
	for (; tabs && len > 0 && *s == '\t'; s++)
		len--;
	if (len < n || memcmp(s, delim, n) != 0)
		return false;
	if (len == n)
		return true;
	if (!p->c.substitution || !memchr(s + n, ')', len - n))
		return false;
	*rest = line_offset(p, l, (size_t)(s + n - l->text));
	return true;
}

/* Read one document from the offset; where the next line after it is. */
static uint32_t
read_document(struct parser *p, struct redir *r, uint32_t from, uint32_t *rest)
{
	bool quoted = r->target->flags & WORD_QUOTED;
	struct line l = {.next = from};
	const char *delim;
	size_t n;

	delim = delimiter_text(p->arena, p->text, r->target, &n);
	r->body.from = from;
	r->body.to = p->len;
	while (l.next < p->len) {
		read_line(p, l.next, !quoted, &l);
		if (ends_here(p, &l, r->op == REDIR_HERE_TAB, delim, n, rest)) {
			r->body.to = l.from;
			break;
		}
	}
	return l.next;
}

/*
 * What follows a delimiter, [rest, to), is read before what is left of the
 * present line: it changes places with that and the documents, which end up
 * behind the gap. For an error the places in these few lines are not right.
 */
static int
bring_rest(struct parser *p, unsigned ndocuments, uint32_t *gap, uint32_t rest,
    uint32_t to)
{
	char *text = (char *)p->text; /* the parser's own copy */
	uint32_t n = to - rest;
	char *copy = arena_strndup(p->arena, p->text + rest, n);

	p->moved += to - p->pos;
	if (p->moved > MOVED_MAX)
		return syntax_fail(p, p->pos, "here-documents", NULL,
		    "too many here-documents that end where $( ) has ended");
	memmove(text + p->pos + n, text + p->pos, rest - p->pos);
	memcpy(text + p->pos, copy, n);
	while (ndocuments-- > 0) {
		p->c.here[ndocuments]->body.from += n;
		p->c.here[ndocuments]->body.to += n;
	}
	*gap = (*gap ? *gap : p->pos) + n;
	return 0;
}

void
here_read(struct parser *p)
{
	uint32_t base = p->ahead > p->pos ? p->ahead : p->pos;
	uint32_t from = base, to, rest = 0, gap = p->gap_at;
	unsigned i, n = p->c.nhere;
	const char *nl;

	if (gap) {
		from = p->gap_to;
	} else if (base != p->gap_to && base > 0 && p->text[base - 1] != '\n') {
		nl = memchr(p->text + base, '\n', p->len - base);
		from = nl ? (uint32_t)(nl - p->text) + 1 : p->len;
	}
	if (!gap && p->pos != from)
		gap = from;
	to = from;
	p->c.nhere = 0;
	for (i = 0; i < n; i++) {
		to = read_document(p, p->c.here[i], to, &rest);
		if (rest && !gap && i + 1 == n) {
			p->pos = rest;
			return;
		}
		if (rest && bring_rest(p, i + 1, &gap, rest, to) < 0)
			return;
	}
	if (gap) {
		p->gap_at = gap;
		p->gap_to = to;
	} else {
		p->pos = to;
	}
}
