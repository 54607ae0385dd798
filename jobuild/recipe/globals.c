/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recipe/globals.h"
#include "recipe/file.h"
#include "recipe/names.h"
#include "recipe/value.h"
#include "base/arena.h"

#include <string.h>

struct globals {
	struct syntax *syntax;
	struct scope scope;
};

__attribute__((format(printf, 5, 6))) static int
complain(struct globals *g, uint32_t at, const char *rule, const char *hint,
    const char *fmt, ...)
{
	const struct syntax *s = g->syntax;
	struct diags *d = g->scope.diags;
	const char *text;
	struct diag *one;
	va_list ap;

	if (diags_full(d))
		return -1;
	va_start(ap, fmt);
	text = arena_vprintf(g->scope.arena, fmt, ap);
	va_end(ap);
	one = diag_error(d, syntax_place(s, at), rule, "%s", text);
	syntax_source(s, d, one);
	if (hint)
		diag_hint(d, one, "%s", hint);
	return -1;
}

bool
globals_valid(struct arena *a, const char *file, const char *text, size_t len,
    struct diags *d)
{
	return syntax_valid(a, file, text, len, PARSE_DEPTH_MAX, d);
}

struct globals *
globals_new(struct arena *a, const char *file, const char *text, size_t len,
    struct diags *d)
{
	struct globals *g = arena_new(a, struct globals);
	struct place at = {.file = file};

	scope_init(&g->scope, a, d);
	if (len > RECIPE_FILE_MAX) {
		diag_error(d, at, "file-size",
		    "the file has %zu bytes, more than %d", len,
		    RECIPE_FILE_MAX);
		return NULL;
	}
	if (memchr(text, '\0', len)) {
		diag_error(d, at, "nul-byte", "the file has a NUL byte");
		return NULL;
	}
	g->syntax = syntax_parse(a, file, text, len, PARSE_DEPTH_RECIPE, d);
	return g->syntax ? g : NULL;
}

const struct syntax *
globals_syntax(const struct globals *g)
{
	return g->syntax;
}

void
globals_set(struct globals *g, const char *name, const char *value)
{
	struct scope_variable *v = scope_put(&g->scope, name, strlen(name));

	v->value = value;
	v->len = strlen(value);
	v->predefined = true;
}

/* Is it NAME=value or NAME+=value with a name that may be assigned? */
static bool
target_allowed(struct globals *g, const struct word *w, size_t name)
{
	const char *s = g->syntax->text + w->at.from;

	if ((w->flags & WORD_ARRAY) || !is_name(s, name)) {
		complain(g, w->at.from, "array",
		    "write one value with blanks between its words",
		    "an array can't be assigned");
		return false;
	}
	if (is_special(s, name)) {
		complain(g, w->at.from, "special-variable",
		    "choose another name",
		    "%.*s is special to bash and can't be assigned", (int)name,
		    s);
		return false;
	}
	return true;
}

static int
store(struct globals *g, const struct word *w, struct scope_variable *v,
    bool append, const char *value, size_t len)
{
	if (append && v->failed)
		return -1;
	if (append && v->value && v->len + len > RECIPE_VALUE_MAX)
		return complain(g, w->at.from, "value-size", "split it",
		    "the value of %s has %zu bytes, more than %d", v->name,
		    v->len + len, RECIPE_VALUE_MAX);
	if (append && v->value) {
		scope_append(&g->scope, v, value, len);
	} else {
		v->value = value;
		v->len = len;
		v->cap = 0;
	}
	v->failed = false;
	v->predefined = false;
	v->at = syntax_place(g->syntax, w->at.from);
	return 0;
}

const char *
globals_assign(struct globals *g, const struct word *w)
{
	const char *s = g->syntax->text + w->at.from, *value = NULL;
	size_t len = w->at.to - w->at.from, used, name;
	size_t sign = assignment_length(s, len, false);
	bool append = s[sign] == '+';
	struct range rest = w->at;
	struct scope_variable *v;

	name = name_length(s, sign);
	v = scope_put(&g->scope, s, name);
	if (target_allowed(g, w, sign)) {
		rest.from += (uint32_t)sign + 1 + append;
		g->scope.unsure = false;
		value = value_eval(&g->scope, g->syntax, rest, false, &used);
	}
	if (value && !g->scope.unsure &&
	    store(g, w, v, append, value, used) == 0)
		return v->value;
	if (!v->value)
		v->value = "";
	v->failed = true;
	return NULL;
}

/* NAME=value, several of them in a line, and nothing else. */
static int
assign_all(struct globals *g, const struct command *c)
{
	const struct word *w;
	int rc = 0;

	for (w = c->words; w; w = w->next)
		if (!globals_assign(g, w))
			rc = -1;
	return rc;
}

static int
refuse_command(struct globals *g, const struct command *c)
{
	static const char hint[] =
	    "only NAME=value and functions are read without being run";
	const struct word *w = c->words;
	size_t len;

	if (c->kind != COMMAND_SIMPLE || !w)
		return complain(g, c->at.from, "command", hint,
		    "%s outside of functions", command_name(c));
	len = w->at.to - w->at.from;
	return complain(g, c->at.from, "command", hint,
	    "a command outside of functions: \"%.*s\"",
	    (int)(len > 40 ? 40 : len), g->syntax->text + w->at.from);
}

static bool
only_assigns(const struct command *c)
{
	const struct word *w;

	if (c->kind != COMMAND_SIMPLE || !c->words || c->redirs ||
	    (c->flags & (COMMAND_NOT | COMMAND_TIME)))
		return false;
	for (w = c->words; w; w = w->next)
		if (!(w->flags & WORD_ASSIGN))
			return false;
	return true;
}

/* A list of commands whose parts may not run, or elsewhere: && || | & */
static bool
is_list(const struct command *c)
{
	return c->op >= OP_BACK;
}

int
globals_eval(struct globals *g)
{
	const struct command *c;
	int rc = 0;

	for (c = g->syntax->chain; c; c = c->next) {
		if (is_list(c)) {
			rc = refuse_command(g, c);
			while (c->next && is_list(c) && c->op != OP_BACK)
				c = c->next;
		} else if (only_assigns(c)) {
			if (assign_all(g, c) < 0)
				rc = -1;
		} else if (c->kind != COMMAND_FUNCTION ||
		    (c->flags & (COMMAND_NOT | COMMAND_TIME))) {
			rc = refuse_command(g, c);
		}
	}
	return rc;
}

bool
globals_next(const struct globals *g, size_t *i, struct variable *out)
{
	const struct scope_variable *v;

	while (*i < g->scope.names.n) {
		v = g->scope.names.items[(*i)++].value;
		if (!v->value || v->predefined || v->failed)
			continue;
		*out = (struct variable){v->name, v->value, v->at};
		return true;
	}
	return false;
}
