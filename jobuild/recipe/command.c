/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One command: simple, with redirections, a function, a coprocess. */
#include "recipe/grammar.h"

static bool
starts_redirection(int token)
{
	switch (token) {
	case '<':
	case '>':
	case TOKEN_NUMBER:
	case TOKEN_FD_NAME:
	case TOKEN_APPEND:
	case TOKEN_CLOBBER:
	case TOKEN_IN_OUT:
	case TOKEN_HERE:
	case TOKEN_HERE_TAB:
	case TOKEN_HERE_STRING:
	case TOKEN_DUP_IN:
	case TOKEN_DUP_OUT:
	case TOKEN_ALL:
	case TOKEN_ALL_APPEND:
		return true;
	default:
		return false;
	}
}

static bool
starts_compound(int token)
{
	switch (token) {
	case '{':
	case '(':
	case TOKEN_IF:
	case TOKEN_FOR:
	case TOKEN_SELECT:
	case TOKEN_CASE:
	case TOKEN_WHILE:
	case TOKEN_UNTIL:
	case TOKEN_ARITH:
	case TOKEN_COND_START:
		return true;
	default:
		return false;
	}
}

bool
starts_command(int token)
{
	switch (token) {
	case TOKEN_WORD:
	case TOKEN_ASSIGN:
	case TOKEN_FUNCTION:
	case TOKEN_COPROC:
	case TOKEN_BANG:
	case TOKEN_TIME:
		return true;
	default:
		return starts_redirection(token) || starts_compound(token);
	}
}

static int
redirection_op(int token)
{
	switch (token) {
	case '<':
		return REDIR_IN;
	case '>':
		return REDIR_OUT;
	case TOKEN_APPEND:
		return REDIR_APPEND;
	case TOKEN_CLOBBER:
		return REDIR_CLOBBER;
	case TOKEN_IN_OUT:
		return REDIR_BOTH;
	case TOKEN_HERE:
		return REDIR_HERE;
	case TOKEN_HERE_TAB:
		return REDIR_HERE_TAB;
	case TOKEN_HERE_STRING:
		return REDIR_STRING;
	case TOKEN_DUP_IN:
		return REDIR_DUP_IN;
	case TOKEN_DUP_OUT:
		return REDIR_DUP_OUT;
	case TOKEN_ALL:
		return REDIR_ALL;
	case TOKEN_ALL_APPEND:
		return REDIR_ALL_APPEND;
	default:
		return -1;
	}
}

/* A word for a token that is none: the - of <&- and >&-. */
static struct word *
plain_word(struct parser *p)
{
	struct word *w = node_new(p, sizeof(*w));

	w->at = p->at;
	return w;
}

static int
here_push(struct parser *p, struct redir *r)
{
	if (p->c.nhere >= HERE_MAX)
		return syntax_fail(p, r->target->at.from, "here-documents",
		    NULL, "more than %d here-documents in one line", HERE_MAX);
	p->c.here[p->c.nhere++] = r;
	return 0;
}

/* [fd] operator target */
static struct redir *
redirection_read(struct parser *p)
{
	struct redir *r = node_new(p, sizeof(*r));
	int token = token_next(p), op;
	bool dup;

	if (token == TOKEN_NUMBER || token == TOKEN_FD_NAME) {
		r->fd = p->word;
		token_take(p);
		token = token_next(p);
	}
	op = redirection_op(token);
	if (op < 0 || (r->fd && op >= REDIR_ALL)) {
		unexpected(p, NULL);
		return NULL;
	}
	token_take(p);
	r->op = (enum redir_op)op;
	dup = op == REDIR_DUP_IN || op == REDIR_DUP_OUT;
	token = token_next(p);
	if (token == TOKEN_WORD || (dup && token == TOKEN_NUMBER)) {
		r->target = p->word;
	} else if (dup && token == '-') {
		r->target = plain_word(p);
	} else {
		unexpected(p, "a redirection needs a file name here");
		return NULL;
	}
	token_take(p);
	if ((op == REDIR_HERE || op == REDIR_HERE_TAB) && here_push(p, r) < 0)
		return NULL;
	return r;
}

/* All redirections that follow; *end is the place for the first. */
static struct redir **
redirections_read(struct parser *p, struct redir **end)
{
	while (starts_redirection(token_next(p))) {
		*end = redirection_read(p);
		if (!*end)
			break;
		end = &(*end)->next;
	}
	return end;
}

static struct command *
function_body(struct parser *p, struct command *f)
{
	skip_newlines(p);
	if (!starts_compound(token_next(p))) {
		unexpected(p, "the body of a function is { ... }");
		return NULL;
	}
	f->body = compound_read(p);
	if (!f->body)
		return NULL;
	redirections_read(p, &f->body->redirs);
	f->body->at.to = f->at.to = p->taken_to;
	return p->failed ? NULL : f;
}

/* After a word and "(": name () body. */
static struct command *
function_read(struct parser *p, struct word *name)
{
	struct command *f;

	token_take(p);
	if (token_next(p) != ')') {
		unexpected(p,
		    "quote the parenthesis, or write name() { ... } to define "
		    "a function");
		return NULL;
	}
	token_take(p);
	f = command_new(p, COMMAND_FUNCTION, name->at.from);
	f->words = name;
	return function_body(p, f);
}

/* function name [()] body */
static struct command *
function_keyword(struct parser *p)
{
	struct command *f = command_new(p, COMMAND_FUNCTION, p->at.from);
	uint32_t from;

	f->flags = COMMAND_KEYWORD;
	token_take(p);
	if (token_next(p) != TOKEN_WORD) {
		unexpected(p, "the name of a function belongs here");
		return NULL;
	}
	f->words = p->word;
	token_take(p);
	if (token_next(p) != '(')
		return function_body(p, f);
	from = p->at.from;
	token_take(p);
	if (token_next(p) == ')') {
		token_take(p);
		return function_body(p, f);
	}
	/* The parenthesis belonged to the body. */
	f->body = subshell_rest(p, from);
	if (!f->body)
		return NULL;
	redirections_read(p, &f->body->redirs);
	f->body->at.to = f->at.to = p->taken_to;
	return p->failed ? NULL : f;
}

/*
 * Words, assignments and redirections up to something else. first is a word
 * that was read already, or NULL.
 */
static struct command *
simple_read(struct parser *p, struct word *first)
{
	struct command *c;
	struct redir **redir;
	struct word **word;
	int token;

	token_next(p);
	c = command_new(p, COMMAND_SIMPLE, first ? first->at.from : p->at.from);
	redir = &c->redirs;
	word = &c->words;
	if (first) {
		*word = first;
		word = &first->next;
	}
	for (;;) {
		token = token_next(p);
		if (token == TOKEN_WORD || token == TOKEN_ASSIGN) {
			*word = p->word;
			word = &p->word->next;
			p->c.state &= ~(unsigned)LEX_REDIRS;
			token_take(p);
		} else if (starts_redirection(token)) {
			*redir = redirection_read(p);
			if (!*redir)
				return NULL;
			redir = &(*redir)->next;
			if (!c->words)
				p->c.state |= LEX_REDIRS;
		} else {
			break;
		}
	}
	p->c.state &= ~(unsigned)LEX_REDIRS;
	c->at.to = p->taken_to;
	return p->failed ? NULL : c;
}

/* A command that begins with a word: simple, or a function. */
static struct command *
word_command(struct parser *p)
{
	struct word *w = p->word;

	token_take(p);
	if (token_next(p) == '(')
		return function_read(p, w);
	return simple_read(p, w);
}

/* coproc [name] compound, or coproc simple */
static struct command *
coproc_read(struct parser *p)
{
	struct command *c = command_new(p, COMMAND_COPROC, p->at.from);
	struct word *w = NULL;
	int token;

	token_take(p);
	token = token_next(p);
	if (token == TOKEN_WORD) {
		w = p->word;
		token_take(p);
		token = token_next(p);
	}
	if (starts_compound(token)) {
		c->words = w;
		c->body = compound_read(p);
		if (c->body)
			redirections_read(p, &c->body->redirs);
	} else if (w || token == TOKEN_ASSIGN || starts_redirection(token)) {
		c->body = simple_read(p, w);
	} else {
		unexpected(p, "coproc needs a command");
	}
	c->at.to = p->taken_to;
	return p->failed ? NULL : c;
}

struct command *
command_read(struct parser *p)
{
	int token = token_next(p);
	struct command *c;

	if (token == TOKEN_WORD)
		return word_command(p);
	if (token == TOKEN_ASSIGN || starts_redirection(token))
		return simple_read(p, NULL);
	if (token == TOKEN_FUNCTION)
		return function_keyword(p);
	if (token == TOKEN_COPROC)
		return coproc_read(p);
	if (!starts_compound(token)) {
		unexpected(p, NULL);
		return NULL;
	}
	c = compound_read(p);
	if (!c)
		return NULL;
	redirections_read(p, &c->redirs);
	c->at.to = p->taken_to;
	return p->failed ? NULL : c;
}
