/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Case files of the resolver: one TAP line for each file given.
 *
 *	@TREE
 *	user/name-ver [VARIABLE="value"]... [BROKEN|MUTE|TEMPLATE]
 *	@REQUEST
 *	root ATOM		arch NAME, steps N, offline
 *	@EXPECT
 *	what print_plan() prints, or the diagnostics
 *
 * Variables are DEPEND, SIDEPEND, STAGE, ARCH, CONTENT (what makes the
 * content key; its own id if not given). Lines that begin with # don't count.
 * With -w the files are rewritten with what came out.
 */
#include "tests/unit/tap.h"
#include "tests/unit/fake.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

#include <unistd.h>

struct run {
	struct arena arena;
	struct fake fake;
	struct plan_request req;
	const char *file;
	unsigned line;
	const char *expect; /* the rest of the text */
	size_t before;      /* bytes of the file up to that */
};

static _Noreturn void
bad(const struct run *c, const char *what)
{
	printf("Bail out! %s:%u: %s\n", c->file, c->line, what);
	exit(2);
}

/* Cut the next blank-separated word off; quotes keep blanks together. */
static char *
next_word(char **at)
{
	char *s = *at, *word, *to;
	bool quoted = false;

	while (*s == ' ' || *s == '\t')
		s++;
	if (!*s)
		return NULL;
	for (word = to = s; *s && (quoted || (*s != ' ' && *s != '\t')); s++) {
		if (*s == '"')
			quoted = !quoted;
		else
			*to++ = *s;
	}
	*at = *s ? s + 1 : s;
	*to = '\0';
	return word;
}

static void
read_template(struct run *c, const char *id)
{
	struct recipe_id parsed;

	if (!id_parse(&c->arena, id, strlen(id), &parsed))
		bad(c, "not an id");
	fake_package(&c->fake, parsed.user, parsed.name)->is_template = true;
}

static void
read_recipe(struct run *c, char *line)
{
	char *id = next_word(&line), *word, *value;
	struct fake_recipe *r;

	if (strcmp(line, "TEMPLATE") == 0) {
		read_template(c, id);
		return;
	}
	r = fake_add(&c->fake, id);
	if (!r)
		bad(c, "not an id");
	while ((word = next_word(&line)) != NULL) {
		value = strchr(word, '=');
		if (strcmp(word, "BROKEN") == 0)
			r->broken = true;
		else if (strcmp(word, "MUTE") == 0)
			r->mute = true;
		else if (!value)
			bad(c, "unknown word");
		if (!value)
			continue;
		*value++ = '\0';
		if (!fake_set(&c->fake, r, word, value))
			bad(c, "unknown variable or wrong value");
	}
}

static void
read_request(struct run *c, char *line)
{
	char *word = next_word(&line);
	struct error err;

	if (strcmp(word, "offline") == 0)
		c->req.stage_digest = NULL;
	else if (strcmp(word, "arch") == 0)
		c->req.arch = line;
	else if (strcmp(word, "steps") == 0)
		c->req.max_steps = strtoul(line, NULL, 10);
	else if (strcmp(word, "stage") == 0)
		c->req.default_stage = line;
	else if (strcmp(word, "root") != 0)
		bad(c, "unknown word");
	else if (atom_parse(&c->arena, line, strlen(line), &c->req.root, &err) <
	    0)
		bad(c, err.msg);
}

static const char *
stage_digest(void *ctx, const char *name)
{
	(void)ctx;
	return strcmp(name, "base") == 0 || strcmp(name, "other") == 0 ? name
								       : NULL;
}

/* Read the file up to @EXPECT. */
static void
read_case(struct run *c, char *text)
{
	enum { START, TREE, REQUEST } part = START;
	char *line, *nl, *next = text;

	while ((line = next) != NULL && *line) {
		c->line++;
		nl = strchr(line, '\n');
		next = nl ? nl + 1 : NULL;
		if (nl)
			*nl = '\0';
		if (strcmp(line, "@EXPECT") == 0) {
			c->expect = next ? next : "";
			c->before = (size_t)(c->expect - text);
			return;
		}
		if (strcmp(line, "@TREE") == 0)
			part = TREE;
		else if (strcmp(line, "@REQUEST") == 0)
			part = REQUEST;
		else if (*line && *line != '#' && part == TREE)
			read_recipe(c, line);
		else if (*line && *line != '#' && part == REQUEST)
			read_request(c, line);
		else if (*line && *line != '#')
			bad(c, "text before @TREE");
	}
	bad(c, "no @EXPECT");
}

/* Units with their steps; stages that aren't the usual; what each needs. */
static void
print_plan(struct run *c, const struct plan *p, FILE *f)
{
	const struct plan_unit *u;
	size_t i, k;

	for (i = 0; i < p->nunits; i++) {
		u = &p->units[i];
		fprintf(f, "unit %zu:", i);
		for (k = 0; k < u->nsteps; k++)
			fprintf(f, " %s",
			    id_format(&c->arena, &u->steps[k].meta->id));
		if (strcmp(u->stage, "base") != 0)
			fprintf(f, " on %s", u->stage);
		for (k = 0; k < u->nneeds; k++)
			fprintf(f, "%s%zu", k ? " " : " needs ", u->needs[k]);
		fputs(i == p->root ? " root\n" : "\n", f);
	}
}

static char *
run_case(struct run *c)
{
	struct plan_source src = fake_source(&c->fake);
	struct diags d;
	struct plan *p;
	char *out = NULL;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	diags_init(&d, &c->arena);
	p = plan_make(&c->arena, &src, &c->req, &d);
	if (p)
		print_plan(c, p, f);
	diags_print(&d, f);
	if (!p && d.errors == 0)
		fputs("no plan, and nothing said why\n", f);
	if (p && d.errors > 0)
		fputs("a plan in spite of errors\n", f);
	fclose(f);
	return out;
}

static void
print_comment(const char *title, const char *text)
{
	const char *nl;

	printf("# %s:\n", title);
	for (; *text; text = nl + 1) {
		nl = strchr(text, '\n');
		if (!nl)
			nl = text + strlen(text) - 1;
		printf("#   %.*s\n", (int)(nl - text), text);
	}
}

static void
check_file(const char *file, bool rewrite)
{
	struct run c = {.file = file};
	struct error err;
	struct buf b;
	char *text, *got;

	buf_init(&b, 1 << 20);
	if (file_read(file, &b, &err) < 0)
		bad(&c, err.msg);
	fake_init(&c.fake, &c.arena);
	c.req.arch = "amd64";
	c.req.default_stage = "base";
	c.req.stage_digest = stage_digest;
	text = arena_strdup(&c.arena, b.data);
	read_case(&c, text);
	got = run_case(&c);
	if (!ok(strcmp(got, c.expect) == 0, "%s", file)) {
		print_comment("got", got);
		print_comment("expected", c.expect);
	}
	b.len = c.before;
	if (rewrite &&
	    (buf_adds(&b, got) < 0 ||
		file_write(file, b.data, b.len, 0644, &err) < 0))
		bad(&c, err.msg);
	free(got);
	buf_release(&b);
	arena_release(&c.arena);
}

int
main(int argc, char *argv[])
{
	bool rewrite = argc > 1 && strcmp(argv[1], "-w") == 0;
	int i;

	for (i = rewrite ? 2 : 1; i < argc; i++)
		check_file(argv[i], rewrite);
	return tap_done();
}
