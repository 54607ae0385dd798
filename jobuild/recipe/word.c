/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a word ends, and what kind of word it is. */
#include "recipe/lex.h"
#include "recipe/bytes.h"
#include "recipe/quote.h"
#include "recipe/names.h"

#include <string.h>

/* A word that is being read. */
struct reader {
	uint32_t from;
	unsigned flags; /* of enum word_flag */
	bool digits;    /* only those so far */
	bool sign;      /* there is a = */
	bool nameless;  /* is neither a name nor a reserved word */
};

static bool
redirects(int token)
{
	switch (token) {
	case '<':
	case '>':
	case TOKEN_APPEND:
	case TOKEN_CLOBBER:
	case TOKEN_IN_OUT:
	case TOKEN_HERE:
	case TOKEN_HERE_TAB:
	case TOKEN_HERE_STRING:
	case TOKEN_DUP_IN:
	case TOKEN_DUP_OUT:
	case TOKEN_ALL:
		return true;
	default:
		return false;
	}
}

/* Is the word that comes after the last token a command's name? */
static bool
command_place(const struct parser *p)
{
	int last = p->c.last;

	if (last == TOKEN_ASSIGN)
		return true;
	if ((p->c.state & LEX_REDIRS) && !redirects(last))
		return true;
	return last != TOKEN_SEMI_SEMI && last != TOKEN_SEMI_AND &&
	    last != TOKEN_SEMI_SEMI_AND && reserved_follows(p, last);
}

static bool
assignment_place(const struct parser *p)
{
	return command_place(p) && !(p->c.state & LEX_CASE_PATTERN);
}

static const char *
text_so_far(struct parser *p, const struct reader *r, size_t *len)
{
	struct word w = {.at = {r->from, p->pos}};

	if (p->joined)
		w.flags = WORD_JOINED;
	return word_text(p->arena, p->text, &w, len);
}

/* Is the text up to here a name, with "+" or a subscript if allowed? */
static bool
names_so_far(struct parser *p, const struct reader *r, bool target)
{
	size_t len, n;
	const char *s = text_so_far(p, r, &len);

	if (r->nameless)
		return false;
	if (!target)
		return is_name(s, len);
	if (len > 1 && s[len - 1] == '+')
		len--;
	n = assignment_target(s, len, p->c.state & LEX_ARRAY);
	return n > 0 && n == len;
}

/* The elements of name=( ... ) after the parenthesis. */
static int
elements_read(struct parser *p, uint32_t from, struct word **list)
{
	struct lex_context outer = p->c;
	int token = TOKEN_ERROR;

	p->c.last = TOKEN_WORD;
	p->c.state &= ~(unsigned)(LEX_COND | LEX_REGEX);
	p->c.state |= LEX_ARRAY;
	p->c.esacs = p->c.expecting_in = 0;
	while ((token = token_read(p)) != ')') {
		if (token == '\n')
			continue;
		if (token == TOKEN_EOF)
			syntax_fail(p, from, "unclosed", NULL,
			    "no matching ) before the end of the file");
		else if (token != TOKEN_WORD && token != TOKEN_ASSIGN)
			syntax_fail(p, p->at.from, "syntax",
			    "quote it if it is meant to be an element",
			    "unexpected %s in an array", token_name(p, token));
		if (p->failed)
			return -1;
		*list = p->word;
		list = &p->word->next;
	}
	outer.state |= outer.state & LEX_ASSIGN_OK;
	p->c = outer;
	return 0;
}

/* At the = of name=( ... ). */
static int
array_read(struct parser *p, struct reader *r)
{
	struct part *part = node_new(p, sizeof(*part)), **outer = p->part;
	bool joined = p->joined;
	int rc;

	char_raw(p);
	part->kind = PART_ARRAY;
	char_next(p);
	part->at.from = p->pos - 1;
	if (depth_enter(p) < 0)
		return -1;
	rc = elements_read(p, part->at.from, &part->u.words);
	depth_leave(p);
	part->at.to = p->pos;
	*outer = part;
	p->part = &part->next;
	p->joined = joined;
	r->digits = false;
	r->sign = true;
	r->flags |= WORD_ARRAY;
	return rc;
}

/* An expansion: c, which is $ < or >, and next are the bytes at hand. */
static int
expansion_read(struct parser *p, struct reader *r, int c, int next)
{
	uint32_t from = p->pos;

	int outer = p->quote, rc;

	char_raw(p);
	char_next(p);
	r->digits = false;
	if (c == '$' && (next == '\'' || next == '"')) {
		r->flags |= WORD_QUOTED;
		return pair_read(
		    p, from, next, next, next == '\'' ? PAIR_ESCAPE : 0);
	}
	r->flags |= WORD_DOLLAR;
	if (next == '(') {
		p->quote = '(';
		rc = substitution_read(
		    p, from, c == '$' ? PART_COMMAND : PART_PROCESS);
		p->quote = outer;
		return rc;
	}
	if (next == '{')
		return pair_read(p, from, '{', '}', PAIR_FIRST | PAIR_BRACE);
	if (next == '[')
		return pair_read(p, from, '[', ']', PAIR_ARITH);
	return 0;
}

/* A quote at the present place. */
static int
quote_read(struct parser *p, struct reader *r, int c)
{
	uint32_t from = p->pos++;

	r->digits = false;
	if (c != '`')
		r->flags |= WORD_QUOTED;
	if (pair_read(p, from, c, c, 0) < 0)
		return -1;
	if (c == '"' && memchr(p->text + from, '$', p->pos - from))
		r->flags |= WORD_DOLLAR;
	return 0;
}

/* ?( *( +( @( !( or a group in a regular expression. */
static int
pattern_read(struct parser *p, struct reader *r, bool sign)
{
	uint32_t from = p->pos;
	int outer = p->quote, rc;

	if (sign)
		char_raw(p);
	char_next(p);
	r->flags &= ~(unsigned)WORD_DOLLAR;
	r->digits = false;
	p->quote = '(';
	rc = pair_read(p, from, '(', ')', 0);
	p->quote = outer;
	return rc;
}

static int
subscript_read(struct parser *p, struct reader *r)
{
	uint32_t from = p->pos++;

	r->digits = false;
	return pair_read(p, from, '[', ']', PAIR_SUBSCRIPT);
}

/* A byte that stands for itself. */
static int
plain_read(struct parser *p, struct reader *r, int c)
{
	r->digits = r->digits && BYTE_IS(c, BYTE_DIGIT);
	r->sign = r->sign || c == '=';
	if (c == '$')
		r->flags |= WORD_DOLLAR;
	p->pos++;
	return 0;
}

/* As many bytes as stand for themselves wherever they are. */
static void
plain_run(struct parser *p, struct reader *r)
{
	const char *s = p->text + p->pos;

	while (!BYTE_IS(*s, BYTE_LEX) && *s) {
		r->digits = r->digits && BYTE_IS(*s, BYTE_DIGIT);
		s++;
	}
	p->pos = (uint32_t)(s - p->text);
}

/* Does a backslash quote the byte c? In an array inside $( ) not always. */
static bool
escapes(const struct parser *p, int c)
{
	if (!(p->c.state & LEX_ARRAY) || p->quote == 0)
		return true;
	return p->quote == '"' && c > 0 && strchr("$`\"\\", c);
}

static int
escape_read(struct parser *p, struct reader *r)
{
	r->flags |= WORD_QUOTED;
	r->digits = false;
	p->pos++;
	if (escapes(p, (unsigned char)p->text[p->pos]))
		char_raw(p);
	return 0;
}

enum { WORD_GOES_ON = 0, WORD_ENDS = 1 };

/* What is special only sometimes. */
static int
special_read(struct parser *p, struct reader *r, int c)
{
	bool start = p->pos == r->from;
	int next = char_after(p);

	switch (c) {
	case '$':
		if (next == '(' || next == '{' || next == '[' || next == '$' ||
		    next == '\'' || next == '"')
			return expansion_read(p, r, c, next);
		break;
	case '[':
		if (start ? p->c.state & LEX_ARRAY
			  : assignment_place(p) && names_so_far(p, r, false))
			return subscript_read(p, r);
		break;
	case '=':
		if (next == '(' && !start &&
		    ((p->c.state & LEX_ASSIGN_OK) || assignment_place(p)) &&
		    names_so_far(p, r, true))
			return array_read(p, r);
		break;
	default: /* @ * + ? ! */
		if (next == '(')
			return pattern_read(p, r, true);
	}
	return plain_read(p, r, c);
}

/* One step: something, a byte, or the end of the word. */
static int
step_read(struct parser *p, struct reader *r)
{
	bool regex = p->c.state & LEX_REGEX;
	int c;

	plain_run(p, r);
	c = char_peek(p);
	switch (c) {
	case -1:
	case ' ':
	case '\t':
	case '\n':
	case ';':
	case '&':
	case ')':
		return WORD_ENDS;
	case '|':
		return regex ? plain_read(p, r, c) : WORD_ENDS;
	case '(':
		return regex ? pattern_read(p, r, false) : WORD_ENDS;
	case '<':
	case '>':
		if (char_after(p) == '(')
			return expansion_read(p, r, c, '(');
		return WORD_ENDS;
	case '\\':
		return escape_read(p, r);
	case '\'':
	case '"':
	case '`':
		return quote_read(p, r, c);
	case '$':
	case '[':
	case '=':
	case '@':
	case '*':
	case '+':
	case '?':
	case '!':
		return special_read(p, r, c);
	default:
		return plain_read(p, r, c);
	}
}

/* Does it fit an int, as a descriptor must? */
static bool
small_number(const char *s, size_t len)
{
	unsigned long v = 0;

	for (; len > 0; len--) {
		v = v * 10 + (unsigned long)(*s++ - '0');
		if (v > INT32_MAX)
			return false;
	}
	return true;
}

/* {name} in front of a redirection. */
static bool
names_descriptor(const char *s, size_t len)
{
	size_t n;

	if (len < 3 || s[0] != '{' || s[len - 1] != '}')
		return false;
	s++;
	len -= 2;
	if (is_name(s, len))
		return true;
	n = assignment_target(s, len, false);
	return n == len && len > 2 && s[len - 2] != '[';
}

/* After a word: what it makes of the words that follow. */
static void
note_word(struct parser *p, const char *s, size_t len)
{
	int last = p->c.last;

	if (len >= 3 && len <= 8 && command_place(p) &&
	    takes_assignments(s, len))
		p->c.state |= LEX_ASSIGN_OK;
	if (last == TOKEN_FUNCTION)
		p->c.state |= LEX_BRACE_NEXT;
	else if (last == TOKEN_CASE || last == TOKEN_SELECT ||
	    last == TOKEN_FOR)
		p->c.expecting_in++;
}

/* What the text is where it stands; the word is made if it is a word. */
static int
classify(struct parser *p, struct reader *r, struct part *parts)
{
	int delim = char_peek(p), token = TOKEN_WORD;
	bool angle = delim == '<' || delim == '>';
	struct word *w;
	const char *s;
	size_t len;

	s = text_so_far(p, r, &len);
	if (r->nameless)
		len = 0;
	if (r->digits && len > 0 && small_number(s, len) &&
	    (angle || p->c.last == TOKEN_DUP_IN ||
		p->c.last == TOKEN_DUP_OUT)) {
		token = TOKEN_NUMBER;
		r->flags |= WORD_NUMBER;
	} else {
		token = special_word(p, s, len);
		if (token == TOKEN_NONE &&
		    !(r->flags & (WORD_QUOTED | WORD_DOLLAR)))
			token = reserved_word(p, s, len);
		if (token != TOKEN_NONE)
			return token;
		token = TOKEN_WORD;
	}
	w = p->word = node_new(p, sizeof(*w));
	w->at = (struct range){r->from, p->pos};
	w->parts = parts;
	w->flags = r->flags | (p->joined ? WORD_JOINED : 0);
	if (token == TOKEN_NUMBER)
		return token;
	if (r->sign && assignment_length(s, len, p->c.state & LEX_ARRAY) > 0 &&
	    (assignment_place(p) || (p->c.state & LEX_ARRAY))) {
		w->flags |= WORD_ASSIGN;
		token = TOKEN_ASSIGN;
	}
	note_word(p, s, len);
	if (angle && names_descriptor(s, len)) {
		w->flags |= WORD_FD_NAME;
		return TOKEN_FD_NAME;
	}
	return token;
}

int
word_read(struct parser *p)
{
	struct reader r = {.from = p->pos};
	struct part *parts = NULL, **outer = p->part;
	int rc;

	p->joined = false;
	p->part = &parts;
	r.digits = !p->empty;
	r.nameless = p->empty;
	p->empty = false;
	do {
		rc = step_read(p, &r);
	} while (rc == WORD_GOES_ON);
	p->part = outer;
	p->at.from = r.from;
	if (rc < 0 || p->failed)
		return TOKEN_ERROR;
	return classify(p, &r, parts);
}
