/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files, chains, pipelines, substitutions. */
#include "recipe/parse.h"
#include "recipe/lex.h"
#include "recipe/grammar.h"
#include "base/arena.h"

#include <string.h>

#define SAMPLE 80 /* bytes at which bash looks before it reads a file */

struct command *
command_new(struct parser *p, enum command_kind kind, uint32_t from)
{
	struct command *c;

	c = node_new(p,
	    kind == COMMAND_SIMPLE ? offsetof(struct command, body)
				   : sizeof(*c));
	c->kind = (uint8_t)kind;
	c->at.from = from;
	return c;
}

int
unexpected(struct parser *p, const char *hint)
{
	int token = token_next(p);

	if (p->failed)
		return -1;
	return syntax_fail(p, p->at.from, "syntax", hint, "unexpected %s",
	    token_name(p, token));
}

int
expect(struct parser *p, int token, const char *name, uint32_t opener,
    const char *opens)
{
	int got = token_next(p);

	if (p->failed)
		return -1;
	if (got == token) {
		token_take(p);
		return 0;
	}
	if (got == TOKEN_EOF)
		return syntax_fail(p, opener, "unclosed", NULL,
		    "\"%s\" has no \"%s\"", opens, name);
	return syntax_fail(p, p->at.from, "syntax", NULL,
	    "unexpected %s: \"%s\" has no \"%s\" yet", token_name(p, got),
	    opens, name);
}

void
skip_newlines(struct parser *p)
{
	while (token_next(p) == '\n')
		token_take(p);
}

/* "!" and "time" in front of a pipeline, as flags of enum command_flag. */
static unsigned
prefixes_read(struct parser *p)
{
	unsigned flags = 0;
	int token;

	for (;;) {
		token = token_next(p);
		if (token == TOKEN_BANG)
			flags ^= COMMAND_NOT;
		else if (token == TOKEN_TIME)
			flags |= COMMAND_TIME;
		else
			return flags;
		token_take(p);
		if (token == TOKEN_TIME && token_next(p) == TOKEN_TIME_P)
			token_take(p);
		if (token == TOKEN_TIME && token_next(p) == TOKEN_TIME_END)
			token_take(p);
	}
}

/* A pipeline, appended at *end; the place after its last command. */
static struct command **
pipeline_read(struct parser *p, struct command **end)
{
	int token = token_next(p);
	bool prefix = token == TOKEN_BANG || token == TOKEN_TIME;
	unsigned flags = prefixes_read(p);

	token = token_next(p);
	if (prefix && (token == '\n' || token == ';' || token == TOKEN_EOF)) {
		/* A lone "!" or "time"; what ends it is read again. */
		*end = command_new(p, COMMAND_SIMPLE, p->at.from);
		(*end)->flags = (uint8_t)flags;
		if (token != TOKEN_EOF) {
			token_take(p);
			p->again = token;
		}
		return &(*end)->next;
	}
	for (;;) {
		*end = command_read(p);
		if (!*end)
			return NULL;
		(*end)->flags |= (uint8_t)flags;
		flags = 0;
		token = token_next(p);
		if (token != '|' && token != TOKEN_PIPE_ALL)
			return p->failed ? NULL : &(*end)->next;
		(*end)->op = token == '|' ? OP_PIPE : OP_PIPE_ALL;
		end = &(*end)->next;
		token_take(p);
		skip_newlines(p);
	}
}

static int
chain_op(int token)
{
	switch (token) {
	case TOKEN_AND_AND:
		return OP_AND;
	case TOKEN_OR_OR:
		return OP_OR;
	case '&':
		return OP_BACK;
	case ';':
		return OP_SEQ;
	case '\n':
		return OP_NEWLINE;
	default:
		return OP_END;
	}
}

/* The command whose next is at this place. */
static struct command *
holder(struct command **next)
{
	return (
	    struct command *)((char *)next - offsetof(struct command, next));
}

/* Pipelines and operators; a new line ends it if it is of one line. */
static struct command **
chain_append(struct parser *p, struct command **end, bool line)
{
	int token, op;

	for (;;) {
		end = pipeline_read(p, end);
		if (!end)
			return NULL;
		token = token_next(p);
		op = chain_op(token);
		if (op == OP_END || (line && op == OP_NEWLINE))
			return p->failed ? NULL : end;
		holder(end)->op = (uint8_t)op;
		token_take(p);
		if (op == OP_AND || op == OP_OR) {
			skip_newlines(p);
			continue;
		}
		if (!line)
			skip_newlines(p);
		if (!starts_command(token_next(p)))
			return p->failed ? NULL : end;
	}
}

/* As chain_read(), without a level of its own. */
static struct command *
chain_body(struct parser *p)
{
	struct command *first = NULL;

	skip_newlines(p);
	if (!chain_append(p, &first, false))
		first = NULL;
	return p->failed ? NULL : first;
}

struct command *
chain_read(struct parser *p)
{
	struct command *first;

	if (depth_enter(p) < 0)
		return NULL;
	first = chain_body(p);
	depth_leave(p);
	return first;
}

struct command *
parse_substitution(struct parser *p, uint32_t from)
{
	const char opens[] = {p->text[from], '(', '\0'};
	struct lex_context outer = p->c;
	struct command *body = NULL;
	bool have = p->have;
	int token = p->token;

	if (depth_enter(p) < 0)
		return NULL;
	p->c.state &= ~(unsigned)(LEX_REGEX | LEX_COND | LEX_ARRAY |
	    LEX_CASE_PATTERN | LEX_REDIRS);
	p->c.substitution = true;
	p->c.nhere = 0;
	p->c.esacs = p->c.expecting_in = 0;
	p->c.last = '\n';
	p->c.current = TOKEN_DOLLAR_PAREN;
	p->have = false;
	skip_newlines(p);
	if (token_next(p) != ')')
		body = chain_body(p);
	if (expect(p, ')', ")", from, opens) == 0 && p->c.nhere)
		here_read(p);
	depth_leave(p);
	p->c = outer;
	p->have = have;
	p->token = token;
	return body;
}

/* Lines of commands up to the end of the file. */
static struct command *
file_read(struct parser *p)
{
	struct command *first = NULL, **end = &first;

	while (!p->failed && token_next(p) != TOKEN_EOF) {
		if (token_next(p) == '\n') {
			token_take(p);
			continue;
		}
		end = chain_append(p, end, true);
		if (!end)
			return NULL;
		if (token_next(p) == '\n') {
			if (holder(end)->op == OP_END)
				holder(end)->op = OP_NEWLINE;
			token_take(p);
		} else if (token_next(p) != TOKEN_EOF) {
			unexpected(p, NULL);
		}
	}
	return first;
}

/* A copy that ends with a newline; bytes that bash drops are left out. */
static const char *
copy_text(struct arena *a, const char *text, size_t *len)
{
	char *copy = arena_alloc(a, *len + 2, 1), *out = copy;
	const char *nul, *end = text + *len;

	while ((nul = memchr(text, '\0', (size_t)(end - text)))) {
		memcpy(out, text, (size_t)(nul - text));
		out += nul - text;
		text = nul + 1;
	}
	memcpy(out, text, (size_t)(end - text));
	out += end - text;
	if (out > copy && out[-1] != '\n')
		*out++ = '\n';
	*out = '\0';
	*len = (size_t)(out - copy);
	return copy;
}

struct place
syntax_place(const struct syntax *s, uint32_t at)
{
	struct line_cache *l = s->lines;
	const char *nl;

	if (at < l->from)
		*l = (struct line_cache){0, 1};
	while ((nl = memchr(s->text + l->from, '\n', at - l->from))) {
		l->from = (uint32_t)(nl - s->text) + 1;
		l->line++;
	}
	return (struct place){s->file, l->line, at - l->from + 1};
}

void
syntax_source(const struct syntax *s, struct diags *d, struct diag *g)
{
	struct line_cache *l = s->lines;
	const char *nl;

	if (g->at.line == 0)
		return;
	if (g->at.line < l->line)
		*l = (struct line_cache){0, 1};
	while (l->line < g->at.line) {
		nl = memchr(s->text + l->from, '\n', s->len - l->from);
		if (!nl)
			return;
		l->from = (uint32_t)(nl - s->text) + 1;
		l->line++;
	}
	if (l->from < s->len)
		diag_line(d, g, s->text + l->from, s->len - l->from);
}

/*
 * After a failure that bash -n doesn't count: whether it gets to the end of
 * the line, where it stops. It reads tokens on the way, which can fail.
 */
static bool
rest_ends(struct parser p)
{
	int token;

	do {
		p.failed = p.uncounted = p.have = false;
		p.again = TOKEN_NONE;
		token = token_fetch(&p);
		if (token == '\n')
			return true;
		if (token == TOKEN_COND_START && !(p.c.state & LEX_COND))
			cond_read(&p, command_new(&p, COMMAND_COND, p.pos));
	} while (p.failed ? p.uncounted : token != TOKEN_EOF);
	return false;
}

/* Tell of the failure; true if bash -n exits with 0 all the same. */
static bool
report(const struct syntax *s, const struct parser *p, bool verdict,
    struct diags *d)
{
	bool valid = verdict && p->uncounted && rest_ends(*p);
	uint32_t at = p->failed_at;
	struct place place;
	struct diag *g;

	if (at >= s->len && at > 0)
		at = (uint32_t)s->len - 1;
	place = syntax_place(s, at);
	g = valid ? diag_warning(d, place, p->rule, "%s", p->message)
		  : diag_error(d, place, p->rule, "%s", p->message);
	syntax_source(s, d, g);
	if (valid)
		diag_note(d, g, place,
		    "bash -n exits with 0 and reads nothing after this line; "
		    "run, the file fails here");
	if (p->hint)
		diag_hint(d, g, "%s", p->hint);
	return valid;
}

/* What bash takes for a program: NUL in the first line, of 80 bytes. */
static bool
is_binary(const char *text, size_t len)
{
	size_t n = len < SAMPLE ? len : SAMPLE;
	const char *end, *nul = memchr(text, '\0', n);

	if (n >= 4 && memcmp(text, "\177ELF", 4) == 0)
		return true;
	if (!nul)
		return false;
	end = memchr(text, '\n', n);
	if (end && end < nul && text[0] == '#' && text[1] == '!')
		end = memchr(end + 1, '\n', n - (size_t)(end + 1 - text));
	return !end || nul < end;
}

static int
refuse_file(struct diags *d, const char *file, const char *text, size_t len)
{
	struct place at = {.file = file};

	if (len > PARSE_FILE_MAX)
		diag_error(d, at, "file-size",
		    "the file has %zu bytes, more than %d", len,
		    PARSE_FILE_MAX);
	else if (is_binary(text, len))
		diag_error(d, at, "binary-file",
		    "bash takes the file for a program: there is a NUL byte "
		    "in its first line, or it begins as one");
	else
		return 0;
	return -1;
}

/* With verdict, *valid is what bash -n says: so may be what isn't returned. */
static struct syntax *
parse_file(struct arena *a, const char *file, const char *text, size_t len,
    unsigned depth, bool *valid, struct diags *d)
{
	struct syntax *s = arena_new(a, struct syntax);
	struct parser p = {.arena = a, .depth_max = depth};
	bool uncounted;

	s->file = file;
	s->lines = arena_new(a, struct line_cache);
	s->lines->line = 1;
	if (refuse_file(d, file, text, len) < 0)
		return NULL;
	s->text = copy_text(a, text, &len);
	s->len = len;
	s->controls =
	    memchr(s->text, '\001', len) || memchr(s->text, '\177', len);
	p.text = s->text;
	p.len = (uint32_t)len;
	s->chain = file_read(&p);
	if (p.failed) {
		uncounted = report(s, &p, valid, d);
		if (valid)
			*valid = uncounted;
		return NULL;
	}
	s->joins = p.joins;
	s->njoins = p.njoins;
	return s;
}

struct syntax *
syntax_parse(struct arena *a, const char *file, const char *text, size_t len,
    unsigned depth, struct diags *d)
{
	return parse_file(a, file, text, len, depth, NULL, d);
}

bool
syntax_valid(struct arena *a, const char *file, const char *text, size_t len,
    unsigned depth, struct diags *d)
{
	bool valid = false;

	return parse_file(a, file, text, len, depth, &valid, d) || valid;
}
