/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our values against bash's on files of any origin. Names of files come on
 * standard input, each followed by a NUL. Every command of a file that is
 * nothing but assignments, wherever it stands, is evaluated in their order;
 * one restricted bash assigns those that were accepted and nothing else. So
 * no command of a file is ever run.
 *
 *	corpus NAME=VALUE... <list	what the files find set
 *
 * Exits with 1 when a value differs.
 */
#include "recipe/globals.h"
#include "recipe/parse.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/map.h"
#include "base/proc.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH 400 /* files for one bash */

/* An assignment that was accepted. */
struct value {
	const char *file, *text, *value;
	uint32_t line;
};

struct corpus {
	char **given; /* NAME=VALUE */
	int ngiven;
	struct arena batch, all;
	struct buf script;
	struct value *values;
	size_t n, nfiles;
	/* totals */
	size_t files, whole, unparsed, unread;
	size_t equal, refused, unknown, wrong;
	struct map rules; /* what was refused: rule to its count */
	char path[32];
};

/* The file that is being read. */
struct reader {
	struct corpus *c;
	struct globals *g;
	struct diags d;
	const char *file;
};

static void
count_rule(struct corpus *c, const char *rule)
{
	void **slot = map_puts(&c->rules, rule);
	size_t *n = *slot;

	if (!n)
		n = *slot = arena_new(&c->all, size_t);
	++*n;
}

static void
quote(struct buf *b, const char *s)
{
	buf_adds(b, "'");
	for (; *s; s++) {
		if (*s == '\'')
			buf_adds(b, "'\\''");
		else
			buf_addc(b, *s);
	}
	buf_adds(b, "'\n");
}

static void
add_value(struct reader *r, const struct word *w, const char *value)
{
	struct corpus *c = r->c;
	const struct syntax *s = globals_syntax(r->g);
	const char *text = s->text + w->at.from;
	size_t len = w->at.to - w->at.from, name = strcspn(text, "+=");
	struct value *v;

	c->values = arena_grow(&c->batch, c->values, c->n, sizeof(*c->values));
	v = &c->values[c->n];
	v->file = r->file;
	v->text = arena_strndup(&c->batch, text, len);
	v->value = arena_strdup(&c->batch, value);
	v->line = syntax_place(s, w->at.from).line;
	buf_add(&c->script, text, len);
	buf_addf(&c->script, "\nprintf '%%s\\0%%s\\0' %zu \"$%.*s\"\n", c->n,
	    (int)name, text);
	c->n++;
}

static void
assign(struct reader *r, const struct word *w)
{
	size_t before = r->d.errors;
	const char *value;

	value = globals_assign(r->g, w);
	if (value) {
		add_value(r, w, value);
	} else if (r->d.errors > before) {
		r->c->refused++;
		count_rule(r->c, r->d.list[r->d.n - 1].rule);
	} else {
		r->c->unknown++;
	}
}

static bool
only_assigns(const struct command *c)
{
	const struct word *w;

	for (w = c->words; w; w = w->next)
		if (!(w->flags & WORD_ASSIGN))
			return false;
	return !c->redirs;
}

static void walk(struct reader *r, const struct command *c);

static void
walk_inside(struct reader *r, const struct command *c)
{
	const struct item *item;

	switch ((enum command_kind)c->kind) {
	case COMMAND_IF:
	case COMMAND_WHILE:
	case COMMAND_UNTIL:
		walk(r, c->u.cond);
		break;
	case COMMAND_CASE:
		for (item = c->u.items; item; item = item->next)
			walk(r, item->body);
		return;
	default:
		break;
	}
	walk(r, c->body);
	walk(r, c->orelse);
}

static void
walk(struct reader *r, const struct command *c)
{
	const struct word *w;

	for (; c; c = c->next) {
		if (c->kind != COMMAND_SIMPLE) {
			walk_inside(r, c);
		} else if (only_assigns(c)) {
			for (w = c->words; w; w = w->next)
				assign(r, w);
		}
	}
}

static void
set_given(struct corpus *c, struct globals *g, struct arena *a)
{
	const char *sign;
	int i;

	for (i = 0; i < c->ngiven; i++) {
		sign = strchr(c->given[i], '=');
		globals_set(g,
		    arena_strndup(a, c->given[i], (size_t)(sign - c->given[i])),
		    sign + 1);
	}
}

/* Is all of its global scope evaluated? */
static bool
is_whole(struct corpus *c, const char *file, const struct buf *b)
{
	struct arena a = {0};
	struct globals *g;
	struct diags d;
	bool whole;

	diags_init(&d, &a);
	g = globals_new(&a, file, b->data ? b->data : "", b->len, &d);
	if (g)
		set_given(c, g, &a);
	whole = g && globals_eval(g) == 0;
	arena_release(&a);
	return whole;
}

static void
read_text(struct corpus *c, const char *file, const struct buf *b)
{
	struct reader r = {.c = c, .file = arena_strdup(&c->batch, file)};

	diags_init(&r.d, &c->batch);
	r.g = globals_new(&c->batch, r.file,
	    arena_strndup(&c->batch, b->data ? b->data : "", b->len), b->len,
	    &r.d);
	if (!r.g) {
		c->unparsed++;
		count_rule(c, r.d.list[0].rule);
		return;
	}
	set_given(c, r.g, &c->batch);
	buf_adds(&c->script, "(\n");
	walk(&r, globals_syntax(r.g)->chain);
	buf_adds(&c->script, ":\n)\n");
	c->whole += is_whole(c, file, b);
}

static void
read_file(struct corpus *c, const char *file)
{
	struct error err;
	struct buf b;

	c->files++;
	c->nfiles++;
	buf_init(&b, PARSE_FILE_MAX);
	if (file_read(file, &b, &err) < 0) {
		fprintf(stderr, "corpus: %s\n", err.msg);
		c->unread++;
	} else {
		read_text(c, file, &b);
	}
	buf_release(&b);
}

static const char *
skip_field(const char *p, const char *end)
{
	const char *nul = memchr(p, '\0', (size_t)(end - p));

	return nul ? nul + 1 : end;
}

static void
tell_wrong(const struct value *v, const char *bash)
{
	printf("WRONG %s:%u: %s\n\tours: <%s>\n\tbash: <%s>\n", v->file,
	    v->line, v->text, v->value, bash ? bash : "(an error)");
}

static void
compare(struct corpus *c, const struct buf *out)
{
	const char *p = out->data, *end = p + out->len, *value;
	size_t i;

	for (i = 0; i < c->n; i++) {
		value = NULL;
		if (p < end && strtoul(p, NULL, 10) == i) {
			value = skip_field(p, end);
			p = skip_field(value, end);
		}
		if (value && strcmp(value, c->values[i].value) == 0) {
			c->equal++;
			continue;
		}
		c->wrong++;
		tell_wrong(&c->values[i], value);
	}
}

/* -r: no command that has a slash in its name, no redirections. */
static void
run_batch(struct corpus *c)
{
	const char *const argv[] = {"env", "-i", "PATH=/nonexistent",
	    "LC_ALL=C", "/bin/bash", "--norc", "--noprofile", "-r", c->path,
	    NULL};
	struct error err;
	struct buf out;

	if (file_write(c->path, c->script.data, c->script.len, 0600, &err) <
	    0) {
		fprintf(stderr, "corpus: %s\n", err.msg);
		exit(2);
	}
	buf_init(&out, SIZE_MAX / 4);
	buf_adds(&out, "");
	if (proc_run(argv, &out, &err) < 0)
		fprintf(stderr, "corpus: bash: %s\n", err.msg);
	compare(c, &out);
	buf_release(&out);
	arena_release(&c->batch);
	c->values = NULL;
	c->n = c->nfiles = 0;
}

static void
begin_batch(struct corpus *c)
{
	char *sign;
	int i;

	c->script.len = 0;
	buf_adds(&c->script, "shopt -u patsub_replacement\n");
	for (i = 0; i < c->ngiven; i++) {
		sign = strchr(c->given[i], '=');
		buf_add(
		    &c->script, c->given[i], (size_t)(sign - c->given[i]) + 1);
		quote(&c->script, sign + 1);
	}
}

static int
by_count(const void *a, const void *b)
{
	size_t x = *(const size_t *)((const struct map_item *)a)->value;
	size_t y = *(const size_t *)((const struct map_item *)b)->value;

	return x < y ? 1 : -(x > y);
}

static void
report(const struct corpus *c)
{
	size_t i;

	printf("files: %zu, %zu not parsed, %zu not readable, %zu evaluated "
	       "as a whole\n",
	    c->files, c->unparsed, c->unread, c->whole);
	printf("assignments: %zu equal, %zu refused, %zu need what was "
	       "refused, %zu WRONG\n",
	    c->equal, c->refused, c->unknown, c->wrong);
	if (c->rules.n > 0)
		qsort(c->rules.items, c->rules.n, sizeof(*c->rules.items),
		    by_count);
	for (i = 0; i < c->rules.n; i++)
		printf("  %8zu %s\n", *(size_t *)c->rules.items[i].value,
		    c->rules.items[i].key);
}

static int
read_list(struct corpus *c)
{
	char *name = NULL;
	size_t cap = 0;

	begin_batch(c);
	while (getdelim(&name, &cap, '\0', stdin) > 0) {
		read_file(c, name);
		if (c->nfiles == BATCH) {
			run_batch(c);
			begin_batch(c);
		}
	}
	free(name);
	if (c->nfiles > 0)
		run_batch(c);
	report(c);
	return c->wrong > 0 || c->unread > 0;
}

int
main(int argc, char *argv[])
{
	struct corpus c = {.given = argv + 1, .ngiven = argc - 1};
	int i, fd, rc;

	for (i = 1; i < argc; i++) {
		if (!strchr(argv[i], '=')) {
			fprintf(stderr, "usage: corpus NAME=VALUE... <list\n");
			return 2;
		}
	}
	memcpy(c.path, "/tmp/corpus.XXXXXX", sizeof("/tmp/corpus.XXXXXX"));
	fd = mkstemp(c.path);
	if (fd < 0) {
		perror("corpus: temporary file");
		return 2;
	}
	close(fd);
	map_init(&c.rules, &c.all);
	buf_init(&c.script, SIZE_MAX / 4);
	rc = read_list(&c);
	unlink(c.path);
	buf_release(&c.script);
	arena_release(&c.all);
	return rc;
}
