/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands with a body: if, while, for, case, groups, subshells. */
#include "recipe/grammar.h"
#include "recipe/names.h"

#include <string.h>

static int
body_read(struct parser *p, struct command **body)
{
	*body = chain_read(p);
	return p->failed ? -1 : 0;
}

/* if chain then chain [elif ...] [else chain] fi; elif hangs on orelse. */
static int
if_read(struct parser *p, struct command *c)
{
	uint32_t from = c->at.from;
	struct command *e;

	for (;;) {
		if (body_read(p, &c->u.cond) < 0 ||
		    expect(p, TOKEN_THEN, "then", from, "if") < 0 ||
		    body_read(p, &c->body) < 0)
			return -1;
		if (token_next(p) != TOKEN_ELIF)
			break;
		e = command_new(p, COMMAND_IF, p->at.from);
		token_take(p);
		c->orelse = e;
		c = e;
	}
	if (token_next(p) == TOKEN_ELSE) {
		token_take(p);
		if (body_read(p, &c->orelse) < 0)
			return -1;
	}
	return expect(p, TOKEN_FI, "fi", from, "if");
}

/* do chain done, or { chain } where bash takes that. */
static int
do_read(struct parser *p, struct command *c, const char *loop, bool braces)
{
	if (braces && token_next(p) == '{') {
		token_take(p);
		if (body_read(p, &c->body) < 0)
			return -1;
		return expect(p, '}', "}", c->at.from, loop);
	}
	if (expect(p, TOKEN_DO, "do", c->at.from, loop) < 0 ||
	    body_read(p, &c->body) < 0)
		return -1;
	return expect(p, TOKEN_DONE, "done", c->at.from, loop);
}

static int
while_read(struct parser *p, struct command *c, const char *loop)
{
	if (body_read(p, &c->u.cond) < 0)
		return -1;
	return do_read(p, c, loop, false);
}

/* The end of a list of words: a new line, ";" or the end of the file. */
static bool
ends_list(int token)
{
	return token == '\n' || token == ';' || token == TOKEN_EOF;
}

/* for name [in words] do ...; select is the same. */
static int
for_read(struct parser *p, struct command *c, const char *loop)
{
	struct word **end;

	if (token_next(p) != TOKEN_WORD)
		return unexpected(p, "a variable's name belongs here");
	c->words = p->word;
	end = &p->word->next;
	token_take(p);
	if (token_next(p) == ';') {
		token_take(p);
		skip_newlines(p);
		return do_read(p, c, loop, true);
	}
	skip_newlines(p);
	if (token_next(p) != TOKEN_IN)
		return do_read(p, c, loop, true);
	token_take(p);
	while (token_next(p) == TOKEN_WORD) {
		*end = p->word;
		end = &p->word->next;
		token_take(p);
	}
	if (!ends_list(token_next(p)))
		return unexpected(p, NULL);
	if (token_next(p) != TOKEN_EOF)
		token_take(p);
	skip_newlines(p);
	return do_read(p, c, loop, true);
}

/* How many expressions ((a;b;c)) has: semicolons outside of quotes, plus 1. */
static unsigned
expressions(const char *s, size_t len)
{
	unsigned n = 1;
	char quote = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		if (s[i] == '\\' && quote != '\'')
			i++;
		else if (quote)
			quote = s[i] == quote ? 0 : quote;
		else if (s[i] == '\'' || s[i] == '"' || s[i] == '`')
			quote = s[i];
		else if (s[i] == '$' && i + 1 < len &&
		    (s[i + 1] == '(' || s[i + 1] == '{'))
			i = nested_end(s, len, i + 2, s[i + 1]) - 1;
		else
			n += s[i] == ';';
	}
	return n;
}

static int
for_arith_read(struct parser *p, struct command *c)
{
	uint32_t from = p->at.from;
	unsigned n;
	int token;

	c->kind = COMMAND_FOR_ARITH;
	c->u.inner = p->inner;
	n = expressions(p->text + p->inner.from, p->inner.to - p->inner.from);
	token_take(p);
	token = token_next(p);
	if (token != TOKEN_DO && token != '{') {
		if (!ends_list(token))
			return unexpected(p, NULL);
		if (token != TOKEN_EOF)
			token_take(p);
		skip_newlines(p);
	}
	if (do_read(p, c, "for", true) < 0)
		return -1;
	if (n != 3)
		return syntax_fail(p, from, "for-arithmetic",
		    "write for ((first; test; next))",
		    "for (( )) has %u expressions instead of 3", n);
	return 0;
}

/* pattern | pattern ) */
static int
patterns_read(struct parser *p, struct item *item)
{
	struct word **end = &item->patterns;

	for (;;) {
		if (token_next(p) != TOKEN_WORD)
			return unexpected(p, "a pattern belongs here");
		*end = p->word;
		end = &p->word->next;
		token_take(p);
		if (token_next(p) != '|')
			break;
		token_take(p);
	}
	if (token_next(p) != ')')
		return unexpected(p, "the pattern needs a ) after it");
	token_take(p);
	return 0;
}

/* ;; ;& ;;& after an item: true; false: there is none. */
static bool
item_end(struct parser *p, struct item *item)
{
	switch (token_next(p)) {
	case TOKEN_SEMI_SEMI:
		item->end = ITEM_BREAK;
		break;
	case TOKEN_SEMI_AND:
		item->end = ITEM_FALL;
		break;
	case TOKEN_SEMI_SEMI_AND:
		item->end = ITEM_TEST;
		break;
	default:
		return false;
	}
	token_take(p);
	return true;
}

/* case word in ([(] patterns ) [chain] ;;)* esac */
static int
case_read(struct parser *p, struct command *c)
{
	struct item **end = &c->u.items, *item;

	if (token_next(p) != TOKEN_WORD)
		return unexpected(p, "case needs a word");
	c->words = p->word;
	token_take(p);
	skip_newlines(p);
	if (expect(p, TOKEN_IN, "in", c->at.from, "case") < 0)
		return -1;
	for (;;) {
		skip_newlines(p);
		if (token_next(p) == TOKEN_ESAC)
			break;
		if (token_next(p) == TOKEN_EOF)
			return expect(
			    p, TOKEN_ESAC, "esac", c->at.from, "case");
		item = *end = node_new(p, sizeof(*item));
		end = &item->next;
		if (token_next(p) == '(')
			token_take(p);
		if (patterns_read(p, item) < 0)
			return -1;
		skip_newlines(p);
		if (starts_command(token_next(p)) &&
		    body_read(p, &item->body) < 0)
			return -1;
		if (!item_end(p, item))
			break;
	}
	return expect(p, TOKEN_ESAC, "esac", c->at.from, "case");
}

struct command *
subshell_rest(struct parser *p, uint32_t from)
{
	struct command *c = command_new(p, COMMAND_SUBSHELL, from);

	if (body_read(p, &c->body) < 0 || expect(p, ')', ")", from, "(") < 0)
		return NULL;
	c->at.to = p->taken_to;
	return c;
}

static int
group_read(struct parser *p, struct command *c)
{
	if (body_read(p, &c->body) < 0)
		return -1;
	return expect(p, '}', "}", c->at.from, "{");
}

static enum command_kind
compound_kind(int token)
{
	switch (token) {
	case '{':
		return COMMAND_GROUP;
	case TOKEN_IF:
		return COMMAND_IF;
	case TOKEN_FOR:
		return COMMAND_FOR;
	case TOKEN_SELECT:
		return COMMAND_SELECT;
	case TOKEN_CASE:
		return COMMAND_CASE;
	case TOKEN_WHILE:
		return COMMAND_WHILE;
	case TOKEN_UNTIL:
		return COMMAND_UNTIL;
	case TOKEN_ARITH:
		return COMMAND_ARITH;
	case TOKEN_COND_START:
		return COMMAND_COND;
	default:
		return COMMAND_SUBSHELL;
	}
}

static int
compound_rest(struct parser *p, struct command *c)
{
	switch ((enum command_kind)c->kind) {
	case COMMAND_GROUP:
		return group_read(p, c);
	case COMMAND_IF:
		return if_read(p, c);
	case COMMAND_SELECT:
		return for_read(p, c, "select");
	case COMMAND_CASE:
		return case_read(p, c);
	case COMMAND_WHILE:
		return while_read(p, c, "while");
	case COMMAND_UNTIL:
		return while_read(p, c, "until");
	case COMMAND_COND:
		return cond_read(p, c);
	case COMMAND_FOR:
		if (token_next(p) == TOKEN_FOR_ARITH)
			return for_arith_read(p, c);
		return for_read(p, c, "for");
	default:
		return 0;
	}
}

struct command *
compound_read(struct parser *p)
{
	int token = token_next(p);
	uint32_t from = p->at.from;
	struct command *c;

	if (token == '(') {
		token_take(p);
		return subshell_rest(p, from);
	}
	c = command_new(p, compound_kind(token), from);
	if (token == TOKEN_ARITH)
		c->u.inner = p->inner;
	token_take(p);
	if (compound_rest(p, c) < 0)
		return NULL;
	c->at.to = p->taken_to;
	return c;
}
