/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/file.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/terminal.h"
#include "cli/tree/draft.h"
#include "cli/tree/repo.h"

#include <ctype.h>
#include <errno.h>
#include <git2.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct new_options {
	const char *version, *description, *homepage, *license, *extends;
	struct conf_list sources, depend, sidepend;
	bool template, yes;
};

static const struct opt options[] = {
    {"version", 0, OPT_TEXT, offsetof(struct new_options, version), "X.Y",
	"instead of 1.0"},
    {"description", 'd', OPT_TEXT, offsetof(struct new_options, description),
	"TEXT", "what it does, in one line"},
    {"homepage", 0, OPT_TEXT, offsetof(struct new_options, homepage), "URL",
	"where to read more"},
    {"license", 'l', OPT_TEXT, offsetof(struct new_options, license), "SPDX",
	"a licence line at the top, as in MIT"},
    {"source", 's', OPT_LIST, offsetof(struct new_options, sources), "URI",
	"for SRC_URI"},
    {"depend", 'D', OPT_LIST, offsetof(struct new_options, depend), "ATOM",
	"what is done before, in the same chroot"},
    {"sidepend", 'S', OPT_LIST, offsetof(struct new_options, sidepend), "ATOM",
	"what is done before, somewhere"},
    {"extends", 'e', OPT_TEXT, offsetof(struct new_options, extends),
	"TEMPLATE", "the template that it fills, USER/NAME-VER"},
    {"template", 't', OPT_FLAG, offsetof(struct new_options, template), NULL,
	"write a template"},
    {"yes", 'y', OPT_FLAG, offsetof(struct new_options, yes), NULL,
	"ask nothing, also on a terminal"},
    {0},
};

struct question {
	const char *text, *given, *initial;
	int (*set)(struct draft *d, const char *text, struct error *err);
};

/* "user.email" and the like; NULL when git has none. */
static const char *
git_setting(struct arena *a, const char *name)
{
	git_repository *git = NULL;
	git_config *config = NULL, *all = NULL;
	const char *value = NULL;

	git_libgit2_init();
	if (git_repository_open_ext(&git, ".", 0, NULL) == 0 &&
	    git_repository_config(&config, git) == 0 &&
	    git_config_snapshot(&all, config) == 0 &&
	    git_config_get_string(&value, all, name) == 0)
		value = arena_strdup(a, value);
	git_config_free(all);
	git_config_free(config);
	git_repository_free(git);
	git_libgit2_shutdown();
	return value;
}

/* What s has that a user's name may have: "Anna M <anna@...>" is annam. */
static const char *
as_user(struct arena *a, const char *s)
{
	char *out, *p;

	if (!s)
		return NULL;
	out = p = arena_strdup(a, s);
	for (; *s && *s != '@' && p < out + 31; s++) {
		if (isalpha((unsigned char)*s) ||
		    (p > out && (isdigit((unsigned char)*s) || *s == '-')))
			*p++ = (char)tolower((unsigned char)*s);
	}
	*p = '\0';
	return tree_user_valid(out) ? out : NULL;
}

/* The configuration's, the folder's that we are in, git's; or NULL. */
static const char *
usual_user(struct cli *c, const struct repo *r)
{
	const char *user = c->conf.user;

	if (!user && *r->prefix)
		user = as_user(&c->arena,
		    arena_strndup(
			&c->arena, r->prefix, strcspn(r->prefix, "/")));
	if (!user)
		user = as_user(&c->arena, git_setting(&c->arena, "user.email"));
	if (!user)
		user = as_user(&c->arena, git_setting(&c->arena, "user.name"));
	return user;
}

/* A line of the person at the terminal; NULL at its end. */
static const char *
read_answer(struct cli *c)
{
	char *line = NULL;
	const char *answer;
	size_t size = 0;
	ssize_t n = getline(&line, &size, stdin);

	if (n < 0) {
		free(line);
		return NULL;
	}
	while (n > 0 && strchr(" \t\r\n", line[n - 1]))
		n--;
	answer = arena_strndup(&c->arena, line, (size_t)n);
	free(line);
	return answer;
}

/*
 * Take the answer if nothing is wrong with it, nor, where the rest is known to
 * be right, with what becomes of the draft.
 */
static int
take(struct draft *d, const struct question *q, const char *text, bool checking,
    struct error *err)
{
	const struct draft before = *d;

	diags_init(d->diags, &d->cli->arena);
	if (q->set(d, text, err) == 0 &&
	    (!checking || draft_check(d, err) == 0))
		return 0;
	*d = before;
	return -1;
}

static void
tell_wrong(struct draft *d, const struct error *err)
{
	cli_diags(d->cli, d->diags);
	diags_init(d->diags, &d->cli->arena);
	fprintf(stderr, "%s\n", cli_show(d->cli, err->msg));
}

/* Ask until the answer is a good one; -1 when there is none. */
static int
ask(struct draft *d, const struct question *q, bool checking, struct error *err)
{
	const char *answer;

	for (;;) {
		fprintf(stderr, "%s%s%s%s: ", q->text, q->initial ? " [" : "",
		    q->initial ? q->initial : "", q->initial ? "]" : "");
		answer = read_answer(d->cli);
		if (!answer)
			return fail(err, "no answer: nothing is written");
		if (!*answer && q->initial)
			answer = q->initial;
		if (take(d, q, answer, checking, err) == 0)
			return 0;
		tell_wrong(d, err);
	}
}

/* What the options say. */
static int
set_given(struct draft *d, const struct question *q,
    const struct conf_list *list, struct error *err)
{
	size_t i;

	if (q->given && q->set(d, q->given, err) < 0)
		return -1;
	for (i = 0; list && i < list->n; i++) {
		if (q->set(d, list->items[i], err) < 0)
			return -1;
	}
	return 0;
}

static void
tell_templates(struct draft *d)
{
	const struct tree_package *p;
	struct recipe_id id;
	size_t i, k, n;

	p = tree_packages(d->tree, &n);
	for (i = 0; i < n; i++) {
		for (k = 0; k < p[i].ntemplates; k++) {
			id = (struct recipe_id){
			    p[i].user, p[i].name, p[i].templates[k]};
			fprintf(stderr, "  template %s\n",
			    id_format(&d->cli->arena, &id));
		}
	}
}

/* Who is asked can't answer for what an option says: options come first. */
static int
fill(struct draft *d, const struct new_options *o, bool asking,
    struct error *err)
{
	const struct {
		struct question q;
		const struct conf_list *list; /* of a question for many */
	} all[] = {
	    {{"what does it do, in one line", o->description, NULL,
		 draft_set_description},
		NULL},
	    {{"homepage, if it has one", o->homepage, NULL, draft_set_homepage},
		NULL},
	    {{"licence of this recipe (SPDX), if you want to say", o->license,
		 NULL, draft_set_license},
		NULL},
	    {{"template that it fills, if any", o->extends, NULL,
		 draft_set_parent},
		NULL},
	    {{"sources to fetch, URIs, if any", NULL, NULL, draft_add_sources},
		&o->sources},
	    {{"done before in the same chroot, USER/NAME, if any", NULL, NULL,
		 draft_add_depend},
		&o->depend},
	    {{"done before anywhere, USER/NAME, if any", NULL, NULL,
		 draft_add_sidepend},
		&o->sidepend},
	};
	size_t i, n = sizeof(all) / sizeof(all[0]);

	for (i = 0; i < n; i++) {
		if (set_given(d, &all[i].q, all[i].list, err) < 0)
			return -1;
	}
	if (draft_check(d, err) < 0)
		return -1;
	for (i = 0; i < n && asking; i++) {
		if (all[i].q.given || (all[i].list && all[i].list->n > 0))
			continue;
		if (all[i].q.set == draft_set_parent)
			tell_templates(d);
		if (ask(d, &all[i].q, true, err) < 0)
			return -1;
	}
	return 0;
}

/* USER/NAME, or NAME of the usual user. */
static int
split_name(struct draft *d, const char *s, const char *usual, struct error *err)
{
	const char *slash = strchr(s, '/');
	struct recipe_id id;

	if (id_parse(&d->cli->arena, s, strlen(s), &id))
		return fail(err,
		    "a name can't end in a version: give it with --version");
	if (!slash && !usual)
		return fail(
		    err, "\"%s\": expected USER/NAME, as in anna/hello", s);
	if (!slash)
		return draft_set_user(d, usual, err) < 0
		    ? -1
		    : draft_set_name(d, s, err);
	if (draft_set_user(d,
		arena_strndup(&d->cli->arena, s, (size_t)(slash - s)), err) < 0)
		return -1;
	return draft_set_name(d, slash + 1, err);
}

static int
identify(struct draft *d, const char *given, bool asking, struct error *err)
{
	const char *usual = usual_user(d->cli, d->repo);
	const struct question user = {"user, your folder in the tree", NULL,
	    d->user ? d->user : usual, draft_set_user};
	const struct question name = {"name", NULL, d->name, draft_set_name};

	if (given)
		return split_name(d, given, usual, err);
	if (!asking)
		return fail(err, "expected USER/NAME, as in anna/hello");
	return ask(d, &user, false, err) < 0 ? -1 : ask(d, &name, false, err);
}

/* User, name and version, which must have a place in the tree. */
static int
find_place(struct draft *d, const struct new_options *o, const char *given,
    bool asking, struct error *err)
{
	const struct question version = {
	    "version", o->version, "1.0", draft_set_version};

	for (;;) {
		if (identify(d, given, asking, err) < 0)
			return -1;
		if (asking && !version.given) {
			if (ask(d, &version, false, err) < 0)
				return -1;
		} else if (draft_set_version(d,
			       version.given ? version.given : version.initial,
			       err) < 0) {
			return -1;
		}
		if (!asking || draft_check(d, err) == 0)
			return 0;
		if (given)
			return -1;
		tell_wrong(d, err);
		d->refused = false;
	}
}

static int
write_new(const struct draft *d, struct error *err)
{
	struct arena *a = &d->cli->arena;
	const char *path =
	    arena_printf(a, "%s/%s", d->repo->top, draft_path(d));
	struct buf b;
	int rc;

	if (file_mkdirs(
		arena_printf(a, "%s/%s/%s", d->repo->top, d->user, d->name),
		0755, err) < 0)
		return -1;
	buf_init(&b, SIZE_MAX / 2);
	draft_compose(d, &b);
	rc = file_write(path, b.data, b.len, 0644, err);
	buf_release(&b);
	return rc;
}

static void
tell_next(const struct draft *d, const char *top)
{
	struct cli *c = d->cli;

	if (d->sources.n > 0)
		cli_note(c,
		    "fetch and measure its sources: jobuild manifest "
		    "%s/%s",
		    d->user, d->name);
	cli_note(c, "edit it, then: jobuild lint %s/%s", d->user, d->name);
	if (access(
		arena_printf(&c->arena, "%s/%s/%s.asc", top, d->user, d->user),
		F_OK) < 0)
		cli_note(c,
		    "%s/%s.asc is missing: \"jobuild sign %s\" writes your "
		    "public key there",
		    d->user, d->user, d->user);
}

/* What was asked for can't be, or would not be right. */
static int
refuse(struct draft *d, const struct error *err)
{
	if (d->refused)
		cli_refused(d->cli, d->diags);
	else
		cli_diags(d->cli, d->diags);
	return cli_error(d->cli,
	    d->refused || err->code == EEXIST ? CLI_FAILED : CLI_USAGE, err);
}

static int
make(struct draft *d, const struct new_options *o, const char *given)
{
	struct cli *c = d->cli;
	bool asking = !o->yes && !c->json && terminal_answers();
	struct error err = {0};

	if (find_place(d, o, given, asking, &err) < 0 ||
	    fill(d, o, asking, &err) < 0)
		return refuse(d, &err);
	cli_diags(c, d->diags);
	if (write_new(d, &err) < 0)
		return cli_error(c, CLI_FAILED, &err);
	if (c->json)
		cli_json(c, json_pack("{s:s}", "path", draft_path(d)));
	else
		puts(draft_path(d));
	tell_next(d, d->repo->top);
	return CLI_OK;
}

static int
new_main(struct cli *c, const void *opts, int n, char *args[])
{
	const struct new_options *o = opts;
	struct repo r;
	struct draft draft = {.cli = c, .repo = &r, .template = o->template};
	struct error err = {0};
	struct diags d;
	int rc;

	diags_init(&d, &c->arena);
	draft.diags = &d;
	if (repo_find(c, &r, &err) < 0)
		return cli_error(c, CLI_NOT_FOUND, &err);
	if (repo_open_work(&r, &draft.tree, &err) < 0)
		return cli_error(c, cli_status(&err, CLI_FAILED), &err);
	rc = make(&draft, o, n > 0 ? args[0] : NULL);
	tree_close(draft.tree);
	return rc;
}

const struct command new_command = {
    .name = "new",
    .arguments = "[USER/NAME]",
    .summary = "write a small jobuild to begin with",
    .options = options,
    .size = sizeof(struct new_options),
    .min = 0,
    .max = 1,
    .run = new_main,
};
