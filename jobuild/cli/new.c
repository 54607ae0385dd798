/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/file.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/repo.h"

#include <string.h>
#include <unistd.h>

struct new_options {
	const char *version, *description, *extends;
	bool template;
};

static const struct opt options[] = {
    {"version", 0, OPT_TEXT, offsetof(struct new_options, version), "X.Y",
	"instead of 1.0"},
    {"description", 'd', OPT_TEXT, offsetof(struct new_options, description),
	"TEXT", "what it does, in one line"},
    {"extends", 0, OPT_TEXT, offsetof(struct new_options, extends),
	"USER/NAME-VER", "the template that it fills"},
    {"template", 't', OPT_FLAG, offsetof(struct new_options, template), NULL,
	"write a template"},
    {0},
};

static const char jobuild_body[] =
    "\n"
    "# Runs as root in a chroot of its own; see jobuild(5).\n"
    "job_run() {\n"
    "\teinfo \"hello from ${P}\"\n"
    "}\n";

static const char child_body[] =
    "\n"
    "# Define here what the template leaves open (its BLOCKS); jobuild(5).\n";

static const char template_body[] =
    "BLOCKS=\"work\"\n"
    "\n"
    "job_run() {\n"
    "\twork\n"
    "}\n"
    "\n"
    "# What jobuilds that extend this one may put in its place.\n"
    "work() {\n"
    "\teinfo \"nothing to do for ${P}\"\n"
    "}\n";

/* NAME='s' as bash reads it. */
static void
assign(struct buf *b, const char *name, const char *s)
{
	buf_addf(b, "%s='", name);
	for (; *s; s++) {
		if (*s == '\'')
			buf_adds(b, "'\\''");
		else
			buf_addc(b, *s);
	}
	buf_adds(b, "'\n");
}

static void
compose(struct buf *b, const struct new_options *o, const char *user,
    const char *name)
{
	if (o->extends)
		buf_addf(b, "EXTENDS=\"%s\"\n", o->extends);
	if (o->description)
		assign(b, "DESCRIPTION", o->description);
	else
		buf_addf(b, "DESCRIPTION=\"What %s of %s does, in one line\"\n",
		    name, user);
	if (o->template)
		buf_adds(b, template_body);
	else
		buf_adds(b, o->extends ? child_body : jobuild_body);
}

static int
check(struct cli *c, const struct new_options *o, const struct target *t,
    struct version *v, struct error *err)
{
	const char *ver = o->version ? o->version : "1.0";
	struct recipe_id parent;

	if (!t->name)
		return fail(err, "expected USER/NAME, as in anna/hello");
	if (t->exact)
		return fail(err,
		    "a name can't end in a version: give it with --version");
	if (!version_parse(ver, strlen(ver), v))
		return fail(err,
		    "version \"%s\" is not two numbers and a dot, as in 1.0",
		    ver);
	if (o->extends &&
	    !id_parse(&c->arena, o->extends, strlen(o->extends), &parent))
		return fail(err, "--extends: \"%s\" is not USER/NAME-VERSION",
		    o->extends);
	if (o->description && strpbrk(o->description, "\n\r"))
		return fail(err, "--description: more than one line");
	return 0;
}

static int
write_new(struct cli *c, const char *top, const char *dir, const char *path,
    const struct buf *text, struct error *err)
{
	const char *full = arena_printf(&c->arena, "%s/%s", top, path);

	if (access(full, F_OK) == 0)
		return fail(
		    err, "%s is there already: choose another --version", path);
	dir = arena_printf(&c->arena, "%s/%s", top, dir);
	if (file_mkdirs(dir, 0755, err) < 0)
		return -1;
	return file_write(full, text->data, text->len, 0644, err);
}

static int
new_main(struct cli *c, const void *opts, int n, char *args[])
{
	const struct new_options *o = opts;
	char ver[VERSION_MAX];
	const char *dir, *path;
	struct error err = {0};
	struct target t;
	struct version v = {0, 0};
	struct repo r;
	struct buf b;
	int rc;

	(void)n;
	buf_init(&b, RECIPE_FILE_MAX);
	if (repo_find(c, &r, &err) < 0)
		return cli_error(c, CLI_NOT_FOUND, &err);
	if (r.bare)
		return cli_errorf(c, CLI_USAGE,
		    "%s is a bare repository: clone it and work there", r.top);
	if (target_parse(c, &r, args[0], &t, &err) < 0 ||
	    check(c, o, &t, &v, &err) < 0)
		return cli_error(c, CLI_USAGE, &err);
	version_format(v, ver);
	dir = arena_printf(&c->arena, "%s/%s", t.user, t.name);
	path = arena_printf(&c->arena, "%s/%s-%s.%s", dir, t.name, ver,
	    o->template ? "template" : "jobuild");
	compose(&b, o, t.user, t.name);
	rc = write_new(c, r.top, dir, path, &b, &err);
	buf_release(&b);
	if (rc < 0)
		return cli_error(c, CLI_FAILED, &err);
	if (c->json)
		cli_json(json_pack("{s:s}", "path", path));
	else
		puts(path);
	cli_note(c, "edit it, then: jobuild lint %s", dir);
	return CLI_OK;
}

const struct command new_command = {
    .name = "new",
    .arguments = "USER/NAME",
    .summary = "write a small jobuild to begin with",
    .options = options,
    .size = sizeof(struct new_options),
    .min = 1,
    .max = 1,
    .run = new_main,
};
