/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes to statements: what the format allows in one file. */
#include "recipe/file.h"
#include "recipe/bytes.h"
#include "recipe/names.h"
#include "recipe/value.h"
#include "base/arena.h"
#include "base/utf8.h"

#include <string.h>

const char *const phase_names[PHASES] = {
    "job_setup", "job_unpack", "job_run", "job_collect"};

/* A file that is being read. */
struct reader {
	struct arena *arena;
	struct diags *d;
	struct recipe *r;
	const char *text;
	bool too_many; /* was told */
};

/* strcmp() for names that mostly differ in front. */
static bool
same(const char *a, const char *b)
{
	return *a == *b && strcmp(a, b) == 0;
}

const struct assignment *
recipe_assignment(const struct recipe *r, const char *name)
{
	size_t i;

	for (i = r->nassignments; i-- > 0;)
		if (same(r->assignments[i].name, name))
			return &r->assignments[i];
	return NULL;
}

void
recipe_source(const struct recipe *r, struct diags *d, struct diag *g)
{
	syntax_source(r->syntax, d, g);
}

static struct place
place_of(struct reader *k, uint32_t at)
{
	return syntax_place(k->r->syntax, at);
}

/* An error at an offset, with the line and a hint. */
__attribute__((format(printf, 5, 6))) static void
complain(struct reader *k, uint32_t at, const char *rule, const char *hint,
    const char *fmt, ...)
{
	struct diag *g;
	const char *text;
	va_list ap;

	if (diags_full(k->d))
		return;
	va_start(ap, fmt);
	text = arena_vprintf(k->arena, fmt, ap);
	va_end(ap);
	g = diag_error(k->d, place_of(k, at), rule, "%s", text);
	recipe_source(k->r, k->d, g);
	if (hint)
		diag_hint(k->d, g, "%s", hint);
}

/* ---- bytes ---- */

/* An error about a byte of a file that isn't parsed. */
static void
bad_byte(struct diags *d, const char *file, const char *text, size_t len,
    size_t at, const char *rule, const char *what, const char *hint)
{
	struct line_cache first = {0, 1};
	struct syntax s = {
	    .file = file, .text = text, .len = len, .lines = &first};
	struct diag *g;

	g = diag_error(d, syntax_place(&s, (uint32_t)at), rule, "%s", what);
	diag_source(d, g, text, len);
	diag_hint(d, g, "%s", hint);
}

static bool
bytes_valid(struct diags *d, const char *file, const char *text, size_t len)
{
	const char *p;
	size_t at;

	if (len > RECIPE_FILE_MAX) {
		diag_error(d, (struct place){.file = file}, "file-size",
		    "the file has %zu bytes, more than %d", len,
		    RECIPE_FILE_MAX);
		return false;
	}
	if (len >= 3 && memcmp(text, "\357\273\277", 3) == 0) {
		bad_byte(d, file, text, len, 0, "byte-order-mark",
		    "the file begins with a byte order mark",
		    "save it as UTF-8 without one");
		return false;
	}
	p = memchr(text, '\0', len);
	if (p) {
		bad_byte(d, file, text, len, (size_t)(p - text), "nul-byte",
		    "the file has a NUL byte", "recipes are text");
		return false;
	}
	p = memchr(text, '\r', len);
	if (p) {
		bad_byte(d, file, text, len, (size_t)(p - text),
		    "carriage-return", "the file has a carriage return",
		    "save it with Unix line ends");
		return false;
	}
	at = utf8_valid(text, len);
	if (at < len)
		bad_byte(d, file, text, len, at, "not-utf8",
		    "the file is not UTF-8", "save it as UTF-8");
	return at == len;
}

/* ---- assignments ---- */

static void
check_name(struct reader *k, const struct assignment *a, size_t len)
{
	const char *name = a->name, *near;
	uint32_t at = a->word.from;
	struct diag *g;

	if (name[0] == '_' ? len > 1 : is_known(name, len))
		return;
	if (is_predefined(name, len)) {
		complain(k, at, "predefined", "choose another name",
		    "%s is set by AutotuA and can't be assigned", name);
	} else if (is_phase_only(name, len)) {
		complain(k, at, "predefined",
		    strcmp(name, "S") == 0 ? "assign S in a phase"
					   : "choose another name",
		    "%s is set by AutotuA in phases and can't be assigned "
		    "here",
		    name);
	} else if (is_special(name, len)) {
		complain(k, at, "special-variable", "choose another name",
		    "%s is special to bash and can't be assigned", name);
	} else {
		g = diag_warning(k->d, place_of(k, at), "unknown-variable",
		    "%s is no variable of the format", name);
		recipe_source(k->r, k->d, g);
		near = nearest(name, known_names, known_count);
		if (near)
			diag_hint(k->d, g, "is %s meant?", near);
		else
			diag_hint(k->d, g,
			    "names of your own begin with _: _%s", name);
	}
}

/* EXTENDS: the first statement, a plain user/name-version. */
static void
check_extends(struct reader *k, const struct assignment *a, bool first)
{
	const char *s = k->text + a->value.from;
	size_t len = a->value.to - a->value.from;
	static const char form[] =
	    "write EXTENDS=\"user/name-1.0\" with the exact version";

	k->r->extends = true;
	k->r->extends_at = a->at;
	if (!first || a->append) {
		complain(k, a->word.from, "extends",
		    "move it above all other statements",
		    "EXTENDS must be assigned with = in the first statement");
		return;
	}
	if (len >= 2 && (*s == '"' || *s == '\'') && s[len - 1] == *s) {
		s++;
		len -= 2;
	}
	if (!id_parse(k->arena, s, len, &k->r->parent))
		complain(k, a->value.from, "extends", form,
		    "EXTENDS is not the exact name of a template");
}

/* The last assignment was made before: only with += may it be repeated. */
static void
check_twice(struct reader *k)
{
	const struct recipe *r = k->r;
	const struct assignment *a = &r->assignments[r->nassignments - 1];
	const struct assignment *b;

	if (a->append)
		return;
	for (b = r->assignments; b < a; b++)
		if (same(b->name, a->name))
			break;
	if (b < a)
		complain(k, a->word.from, "assigned-twice",
		    "use += to add to it", "%s was assigned in line %u already",
		    a->name, b->at.line);
}

/* Nothing but bytes and quotes: then nothing in it can be refused. */
static bool
is_literal(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (BYTE_IS(s[i], BYTE_PLAIN) && !strchr("'\"\\&", s[i]))
			return false;
	return true;
}

static void
add_assignment(struct reader *k, const struct word *w, bool first)
{
	const char *s = k->text + w->at.from;
	size_t len = w->at.to - w->at.from,
	       n = assignment_length(s, len, false);
	struct recipe *r = k->r;
	struct assignment *a;
	struct scope check;
	size_t used;

	if ((w->flags & WORD_ARRAY) || !is_name(s, n)) {
		complain(k, w->at.from, "array",
		    "write one value with blanks between its words",
		    "an array can't be assigned");
		return;
	}
	if (r->nassignments == RECIPE_ASSIGNMENTS_MAX) {
		if (!k->too_many)
			complain(k, w->at.from, "assignment-limit", NULL,
			    "more than %d assignments", RECIPE_ASSIGNMENTS_MAX);
		k->too_many = true;
		return;
	}
	r->assignments = arena_grow(
	    k->arena, r->assignments, r->nassignments, sizeof(*r->assignments));
	a = &r->assignments[r->nassignments++];
	a->name = arena_strndup(k->arena, s, n);
	a->append = s[n] == '+';
	a->word = w->at;
	a->value.from = w->at.from + (uint32_t)n + 1 + a->append;
	a->value.to = w->at.to;
	a->at = place_of(k, w->at.from);
	check_name(k, a, n);
	check_twice(k);
	if (strcmp(a->name, "EXTENDS") == 0)
		check_extends(k, a, first);
	if (!r->syntax->controls && is_literal(s + n, len - n))
		return;
	scope_init(&check, k->arena, k->d);
	value_eval(&check, r->syntax, a->value, true, &used);
}

/* ---- functions ---- */

static bool
function_name(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!is_name(s + i, 1) &&
		    (i == 0 || ((s[i] < '0' || s[i] > '9') && s[i] != '-')))
			return false;
	return len > 0;
}

/* "job_urn": looks like a phase, but is none. */
static void
check_phase_name(struct reader *k, const struct definition *f)
{
	const char *near;
	struct diag *g;
	size_t i;

	if (strncmp(f->name, "job_", 4) != 0)
		return;
	for (i = 0; i < PHASES; i++)
		if (strcmp(f->name, phase_names[i]) == 0)
			return;
	near = nearest(f->name, phase_names, PHASES);
	g = diag_warning(k->d, f->at, "unknown-phase",
	    "%s is no phase: nothing calls it", f->name);
	recipe_source(k->r, k->d, g);
	if (near)
		diag_hint(k->d, g, "is %s meant?", near);
	else
		diag_hint(k->d, g,
		    "the phases are job_setup, job_unpack, job_run and "
		    "job_collect");
}

static void
define(struct reader *k, const struct command *c)
{
	const struct word *w = c->words;
	const char *s = k->text + w->at.from, *hidden;
	size_t len = w->at.to - w->at.from;
	struct recipe *r = k->r;
	struct definition *f;
	const struct definition *g;

	hidden = hides(s, len);
	if (hidden) {
		complain(k, w->at.from, "hides", "choose another name",
		    "a function %.*s would hide the %s", (int)len, s, hidden);
		return;
	}
	if (r->nfunctions == RECIPE_FUNCTIONS_MAX) {
		complain(k, w->at.from, "function-limit", NULL,
		    "more than %d functions", RECIPE_FUNCTIONS_MAX);
		k->too_many = true;
		return;
	}
	r->functions = arena_grow(
	    k->arena, r->functions, r->nfunctions, sizeof(*r->functions));
	f = &r->functions[r->nfunctions++];
	f->name = arena_strndup(k->arena, s, len);
	f->from = w->at.from;
	f->at = place_of(k, w->at.from);
	for (g = r->functions; !same(g->name, f->name); g++)
		;
	if (g < f)
		complain(k, w->at.from, "defined-twice", "keep one of the two",
		    "the function %s was defined in line %u already", f->name,
		    g->at.line);
	check_phase_name(k, f);
}

static void
add_function(struct reader *k, const struct command *c)
{
	const struct word *w = c->words;
	static const char form[] = "write name() { ... } at the line's start";
	uint32_t at = c->at.from;

	if (c->flags & COMMAND_KEYWORD)
		complain(k, at, "function-form", form,
		    "a function defined with the word \"function\"");
	else if (c->body->kind != COMMAND_GROUP)
		complain(k, c->body->at.from, "function-form", form,
		    "a function whose body is not { ... }");
	else if (c->body->redirs)
		complain(k, c->body->redirs->target->at.from, "function-form",
		    "put it inside the body", "a redirection after a function");
	else if (!function_name(k->text + w->at.from, w->at.to - w->at.from))
		complain(k, w->at.from, "function-name",
		    "letters, digits, _ and -, no digit in front",
		    "this is no name for a function");
	else if (at > 0 && k->text[at - 1] != '\n')
		complain(k, at, "function-form", form,
		    "a function that doesn't begin its line");
	else if (!k->too_many)
		define(k, c);
}

/* ---- statements ---- */

const char *
command_name(const struct command *c)
{
	switch ((enum command_kind)c->kind) {
	case COMMAND_IF:
	case COMMAND_CASE:
	case COMMAND_COND:
		return "a condition";
	case COMMAND_WHILE:
	case COMMAND_UNTIL:
	case COMMAND_FOR:
	case COMMAND_FOR_ARITH:
	case COMMAND_SELECT:
		return "a loop";
	case COMMAND_GROUP:
	case COMMAND_SUBSHELL:
		return "a group of commands";
	case COMMAND_ARITH:
		return "an arithmetic command";
	case COMMAND_COPROC:
		return "a coprocess";
	case COMMAND_SIMPLE:
	case COMMAND_FUNCTION:
		break;
	}
	return "a command";
}

/* A command where only assignments and functions belong. */
static void
refuse_simple(struct reader *k, const struct command *c)
{
	const struct word *w = c->words, *next = w ? w->next : NULL;
	const char *s = w ? k->text + w->at.from : "";
	size_t len = w ? w->at.to - w->at.from : 0;

	if (!w)
		complain(k, c->at.from, "command", "move it into a phase",
		    "a redirection or an empty command outside of functions");
	else if (next && next->at.to > next->at.from &&
	    k->text[next->at.from] == '=')
		complain(k, next->at.from, "command",
		    "write NAME=value without blanks around the =",
		    "a blank before =");
	else if (takes_assignments(s, len))
		complain(k, w->at.from, "command",
		    "write NAME=value alone: all variables are seen by "
		    "phases",
		    "\"%.*s\" outside of functions", (int)len, s);
	else
		complain(k, w->at.from, "command", "move it into a phase",
		    "a command outside of functions: \"%s\"",
		    show(k->arena, s, len > 40 ? 40 : len));
}

static void
simple_statement(struct reader *k, const struct command *c, bool first)
{
	const struct word *w = c->words;

	if (!w || !(w->flags & WORD_ASSIGN)) {
		refuse_simple(k, c);
	} else if (c->redirs) {
		complain(k, c->redirs->target->at.from, "command",
		    "quote < and > in a value",
		    "a redirection outside of functions");
	} else if (w->next && (w->next->flags & WORD_ASSIGN)) {
		complain(k, w->next->at.from, "one-statement",
		    "begin a new line", "a second assignment in one line");
	} else if (w->next) {
		complain(k, w->next->at.from, "command",
		    "quote the value if this belongs to it",
		    "a command after an assignment");
	} else {
		add_assignment(k, w, first);
	}
}

static const char *
op_name(const struct command *c)
{
	static const char *const names[] = {[OP_SEQ] = ";",
	    [OP_BACK] = "&",
	    [OP_AND] = "&&",
	    [OP_OR] = "||",
	    [OP_PIPE] = "|",
	    [OP_PIPE_ALL] = "|&"};

	return names[c->op];
}

/* Does the next command begin a line of its own, not one after && or |? */
static bool
line_ends(const struct reader *k, const struct command *c)
{
	const char *from = k->text + c->at.to;

	if (c->op == OP_NEWLINE)
		return true;
	return c->op < OP_AND &&
	    memchr(from, '\n', (size_t)(k->text + c->next->at.from - from));
}

/* One line of commands from c; the first of the next line. */
static const struct command *
statement(struct reader *k, const struct command *c, bool first)
{
	const struct command *last = c;

	while (last->next && !line_ends(k, last))
		last = last->next;
	if (c->flags & (COMMAND_NOT | COMMAND_TIME))
		complain(k, c->at.from, "command", "move it into a phase",
		    "a command outside of functions");
	else if (c->kind == COMMAND_SIMPLE && c->op > OP_SEQ &&
	    !(c->words && (c->words->flags & WORD_ASSIGN)))
		refuse_simple(k, c);
	else if (c->op != OP_END && c->op != OP_NEWLINE)
		complain(k, c->at.from, "one-statement",
		    "one assignment or function in a line, without an "
		    "operator after it",
		    "\"%s\" outside of functions", op_name(c));
	else if (c->kind == COMMAND_SIMPLE)
		simple_statement(k, c, first);
	else if (c->kind == COMMAND_FUNCTION)
		add_function(k, c);
	else
		complain(k, c->at.from, "command",
		    "move it into a phase; values can't depend on it",
		    "%s outside of functions", command_name(c));
	return last->next;
}

struct recipe *
recipe_parse(struct arena *a, const char *file, const char *text, size_t len,
    struct diags *d)
{
	struct reader k = {.arena = a, .d = d};
	size_t before = d->errors;
	const struct command *c;
	bool first = true;

	if (!bytes_valid(d, file, text, len))
		return NULL;
	k.r = arena_new(a, struct recipe);
	k.r->syntax = syntax_parse(a, file, text, len, PARSE_DEPTH_RECIPE, d);
	if (!k.r->syntax)
		return NULL;
	k.text = k.r->syntax->text;
	for (c = k.r->syntax->chain; c; first = false)
		c = statement(&k, c, first);
	return d->errors > before ? NULL : k.r;
}

bool
recipe_extends(
    const struct recipe *r, struct recipe_id *parent, struct place *at)
{
	if (!r->extends)
		return false;
	*parent = r->parent;
	*at = r->extends_at;
	return true;
}

bool
recipe_origin(const struct recipe *r, size_t i, struct origin *out)
{
	const struct assignment *a;

	if (i >= r->nassignments)
		return false;
	a = &r->assignments[i];
	out->name = a->name;
	out->append = a->append;
	out->source = r->syntax->text + a->value.from;
	out->len = a->value.to - a->value.from;
	out->at = a->at;
	return true;
}
