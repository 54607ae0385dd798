/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * [[ expression ]]. Its tokens are read without the history that commands
 * have: the token before each is [[ itself, so nothing is reserved in it.
 */
#include "recipe/grammar.h"
#include "recipe/quote.h"

#include <string.h>

/* What an expression has read: the token after it, or TOKEN_ERROR. */
struct cond {
	struct word **end; /* of the list of words */
	uint32_t from;     /* of [[ */
};

static int
skip_lines(struct parser *p)
{
	int token;

	do {
		token = token_read(p);
	} while (token == '\n');
	return token;
}

static int
bad_token(struct parser *p, struct cond *k, int token, const char *wanted)
{
	if (token == TOKEN_ERROR)
		return -1;
	if (token == TOKEN_EOF)
		return syntax_fail(
		    p, k->from, "unclosed", NULL, "\"[[\" has no \"]]\"");
	syntax_fail(p, p->at.from, "syntax", NULL, "unexpected %s in [[ ]]: %s",
	    token_name(p, token), wanted);
	return syntax_uncounted(p);
}

static bool
is_text(const struct parser *p, const struct word *w, const char *text)
{
	size_t n;
	const char *s = word_text(p->arena, p->text, w, &n);

	return n == strlen(text) && memcmp(s, text, n) == 0;
}

static bool
unary(const struct parser *p, const struct word *w)
{
	size_t n;
	const char *s = word_text(p->arena, p->text, w, &n);

	return n == 2 && s[0] == '-' &&
	    strchr("abcdefghknoprstuvwxzGLOSNR", s[1]) && s[1];
}

static bool
binary(const struct parser *p, const struct word *w)
{
	static const char *const ops[] = {"=", "==", "!=", "=~", "!~", "-nt",
	    "-ot", "-lt", "-gt", "-eq", "-ef", "-ne", "-ge", "-le"};
	size_t i;

	for (i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		if (is_text(p, w, ops[i]))
			return true;
	return false;
}

static void
add_word(struct parser *p, struct cond *k)
{
	*k->end = p->word;
	k->end = &p->word->next;
}

/* The rest of a term that began with a word which is no unary operator. */
static int
binary_rest(struct parser *p, struct cond *k)
{
	int token = token_read(p);

	if (token == TOKEN_WORD && binary(p, p->word)) {
		add_word(p, k);
		if (is_text(p, p->word, "=~"))
			p->c.state |= LEX_REGEX;
	} else if (token == TOKEN_COND_END || token == TOKEN_AND_AND ||
	    token == TOKEN_OR_OR || token == ')') {
		return token;
	} else if (token != '<' && token != '>') {
		return bad_token(p, k, token, "an operator is missing");
	}
	token = token_read(p);
	p->c.state &= ~(unsigned)LEX_REGEX;
	if (token != TOKEN_WORD)
		return bad_token(p, k, token, "a word is missing");
	add_word(p, k);
	return skip_lines(p);
}

/* A term without parentheses; token is its first. Gives the one after it. */
static int
term_rest(struct parser *p, struct cond *k, int token)
{
	if (token != TOKEN_WORD)
		return bad_token(p, k, token, "a word is missing");
	add_word(p, k);
	if (!unary(p, p->word))
		return binary_rest(p, k);
	token = token_read(p);
	if (token != TOKEN_WORD)
		return bad_token(p, k, token, "a word is missing");
	add_word(p, k);
	return skip_lines(p);
}

/*
 * Terms joined by && and ||, with ! in front, up to something else. Open
 * parentheses are only counted: the grammar needs no more.
 */
static int
expression(struct parser *p, struct cond *k)
{
	unsigned open = 0;
	int token;

	for (;;) {
		token = skip_lines(p);
		if (token == '(') {
			open++;
			continue;
		}
		if (token == TOKEN_WORD && is_text(p, p->word, "!"))
			continue;
		token = term_rest(p, k, token);
		while (token == ')' && open > 0) {
			open--;
			token = skip_lines(p);
		}
		if (token != TOKEN_AND_AND && token != TOKEN_OR_OR)
			break;
	}
	if (open > 0 && token != TOKEN_ERROR)
		return bad_token(p, k, token, "a ) is missing");
	return token;
}

int
cond_read(struct parser *p, struct command *c)
{
	struct cond k = {.end = &c->words, .from = c->at.from};
	int token;

	/* The lexer of bash reads all of it as one token after [[. */
	p->c.before = p->c.last;
	p->c.last = TOKEN_COND_START;
	p->c.state |= LEX_COND;
	token = expression(p, &k);
	if (token == TOKEN_ERROR || p->failed)
		return -1;
	if (token != TOKEN_COND_END)
		return bad_token(p, &k, token, "\"]]\" is missing");
	p->c.state &= ~(unsigned)LEX_COND;
	p->c.last = TOKEN_NONE;
	p->c.current = TOKEN_COND_END;
	p->taken_to = p->at.to;
	return 0;
}
