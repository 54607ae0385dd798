/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/tree/draft.h"
#include "base/buf.h"
#include "cli/cli.h"
#include "cli/tree/change.h"
#include "cli/tree/repo.h"
#include "cli/tree/review.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* ---- what people type ---------------------------------------------------- */

int
draft_set_user(struct draft *d, const char *text, struct error *err)
{
	if (!user_valid(text, strlen(text)))
		return fail(err,
		    "\"%s\" can't be a user: a small letter, then up to 31 "
		    "small letters, digits, _ and -",
		    text);
	if (!tree_user_valid(text))
		return fail(err,
		    "\"%s\" can't be a user: that folder is for other trees",
		    text);
	d->user = text;
	return 0;
}

int
draft_set_name(struct draft *d, const char *text, struct error *err)
{
	if (!name_valid(text, strlen(text)))
		return fail(err,
		    "\"%s\" can't be a name: a letter or digit, then up to 63 "
		    "letters, digits, +, _ and -, and no version at the end",
		    text);
	d->name = text;
	return 0;
}

/* A link that leads nowhere is in the way, too. */
static int
check_free(const struct draft *d, struct error *err)
{
	const char *path = draft_path(d);
	struct error none;
	struct stat st;

	if (lstat(arena_printf(&d->cli->arena, "%s/%s", d->repo->top, path),
		&st) < 0 &&
	    !tree_file(d->tree, path, &none))
		return 0;
	fail(err, "%s is there already: choose another version (--version)",
	    path);
	err->code = EEXIST;
	return -1;
}

int
draft_set_version(struct draft *d, const char *text, struct error *err)
{
	if (!version_parse(text, strlen(text), &d->version))
		return fail(err,
		    "version \"%s\" is not two numbers and a dot, as in 1.0",
		    text);
	return check_free(d, err);
}

static int
set_line(
    const char **into, const char *what, const char *text, struct error *err)
{
	if (strpbrk(text, "\n\r"))
		return fail(err, "the %s has more than one line", what);
	*into = text;
	return 0;
}

int
draft_set_description(struct draft *d, const char *text, struct error *err)
{
	return set_line(&d->description, "description", text, err);
}

int
draft_set_homepage(struct draft *d, const char *text, struct error *err)
{
	if (*text && !strstr(text, "://"))
		return fail(err,
		    "homepage \"%s\" is no URL, as in https://example.org/",
		    text);
	return set_line(&d->homepage, "homepage", text, err);
}

int
draft_set_license(struct draft *d, const char *text, struct error *err)
{
	static const char bytes[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789.+-() :";

	if (text[strspn(text, bytes)])
		return fail(err,
		    "licence \"%s\" is no SPDX expression, as in "
		    "GPL-2.0-or-later or MIT",
		    text);
	d->license = text;
	return 0;
}

/* Names of all templates of the tree. */
static size_t
template_names(const struct draft *d, const char ***names)
{
	const struct tree_package *p;
	struct recipe_id id;
	size_t i, k, np, n = 0;

	*names = NULL;
	p = tree_packages(d->tree, &np);
	for (i = 0; i < np; i++) {
		for (k = 0; k < p[i].ntemplates; k++) {
			id = (struct recipe_id){
			    p[i].user, p[i].name, p[i].templates[k]};
			*names = arena_grow(
			    &d->cli->arena, *names, n, sizeof(**names));
			(*names)[n++] = id_format(&d->cli->arena, &id);
		}
	}
	return n;
}

static int
no_template(const struct draft *d, const char *text, struct error *err)
{
	const char **names, *near;
	size_t n = template_names(d, &names);

	near = nearest(text, names, n);
	if (near)
		return fail(err,
		    "the tree has no template \"%s\": did you mean \"%s\"?",
		    text, near);
	return fail(err, "the tree has no template \"%s\"%s", text,
	    n ? "" : ", nor any other");
}

int
draft_set_parent(struct draft *d, const char *text, struct error *err)
{
	const struct tree_package *p;
	struct recipe_id id;
	size_t i;

	d->parent = NULL;
	if (!*text)
		return 0;
	if (!id_parse(&d->cli->arena, text, strlen(text), &id))
		return fail(err,
		    "\"%s\" is not the name of a template, USER/NAME-VERSION",
		    text);
	p = tree_package(d->tree, id.user, id.name);
	for (i = 0; p && i < p->ntemplates; i++) {
		if (version_compare(p->templates[i], id.ver) == 0)
			break;
	}
	if (!p || i == p->ntemplates)
		return no_template(d, text, err);
	d->parent = tree_recipe(d->tree, &id, RECIPE_TEMPLATE, d->diags);
	if (!d->parent)
		return fail(err, "template \"%s\" has errors", text);
	return 0;
}

static void
append(struct draft *d, struct conf_list *list, const char *text)
{
	list->items = arena_grow(
	    &d->cli->arena, list->items, list->n, sizeof(*list->items));
	list->items[list->n++] = text;
}

static int
add_words(struct draft *d, struct conf_list *list, const char *text,
    int (*check)(struct draft *d, const char *word, struct error *err),
    struct error *err)
{
	const char *word;
	size_t n;

	for (;;) {
		text += strspn(text, " \t\n");
		n = strcspn(text, " \t\n");
		if (n == 0)
			return 0;
		word = arena_strndup(&d->cli->arena, text, n);
		if (check(d, word, err) < 0)
			return -1;
		append(d, list, word);
		text += n;
	}
}

static int
check_uri(struct draft *d, const char *word, struct error *err)
{
	(void)d;
	if (!strstr(word, "://"))
		return fail(err,
		    "\"%s\" is no URI, as in https://example.org/a.tar.gz or "
		    "mirror://NAME/a.tar.gz",
		    word);
	return 0;
}

static int
check_atom(struct draft *d, const char *word, struct error *err)
{
	struct atom atom;
	struct named found;

	if (atom_parse(&d->cli->arena, word, strlen(word), &atom, err) < 0 ||
	    root_find(d->cli, d->tree, &atom, &found, err) < 0)
		return -1;
	if (found.kind == RECIPE_TEMPLATE)
		return fail(
		    err, "%s is a template: nothing can depend on it", word);
	return 0;
}

int
draft_add_sources(struct draft *d, const char *text, struct error *err)
{
	return add_words(d, &d->sources, text, check_uri, err);
}

int
draft_add_depend(struct draft *d, const char *text, struct error *err)
{
	return add_words(d, &d->depend, text, check_atom, err);
}

int
draft_add_sidepend(struct draft *d, const char *text, struct error *err)
{
	return add_words(d, &d->sidepend, text, check_atom, err);
}

const char *
draft_path(const struct draft *d)
{
	char ver[VERSION_MAX];

	version_format(d->version, ver);
	return arena_printf(&d->cli->arena, "%s/%s/%s-%s.%s", d->user, d->name,
	    d->name, ver, d->template ? "template" : "jobuild");
}

/* ---- the text ------------------------------------------------------------ */

/* NAME="s", or in single quotes when that needs fewer backslashes. */
static void
assign(struct buf *b, const char *name, const char *s)
{
	if (!s || !*s)
		return;
	if (!strpbrk(s, "\"$`\\")) {
		buf_addf(b, "%s=\"%s\"\n", name, s);
		return;
	}
	buf_addf(b, "%s='", name);
	for (; *s; s++) {
		if (*s == '\'')
			buf_adds(b, "'\\''");
		else
			buf_addc(b, *s);
	}
	buf_adds(b, "'\n");
}

/* What the parent has stays: += and a blank. */
static void
assign_list(const struct draft *d, struct buf *b, const char *name,
    const struct conf_list *list)
{
	const char *inherited =
	    d->parent ? metadata_get(d->parent->meta, name) : NULL;
	bool more = inherited && *inherited;
	struct buf text;
	size_t i;

	if (list->n == 0)
		return;
	buf_init(&text, RECIPE_VALUE_MAX);
	for (i = 0; i < list->n; i++)
		buf_addf(&text, "%s%s",
		    list->n > 1 ? "\n\t"
			: more  ? " "
				: "",
		    list->items[i]);
	if (list->n > 1)
		buf_adds(&text, "\n");
	assign(b, arena_printf(&d->cli->arena, "%s%s", name, more ? "+" : ""),
	    text.data);
	buf_release(&text);
}

/* Does unpack know what to do with the file of this URI? */
static bool
is_archive(const char *uri)
{
	static const char *const ends[] = {".zip", ".jar", ".7z", ".deb", ".ar",
	    ".cpio", ".gz", ".bz2", ".xz", ".zst", ".lz4", ".lzma", ".tar",
	    ".tgz", ".tbz2", ".txz"};
	size_t i, n = strlen(uri), e;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		e = strlen(ends[i]);
		if (n > e && strcmp(uri + n - e, ends[i]) == 0)
			return true;
	}
	return false;
}

static bool
has_phase(const struct draft *d, enum phase phase)
{
	return d->parent && (d->parent->meta->phases & 1u << phase);
}

static void
compose_unpack(const struct draft *d, struct buf *b)
{
	size_t i;

	for (i = 0; i < d->sources.n; i++) {
		if (!is_archive(d->sources.items[i]))
			break;
	}
	if (i == d->sources.n || has_phase(d, PHASE_UNPACK))
		return;
	buf_adds(b,
	    "\njob_unpack() {\n"
	    "\tcp \"${DISTDIR}\"/* \"${WORKDIR}\"\n"
	    "}\n");
}

static bool
defines(const struct metadata *m, const char *name)
{
	size_t i;

	for (i = 0; i < m->nfunctions; i++) {
		if (strcmp(m->functions[i].name, name) == 0)
			return true;
	}
	return false;
}

/* The parent's holes: those without a default must be filled. */
static void
compose_child(const struct draft *d, struct buf *b)
{
	const char *s = metadata_get(d->parent->meta, "BLOCKS"), *name;
	struct buf rest;
	size_t n;

	buf_init(&rest, RECIPE_VALUE_MAX);
	buf_adds(&rest, "");
	for (s = s ? s : ""; *s; s += n) {
		s += strspn(s, " \t\n");
		n = strcspn(s, " \t\n");
		name = arena_strndup(&d->cli->arena, s, n);
		if (n == 0)
			break;
		if (defines(d->parent->meta, name))
			buf_addf(&rest, " %s", name);
		else
			buf_addf(b,
			    "\n%s() {\n"
			    "\teinfo \"%s of ${P}\"\n"
			    "}\n",
			    name, name);
	}
	if (rest.len > 0)
		buf_addf(b,
		    "\n# What the template does by default may be put in other "
		    "words:%s\n",
		    rest.data);
	buf_release(&rest);
}

static void
compose_body(const struct draft *d, struct buf *b)
{
	compose_unpack(d, b);
	if (d->parent) {
		compose_child(d, b);
		return;
	}
	if (!d->template) {
		buf_adds(b,
		    "\n# Runs as root in a chroot of its own; see "
		    "jobuild(5).\n"
		    "job_run() {\n"
		    "\teinfo \"hello from ${P}\"\n"
		    "}\n");
		return;
	}
	buf_adds(b,
	    "\njob_run() {\n"
	    "\twork\n"
	    "}\n"
	    "\n"
	    "# What jobuilds that extend this one may put in its place.\n"
	    "work() {\n"
	    "\teinfo \"nothing to do for ${P}\"\n"
	    "}\n");
}

void
draft_compose(const struct draft *d, struct buf *out)
{
	if (d->license && *d->license)
		buf_addf(out, "# SPDX-License-Identifier: %s\n", d->license);
	if (d->parent)
		buf_addf(out, "EXTENDS=\"%s\"\n",
		    id_format(&d->cli->arena, &d->parent->id));
	assign(out, "DESCRIPTION",
	    d->description && *d->description
		? d->description
		: arena_printf(&d->cli->arena,
		      "What %s of %s does, in one line", d->name, d->user));
	assign(out, "HOMEPAGE", d->homepage);
	assign_list(d, out, "SRC_URI", &d->sources);
	assign_list(d, out, "DEPEND", &d->depend);
	assign_list(d, out, "SIDEPEND", &d->sidepend);
	if (d->template && !d->parent)
		assign(out, "BLOCKS", "work");
	compose_body(d, out);
}

/* ---- what lint would say ------------------------------------------------- */

/* Is path the draft, a folder above it, or either in other case? */
static bool
concerns(void *ctx, const char *path)
{
	const char *own = ctx;
	size_t n = strlen(path);

	return strncasecmp(own, path, n) == 0 &&
	    (own[n] == '/' || own[n] == '\0');
}

/* The jobuilds of the package, and of those that need it, however far. */
static void
list_concerned(struct draft *d, struct named_list *out)
{
	struct arena *a = &d->cli->arena;
	const struct tree_package *p;
	struct touched touched;
	struct change change;
	size_t i, k, n;

	map_init(&change.packages, a);
	*map_puts(
	    &change.packages, arena_printf(a, "%s/%s", d->user, d->name)) = d;
	change_touched(d->cli, d->tree, &change, &touched);
	memset(out, 0, sizeof(*out));
	p = tree_packages(d->tree, &n);
	for (i = 0; i < n; i++, p++) {
		if (touched_package(&touched, p->user, p->name) == TOUCH_NONE)
			continue;
		for (k = 0; k < p->nversions; k++) {
			out->items = arena_grow(
			    a, out->items, out->n, sizeof(*out->items));
			out->items[out->n++] = (struct named){
			    {p->user, p->name, p->versions[k]}, RECIPE_JOBUILD};
		}
	}
}

/* As the root of a plan the draft may be well where others aren't any more. */
static int
lint_concerned(
    struct draft *d, struct tree *t, struct review *k, struct error *err)
{
	struct named_list list;
	struct review now;
	size_t old;

	list_concerned(d, &list);
	review_init(&now, d->cli, t);
	if (review_recipes(&now, &list, false, err) < 0)
		return -1;
	return now.found.n > 0 ? review_keep_new(k, &now, d->tree, &old, err)
			       : 0;
}

static int
lint(struct draft *d, struct tree *t, const char *path, struct error *err)
{
	struct named item = {{d->user, d->name, d->version},
	    d->template ? RECIPE_TEMPLATE : RECIPE_JOBUILD};
	struct named_list list = {&item, 1};
	struct review k;

	review_init(&k, d->cli, t);
	k.jobs = 1;
	review_layout(&k, concerns, (void *)(uintptr_t)path);
	if (k.found.errors == 0 && review_recipes(&k, &list, true, err) < 0)
		return -1;
	if (k.found.errors == 0 && lint_concerned(d, t, &k, err) < 0)
		return -1;
	*d->diags = k.found;
	d->refused = k.found.errors > 0;
	if (d->refused)
		return fail(
		    err, "%s is not written: lint would refuse it", path);
	return 0;
}

int
draft_check(struct draft *d, struct error *err)
{
	struct tree_draft file = {.path = draft_path(d)};
	struct tree *t;
	struct buf b;
	int rc = -1;

	buf_init(&b, SIZE_MAX / 2);
	draft_compose(d, &b);
	file.text = b.data;
	file.len = b.len;
	if (repo_open_draft(d->repo, &file, &t, err) == 0) {
		rc = lint(d, t, file.path, err);
		tree_close(t);
	}
	buf_release(&b);
	return rc;
}
