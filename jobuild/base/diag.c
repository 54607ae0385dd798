/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "diag.h"
#include "arena.h"
#include "buf.h"
#include "utf8.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#define BRIEF_MAX 3 /* errors that diags_brief() quotes */

void
diags_init(struct diags *d, struct arena *a)
{
	memset(d, 0, sizeof(*d));
	d->arena = a;
}

bool
diags_full(struct diags *d)
{
	if (d->n < DIAGS_MAX ||
	    strcmp(d->list[DIAGS_MAX - 1].rule, "too-many") != 0)
		return false;
	d->errors++;
	return true;
}

static struct diag *
add(struct diags *d, enum diag_level level, struct place at, const char *rule,
    const char *text)
{
	struct diag *g;

	if (d->n >= DIAGS_MAX) {
		g = &d->list[DIAGS_MAX - 1];
		memset(g, 0, sizeof(*g));
		g->rule = "too-many";
		g->text = "more than 1000 messages: the rest is not shown";
		d->errors += level == DIAG_ERROR;
		return g;
	}
	d->list = arena_grow(d->arena, d->list, d->n, sizeof(*d->list));
	g = &d->list[d->n++];
	g->level = level;
	g->at = at;
	if (at.file)
		g->at.file = show(d->arena, at.file, strlen(at.file));
	g->rule = rule;
	g->text = show(d->arena, text, strlen(text));
	d->errors += level == DIAG_ERROR;
	return g;
}

struct diag *
diag_error(
    struct diags *d, struct place at, const char *rule, const char *fmt, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = arena_vprintf(d->arena, fmt, ap);
	va_end(ap);
	return add(d, DIAG_ERROR, at, rule, text);
}

struct diag *
diag_warning(
    struct diags *d, struct place at, const char *rule, const char *fmt, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = arena_vprintf(d->arena, fmt, ap);
	va_end(ap);
	return add(d, DIAG_WARNING, at, rule, text);
}

void
diag_hint(struct diags *d, struct diag *g, const char *fmt, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = arena_vprintf(d->arena, fmt, ap);
	va_end(ap);
	g->hint = show(d->arena, text, strlen(text));
}

static void
add_note(struct diags *d, struct diag *g, struct place at, const char *text)
{
	struct diag_note *n;

	g->notes = arena_grow(d->arena, g->notes, g->nnotes, sizeof(*n));
	n = &g->notes[g->nnotes++];
	n->at = at;
	if (at.file)
		n->at.file = show(d->arena, at.file, strlen(at.file));
	n->text = show(d->arena, text, strlen(text));
}

void
diag_note(
    struct diags *d, struct diag *g, struct place at, const char *fmt, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = arena_vprintf(d->arena, fmt, ap);
	va_end(ap);
	add_note(d, g, at, text);
}

void
diag_source(struct diags *d, struct diag *g, const char *text, size_t len)
{
	const char *p = text, *end = text + len, *nl;
	uint32_t line;

	for (line = 1; line < g->at.line && p < end; line++) {
		nl = memchr(p, '\n', (size_t)(end - p));
		p = nl ? nl + 1 : end;
	}
	if (g->at.line == 0 || p >= end)
		return;
	diag_line(d, g, p, (size_t)(end - p));
}

/* What the diagnostic before g shows, if it is of the same line. */
static const char *
same_line(const struct diags *d, const struct diag *g)
{
	const struct diag *last = g - 1;

	if (g == d->list || !g->at.file || !last->at.file ||
	    last->at.line != g->at.line ||
	    strcmp(last->at.file, g->at.file) != 0)
		return NULL;
	return last->source;
}

void
diag_line(struct diags *d, struct diag *g, const char *line, size_t left)
{
	const char *nl = memchr(line, '\n', left);
	size_t len = nl ? (size_t)(nl - line) : left;

	if (len > DIAG_LINE_MAX)
		return;
	g->source = same_line(d, g);
	if (!g->source)
		g->source = arena_strndup(d->arena, line, len);
}

static void
print_place(const struct place *at, FILE *f)
{
	if (!at->file)
		return;
	fputs(at->file, f);
	if (at->line)
		fprintf(f, ":%u", at->line);
	if (at->line && at->col)
		fprintf(f, ":%u", at->col);
	fputs(": ", f);
}

/* The source line and a caret under the column; tabs stay tabs in both. */
static void
print_source(struct arena *a, const struct diag *g, bool color, FILE *f)
{
	size_t i, n = strlen(g->source), w;

	fputc('\t', f);
	for (i = 0; i < n && g->source[i] == '\t'; i++)
		fputc('\t', f);
	fprintf(f, "%s\n", show(a, g->source + i, n - i));
	if (g->at.col == 0 || g->at.col > n + 1)
		return;
	fputc('\t', f);
	for (i = 0; i + 1 < g->at.col; i += w) {
		w = utf8_char(g->source + i, n - i);
		fputc(g->source[i] == '\t' ? '\t' : ' ', f);
		if (w == 0)
			w = 1;
	}
	fputs(color ? "\033[32m^\033[0m\n" : "^\n", f);
}

static void
print_level(enum diag_level level, bool color, FILE *f)
{
	const char *name = level == DIAG_ERROR ? "error" : "warning";

	if (color)
		fprintf(f, "\033[1;%dm%s:\033[0m ",
		    level == DIAG_ERROR ? 31 : 35, name);
	else
		fprintf(f, "%s: ", name);
}

static void
print_all(const struct diags *d, bool color, FILE *f)
{
	const struct diag *g;
	size_t i, k;

	for (i = 0; i < d->n; i++) {
		g = &d->list[i];
		print_place(&g->at, f);
		print_level(g->level, color, f);
		fprintf(f, "%s [%s]\n", g->text, g->rule);
		if (g->source)
			print_source(d->arena, g, color, f);
		for (k = 0; k < g->nnotes; k++) {
			print_place(&g->notes[k].at, f);
			fprintf(f, "note: %s\n", g->notes[k].text);
		}
		if (g->hint) {
			print_place(&g->at, f);
			fprintf(f, "note: %s\n", g->hint);
		}
	}
}

void
diags_brief(const struct diags *d, const char *what, char *text, size_t size)
{
	const struct diag *g;
	size_t i, told = 0;
	int n = snprintf(text, size, "%s", what);

	for (i = 0; i < d->n && told < BRIEF_MAX; i++) {
		g = &d->list[i];
		if (g->level != DIAG_ERROR || n >= (int)size)
			continue;
		n += snprintf(text + n, size - (size_t)n, "%s %s%s%s",
		    told ? ";" : ":", g->at.file ? g->at.file : "",
		    g->at.file ? ": " : "", g->text);
		told++;
	}
}

void
diags_print(const struct diags *d, FILE *f)
{
	print_all(d, false, f);
}

void
diags_print_color(const struct diags *d, FILE *f)
{
	print_all(d, true, f);
}

static void
set_text(json_t *o, const char *key, const char *s)
{
	if (s)
		json_object_set_new(o, key, json_string(s));
}

static void
set_place(json_t *o, const struct place *at)
{
	set_text(o, "file", at->file);
	if (at->line)
		json_object_set_new(o, "line", json_integer(at->line));
	if (at->col)
		json_object_set_new(o, "col", json_integer(at->col));
}

static void
set_notes(json_t *o, const struct diag *g)
{
	json_t *notes = json_array(), *note;
	size_t i;

	for (i = 0; i < g->nnotes; i++) {
		note = json_object();
		set_place(note, &g->notes[i].at);
		set_text(note, "text", g->notes[i].text);
		json_array_append_new(notes, note);
	}
	json_object_set_new(o, "notes", notes);
}

/* Escaped but for the tabs at its begin, by which a caret finds its place. */
static const char *
source_text(struct arena *a, const struct diag *g)
{
	size_t tabs = strspn(g->source, "\t");
	const char *rest = g->source + tabs;

	return arena_printf(
	    a, "%.*s%s", (int)tabs, g->source, show(a, rest, strlen(rest)));
}

json_t *
diags_json(const struct diags *d)
{
	json_t *array = json_array(), *o;
	const struct diag *g;
	size_t i;

	for (i = 0; i < d->n; i++) {
		g = &d->list[i];
		o = json_object();
		set_text(
		    o, "level", g->level == DIAG_ERROR ? "error" : "warning");
		set_text(o, "rule", g->rule);
		set_place(o, &g->at);
		set_text(o, "text", g->text);
		set_text(o, "hint", g->hint);
		if (g->source)
			set_text(o, "source", source_text(d->arena, g));
		if (g->nnotes > 0)
			set_notes(o, g);
		json_array_append_new(array, o);
	}
	return array;
}

static const char *
get_text(struct diags *d, const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? arena_strdup(d->arena, s) : NULL;
}

static uint32_t
get_number(const json_t *o, const char *key)
{
	json_int_t v = json_integer_value(json_object_get(o, key));

	return v > 0 && v <= UINT32_MAX ? (uint32_t)v : 0;
}

static struct place
get_place(struct diags *d, const json_t *o)
{
	struct place at;

	at.file = get_text(d, o, "file");
	at.line = get_number(o, "line");
	at.col = get_number(o, "col");
	return at;
}

static int
get_notes(struct diags *d, struct diag *g, const json_t *array)
{
	const char *text;
	json_t *o;
	size_t i;

	json_array_foreach(array, i, o)
	{
		text = get_text(d, o, "text");
		if (!text)
			return -1;
		add_note(d, g, get_place(d, o), text);
	}
	return 0;
}

int
diags_from_json(struct diags *d, const json_t *array)
{
	struct diag *g;
	const char *level, *rule, *text;
	json_t *o;
	size_t i;

	if (!json_is_array(array))
		return -1;
	json_array_foreach(array, i, o)
	{
		level = get_text(d, o, "level");
		rule = get_text(d, o, "rule");
		text = get_text(d, o, "text");
		if (!level || !rule || !text)
			return -1;
		g = add(d,
		    strcmp(level, "error") == 0 ? DIAG_ERROR : DIAG_WARNING,
		    get_place(d, o), rule, text);
		g->hint = get_text(d, o, "hint");
		g->source = get_text(d, o, "source");
		if (get_notes(d, g, json_object_get(o, "notes")) < 0)
			return -1;
	}
	return 0;
}
