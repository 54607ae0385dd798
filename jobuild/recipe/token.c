/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tokens: operators, reserved words where they are reserved, words. */
#include "recipe/lex.h"
#include "recipe/bytes.h"
#include "base/arena.h"
#include "base/diag.h"

#include <string.h>

static const struct reserved {
	const char *text;
	int token;
} reserved[] = {
    {"if", TOKEN_IF},
    {"then", TOKEN_THEN},
    {"else", TOKEN_ELSE},
    {"elif", TOKEN_ELIF},
    {"fi", TOKEN_FI},
    {"case", TOKEN_CASE},
    {"esac", TOKEN_ESAC},
    {"for", TOKEN_FOR},
    {"select", TOKEN_SELECT},
    {"while", TOKEN_WHILE},
    {"until", TOKEN_UNTIL},
    {"do", TOKEN_DO},
    {"done", TOKEN_DONE},
    {"in", TOKEN_IN},
    {"function", TOKEN_FUNCTION},
    {"time", TOKEN_TIME},
    {"{", '{'},
    {"}", '}'},
    {"!", TOKEN_BANG},
    {"[[", TOKEN_COND_START},
    {"]]", TOKEN_COND_END},
    {"coproc", TOKEN_COPROC},
};

static const struct {
	int token;
	const char *text;
} operators[] = {
    {TOKEN_EOF, "the end of the file"},
    {'\n', "the end of the line"},
    {TOKEN_AND_AND, "&&"},
    {TOKEN_OR_OR, "||"},
    {TOKEN_PIPE_ALL, "|&"},
    {TOKEN_SEMI_SEMI, ";;"},
    {TOKEN_SEMI_AND, ";&"},
    {TOKEN_SEMI_SEMI_AND, ";;&"},
    {TOKEN_APPEND, ">>"},
    {TOKEN_CLOBBER, ">|"},
    {TOKEN_IN_OUT, "<>"},
    {TOKEN_HERE, "<<"},
    {TOKEN_HERE_TAB, "<<-"},
    {TOKEN_HERE_STRING, "<<<"},
    {TOKEN_DUP_IN, "<&"},
    {TOKEN_DUP_OUT, ">&"},
    {TOKEN_ALL, "&>"},
    {TOKEN_ALL_APPEND, "&>>"},
    {TOKEN_ARITH, "(("},
    {TOKEN_FOR_ARITH, "(("},
    {TOKEN_TIME_P, "-p"},
    {TOKEN_TIME_END, "--"},
};

const char *
token_name(struct parser *p, int token)
{
	size_t i;

	for (i = 0; i < sizeof(operators) / sizeof(*operators); i++)
		if (operators[i].token == token)
			return operators[i].text;
	if (token > 0 && token < TOKEN_EOF)
		return arena_printf(p->arena, "%c", token);
	if (p->at.to > p->at.from)
		return show(p->arena, p->text + p->at.from,
		    p->at.to - p->at.from > 40 ? 40 : p->at.to - p->at.from);
	return "a word";
}

bool
reserved_follows(const struct parser *p, int token)
{
	switch (token) {
	case TOKEN_NONE:
	case '\n':
	case ';':
	case '(':
	case ')':
	case '|':
	case '&':
	case '{':
	case '}':
	case TOKEN_AND_AND:
	case TOKEN_OR_OR:
	case TOKEN_PIPE_ALL:
	case TOKEN_ARITH:
	case TOKEN_BANG:
	case TOKEN_COND_END:
	case TOKEN_DO:
	case TOKEN_DONE:
	case TOKEN_ELIF:
	case TOKEN_ELSE:
	case TOKEN_ESAC:
	case TOKEN_FI:
	case TOKEN_IF:
	case TOKEN_SEMI_SEMI:
	case TOKEN_SEMI_AND:
	case TOKEN_SEMI_SEMI_AND:
	case TOKEN_THEN:
	case TOKEN_TIME:
	case TOKEN_TIME_P:
	case TOKEN_TIME_END:
	case TOKEN_COPROC:
	case TOKEN_UNTIL:
	case TOKEN_WHILE:
	case TOKEN_DOLLAR_PAREN:
		return true;
	default:
		return p->c.last == TOKEN_WORD &&
		    (p->c.before == TOKEN_COPROC ||
			p->c.before == TOKEN_FUNCTION);
	}
}

/*
 * "((" was begun: arithmetic, or two subshells if the parentheses don't end
 * together. What was found out about a place is kept, so that nested ones
 * are not read again and again.
 */
static int
double_paren(struct parser *p)
{
	uint32_t from = p->at.from, start = p->pos, opens[PAIR_OPENS];
	bool loop = p->c.last == TOKEN_FOR;

	if (!loop &&
	    (!reserved_follows(p, p->c.last) || subshell_known(p, start)))
		return '(';
	p->pos++;
	p->part = NULL;
	p->opens = opens;
	if (pair_read(p, from, '(', ')', PAIR_ARITH) < 0)
		return TOKEN_ERROR;
	/* What was inside may have set these. */
	p->at.from = from;
	p->inner = (struct range){start + 1, p->pos - 1};
	/* Text that was read before has lost its line continuations. */
	if ((p->pos < p->ahead ? char_peek(p) : p->text[p->pos]) == ')') {
		p->pos++;
		return loop ? TOKEN_FOR_ARITH : TOKEN_ARITH;
	}
	if (loop) {
		char_raw(p);
		syntax_fail(p, from, "for-arithmetic",
		    "write for ((first; test; next))",
		    "for (( is not ended by ))");
		return syntax_uncounted(p);
	}
	subshell_found(p, start);
	/* A backslash there is read again for itself, without its newline. */
	if (p->pos >= p->ahead)
		subshell_found(p, p->pos);
	if (p->pos < p->len && p->pos + 1 > p->ahead)
		p->ahead = p->pos + 1;
	p->pos = start;
	return '(';
}

/* Operators of two and three bytes that begin with c; or c itself. */
static int
operator_after(struct parser *p, int c, int next)
{
	static const struct {
		char text[3];
		int token;
	} pairs[] = {
	    {"<<", TOKEN_HERE},
	    {">>", TOKEN_APPEND},
	    {";;", TOKEN_SEMI_SEMI},
	    {"&&", TOKEN_AND_AND},
	    {"||", TOKEN_OR_OR},
	    {"<&", TOKEN_DUP_IN},
	    {">&", TOKEN_DUP_OUT},
	    {"<>", TOKEN_IN_OUT},
	    {">|", TOKEN_CLOBBER},
	    {"&>", TOKEN_ALL},
	    {"|&", TOKEN_PIPE_ALL},
	    {";&", TOKEN_SEMI_AND},
	};
	static const struct {
		int token, next, then;
	} longer[] = {
	    {TOKEN_HERE, '-', TOKEN_HERE_TAB},
	    {TOKEN_HERE, '<', TOKEN_HERE_STRING},
	    {TOKEN_SEMI_SEMI, '&', TOKEN_SEMI_SEMI_AND},
	    {TOKEN_ALL, '>', TOKEN_ALL_APPEND},
	};
	int token = c;
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		if (pairs[i].text[0] == c && pairs[i].text[1] == next)
			token = pairs[i].token;
	if (token == c)
		return c;
	p->pos++;
	for (i = 0; i < sizeof(longer) / sizeof(*longer); i++) {
		if (longer[i].token != token)
			continue;
		if (char_peek(p) == longer[i].next) {
			p->pos++;
			return longer[i].then;
		}
	}
	return token;
}

/* A token that begins with one of ; & | ( ) < > (taken). */
static int
operator_read(struct parser *p, int c)
{
	int next = char_peek(p), token;

	p->c.state &= ~(unsigned)LEX_ASSIGN_OK;
	if (c == '(' && next == '(') {
		token = double_paren(p);
		if (token != '(')
			return token;
	} else {
		token = operator_after(p, c, next);
	}
	if (token == TOKEN_SEMI_SEMI || token == TOKEN_SEMI_AND ||
	    token == TOKEN_SEMI_SEMI_AND)
		p->c.state |= LEX_CASE_PATTERN;
	if (token == ')') {
		if (p->c.last == '(' && p->c.before == TOKEN_WORD)
			p->c.state |= LEX_BRACE_NEXT;
		p->c.state &= ~(unsigned)LEX_CASE_PATTERN;
	}
	return token;
}

/* Past blanks, line continuations and a comment; the byte that is there. */
static int
skip_blanks(struct parser *p)
{
	int c;

	while ((c = char_peek(p)) == ' ' || c == '\t')
		p->pos++;
	if (c == '#') {
		while (p->text[p->pos] != '\n')
			p->pos++;
		c = '\n';
	}
	p->at.from = p->pos;
	return c;
}

int
token_read(struct parser *p)
{
	int c, token;
	bool angle;

	if (p->empty)
		return word_read(p);
	c = skip_blanks(p);
	p->at.to = p->pos;
	if (c < 0)
		return TOKEN_EOF;
	if (c == '\n') {
		p->empty = subshell_known(p, p->pos);
		char_raw(p);
		if (p->c.nhere)
			here_read(p);
		p->c.state &= ~(unsigned)LEX_ASSIGN_OK;
		return '\n';
	}
	if (BYTE_IS(c, BYTE_META) && !(p->c.state & LEX_REGEX)) {
		p->pos++;
		angle = c == '<' || c == '>';
		if (!angle || char_peek(p) != '(') {
			token = operator_read(p, c);
			p->at.to = p->pos;
			return p->failed ? TOKEN_ERROR : token;
		}
		p->c.state &= ~(unsigned)LEX_ASSIGN_OK;
		p->pos = p->at.from;
	}
	if (c == '-' && !(p->c.state & LEX_REGEX) &&
	    (p->c.last == TOKEN_DUP_IN || p->c.last == TOKEN_DUP_OUT)) {
		p->at.to = ++p->pos;
		return c;
	}
	token = word_read(p);
	p->at.to = p->pos;
	return p->failed ? TOKEN_ERROR : token;
}

int
token_fetch(struct parser *p)
{
	if (p->failed)
		return TOKEN_ERROR;
	p->have = true;
	p->c.before = p->c.last;
	p->c.last = p->c.current;
	if (p->again != TOKEN_NONE) {
		p->c.current = p->again;
		p->again = TOKEN_NONE;
	} else {
		p->c.current = token_read(p);
	}
	p->token = p->c.current;
	return p->token;
}

void
token_take(struct parser *p)
{
	p->have = false;
	if (p->token != '\n' && p->token != TOKEN_EOF)
		p->taken_to = p->at.to;
}

/* ---- words that are more than words ---- */

static bool
is(const char *s, size_t len, const char *text)
{
	return strlen(text) == len && memcmp(s, text, len) == 0;
}

/* After "for x", "case x", "select x" and newlines: in and do. */
static int
loop_word(struct parser *p, const char *s, size_t len)
{
	struct lex_context *c = &p->c;
	bool loop = c->before == TOKEN_FOR || c->before == TOKEN_SELECT;
	bool in = is(s, len, "in"), after_word = c->last == TOKEN_WORD;

	if (!in && !is(s, len, "do"))
		return TOKEN_NONE;
	if (in && after_word && (loop || c->before == TOKEN_CASE)) {
		if (c->before == TOKEN_CASE) {
			c->state |= LEX_CASE_PATTERN;
			c->esacs++;
		}
		c->expecting_in -= c->expecting_in > 0;
		return TOKEN_IN;
	}
	if (in && c->expecting_in && (after_word || c->last == '\n')) {
		if (c->state & LEX_CASE) {
			c->state |= LEX_CASE_PATTERN;
			c->esacs++;
		}
		c->expecting_in--;
		return TOKEN_IN;
	}
	if (in)
		return TOKEN_NONE;
	if (c->expecting_in && (c->last == '\n' || c->last == ';')) {
		c->expecting_in--;
		return TOKEN_DO;
	}
	if (after_word && loop) {
		c->expecting_in -= c->expecting_in > 0;
		return TOKEN_DO;
	}
	return TOKEN_NONE;
}

/* Words that are reserved because of the tokens before them. */
int
special_word(struct parser *p, const char *s, size_t len)
{
	struct lex_context *c = &p->c;
	bool open = is(s, len, "{");
	int token;

	/* None of them has more than four bytes. */
	if (len > 4) {
		c->state &= ~(unsigned)LEX_BRACE_NEXT;
		return TOKEN_NONE;
	}
	token = loop_word(p, s, len);
	if (token != TOKEN_NONE)
		return token;
	if (c->esacs && c->last == TOKEN_IN && is(s, len, "esac")) {
		c->esacs--;
		c->state &= ~(unsigned)LEX_CASE_PATTERN;
		return TOKEN_ESAC;
	}
	if (open && (c->state & LEX_BRACE_NEXT))
		token = '{';
	c->state &= ~(unsigned)LEX_BRACE_NEXT;
	if (c->last == TOKEN_FOR_ARITH && is(s, len, "do"))
		return TOKEN_DO;
	if (open && c->last == TOKEN_FOR_ARITH)
		token = '{';
	if (token == '{') {
		p->braces++;
		return token;
	}
	if (p->braces && is(s, len, "}") && reserved_follows(p, c->last)) {
		p->braces--;
		return '}';
	}
	if (c->last == TOKEN_TIME && is(s, len, "-p"))
		return TOKEN_TIME_P;
	if ((c->last == TOKEN_TIME || c->last == TOKEN_TIME_P) &&
	    is(s, len, "--"))
		return TOKEN_TIME_END;
	if ((c->state & LEX_COND) && is(s, len, "]]"))
		return TOKEN_COND_END;
	return TOKEN_NONE;
}

static bool
time_allowed(const struct lex_context *c)
{
	switch (c->last) {
	case TOKEN_NONE:
	case ';':
	case '\n':
		return c->before != '|';
	case TOKEN_AND_AND:
	case TOKEN_OR_OR:
	case '&':
	case TOKEN_WHILE:
	case TOKEN_DO:
	case TOKEN_UNTIL:
	case TOKEN_IF:
	case TOKEN_THEN:
	case TOKEN_ELIF:
	case TOKEN_ELSE:
	case '{':
	case '(':
	case ')':
	case TOKEN_BANG:
	case TOKEN_TIME:
	case TOKEN_TIME_P:
	case TOKEN_TIME_END:
		return true;
	default:
		return false;
	}
}

/* In the patterns of a case only esac is one, and not after | and (. */
static bool
allowed(const struct lex_context *c, int token)
{
	if (token == TOKEN_TIME && !time_allowed(c))
		return false;
	if (!(c->state & LEX_CASE_PATTERN))
		return true;
	return token == TOKEN_ESAC && c->last != '|' && c->last != '(';
}

/* A reserved word in the place of a command, or TOKEN_NONE. */
int
reserved_word(struct parser *p, const char *s, size_t len)
{
	struct lex_context *c = &p->c;
	size_t i, n = sizeof(reserved) / sizeof(*reserved);
	int token;

	if (len == 0 || len > 8 || !reserved_follows(p, c->last))
		return TOKEN_NONE;
	for (i = 0; i < n; i++)
		if (reserved[i].text[0] == *s && is(s, len, reserved[i].text))
			break;
	if (i == n || !allowed(c, reserved[i].token))
		return TOKEN_NONE;
	token = reserved[i].token;
	if (token == TOKEN_ESAC) {
		c->state &= ~(unsigned)(LEX_CASE_PATTERN | LEX_CASE);
		c->esacs -= c->esacs > 0;
	} else if (token == TOKEN_CASE) {
		c->state |= LEX_CASE;
	} else if (token == '{') {
		p->braces++;
	} else if (token == '}' && p->braces) {
		p->braces--;
	}
	return token;
}
