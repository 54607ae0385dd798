/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/offer.h"
#include "base/arch.h"
#include "cli/cli.h"
#include "cli/tree/repo.h"
#include "cli/run/runs.h"

#include <ctype.h>
#include <dirent.h>
#include <git2.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

void
offer_text(const struct offer *o, const char *text, const char *help)
{
	if (strncmp(text, o->word, strlen(o->word)) != 0)
		return;
	printf(
	    "%s%s%s%s\n", o->front, text, help ? "\t" : "", help ? help : "");
}

/* Call one() for each name in the folder that doesn't begin with a dot. */
static void
each_name(const struct offer *o, const char *folder,
    void (*one)(const struct offer *, const char *folder, const char *name))
{
	DIR *dir = opendir(folder);
	struct dirent *e;

	while (dir && (e = readdir(dir)) != NULL) {
		if (e->d_name[0] != '.')
			one(o, folder, e->d_name);
	}
	if (dir)
		closedir(dir);
}

/* The top folder of the tree around; NULL when there is none. */
static const char *
top(const struct offer *o)
{
	struct error err;
	struct repo r;

	return repo_find(o->cli, &r, &err) < 0 || r.bare ? NULL : r.top;
}

/* The user before the slash of the word, or NULL. */
static const char *
user_of(const struct offer *o)
{
	const char *slash = strchr(o->word, '/');

	if (!slash || !user_valid(o->word, (size_t)(slash - o->word)))
		return NULL;
	return arena_strndup(
	    &o->cli->arena, o->word, (size_t)(slash - o->word));
}

static bool
is_user(const struct offer *o, const char *folder, const char *name)
{
	DIR *dir;

	if (!tree_user_valid(name))
		return false;
	dir = opendir(arena_printf(&o->cli->arena, "%s/%s", folder, name));
	if (!dir)
		return false;
	closedir(dir);
	return true;
}

static void
one_user(const struct offer *o, const char *folder, const char *name)
{
	if (is_user(o, folder, name))
		offer_text(o, name, NULL);
}

/* The shell leaves no blank after the slash: a name follows. */
static void
one_user_slash(const struct offer *o, const char *folder, const char *name)
{
	if (is_user(o, folder, name))
		offer_text(o, arena_printf(&o->cli->arena, "%s/", name), NULL);
}

static void
one_package(const struct offer *o, const char *folder, const char *name)
{
	const char *user = strrchr(folder, '/') + 1;

	if (name_valid(name, strlen(name)))
		offer_text(
		    o, arena_printf(&o->cli->arena, "%s/%s", user, name), NULL);
}

static void
packages(const struct offer *o)
{
	const char *t = top(o), *user = user_of(o);

	if (t && user)
		each_name(o, arena_printf(&o->cli->arena, "%s/%s", t, user),
		    one_package);
	else if (t)
		each_name(o, t, one_user_slash);
}

/* The file's recipe, if it ends so. */
static void
recipe(const struct offer *o, const char *folder, const char *file,
    const char *end)
{
	const char *name = strrchr(folder, '/'), *user = name;
	size_t n = strlen(file), e = strlen(end);

	while (user[-1] != '/')
		user--;
	if (n <= e || strcmp(file + n - e, end) != 0 ||
	    strncmp(file, name + 1, strlen(name + 1)) != 0)
		return;
	offer_text(o,
	    arena_printf(&o->cli->arena, "%.*s/%.*s", (int)(name - user), user,
		(int)(n - e), file),
	    NULL);
}

static void
one_version(const struct offer *o, const char *folder, const char *name)
{
	recipe(o, folder, name, ".jobuild");
	recipe(o, folder, name, ".template");
}

static void
one_template(const struct offer *o, const char *folder, const char *name)
{
	recipe(o, folder, name, ".template");
}

/* Versions of a package whose whole name is in the word, with a dash. */
static void
package_versions(const struct offer *o, const char *folder, const char *name)
{
	const char *typed = strchr(o->word, '/') + 1;
	size_t n = strlen(name);

	if (strncmp(typed, name, n) == 0 && typed[n] == '-')
		each_name(o,
		    arena_printf(&o->cli->arena, "%s/%s", folder, name),
		    one_version);
}

static void
package_templates(const struct offer *o, const char *folder, const char *name)
{
	each_name(o, arena_printf(&o->cli->arena, "%s/%s", folder, name),
	    one_template);
}

static void
user_templates(const struct offer *o, const char *folder, const char *name)
{
	each_name(o, arena_printf(&o->cli->arena, "%s/%s", folder, name),
	    package_templates);
}

static void
users(const struct offer *o)
{
	const char *t = top(o);

	if (t)
		each_name(o, t, one_user);
}

static void
versions(const struct offer *o)
{
	const char *t = top(o), *user = user_of(o);

	if (t && user)
		each_name(o, arena_printf(&o->cli->arena, "%s/%s", t, user),
		    package_versions);
}

/* An atom: operators stay in front. */
static void
atoms(const struct offer *o)
{
	struct offer bare = *o;
	size_t n = strspn(o->word, "<>=");

	bare.front =
	    arena_printf(&o->cli->arena, "%s%.*s", o->front, (int)n, o->word);
	bare.word = o->word + n;
	packages(&bare);
	versions(&bare);
}

static void
templates(const struct offer *o)
{
	const char *t = top(o);

	if (t)
		each_name(o, t, user_templates);
}

static void
revisions(const struct offer *o)
{
	static const char *const fronts[] = {
	    "refs/heads/", "refs/tags/", "refs/remotes/"};
	git_repository *git = NULL;
	git_strarray names = {0};
	struct error none;
	size_t i, k, n;

	offer_text(o, "HEAD", NULL);
	if (tree_warm_up(&none) < 0)
		return;
	if (git_repository_open_ext(&git, ".", 0, NULL) == 0 &&
	    git_reference_list(&names, git) == 0) {
		for (i = 0; i < names.count; i++) {
			for (k = 0; k < COUNT(fronts); k++) {
				n = strlen(fronts[k]);
				if (strncmp(names.strings[i], fronts[k], n) ==
				    0)
					offer_text(
					    o, names.strings[i] + n, NULL);
			}
		}
	}
	git_strarray_dispose(&names);
	git_repository_free(git);
	git_libgit2_shutdown();
}

static void
arches(const struct offer *o)
{
	const char *name;
	size_t i;

	for (i = 0; (name = arch_name(i)) != NULL; i++)
		offer_text(o, name, NULL);
}

static void
runs(const struct offer *o)
{
	const struct runs_place place = {runs_folder(&o->cli->arena), "", NULL};
	struct runs_list list;
	size_t i;

	runs_read(&o->cli->arena, &place, &list);
	for (i = 0; i < list.n; i++)
		offer_text(o, list.items[i].name, list.items[i].root);
}

static void
settings(const struct offer *o)
{
	size_t i;

	for (i = 0; i < SETTINGS; i++)
		offer_text(o, settings_table[i].name, settings_help(i));
}

static void
files(const struct offer *o)
{
	(void)o;
	puts(":files");
}

static void
dirs(const struct offer *o)
{
	(void)o;
	puts(":dirs");
}

static const struct {
	const char *name;
	void (*offer)(const struct offer *o);
} kinds[] = {
    {"FILE", files},
    {"PATH", files},
    {"DIR", dirs},
    {"USER", users},
    {"USER/NAME", packages},
    {"USER/NAME-VER", atoms},
    {"-VER", versions},
    {"ATOM", atoms},
    {"ROOT", atoms},
    {"FROM", atoms},
    {"TO", atoms},
    {"STEP", atoms},
    {"TEMPLATE", templates},
    {"REV", revisions},
    {"REV1", revisions},
    {"REV2", revisions},
    {"ARCH", arches},
    {"SETTING", settings},
    {"RUN", runs},
};

static bool
is_word_byte(char c)
{
	return isalnum((unsigned char)c) || c == '/' || c == '-' || c == '_';
}

#define KINDS COUNT(kinds)

/* Two names may mean the same: it is offered once. */
static void
offer_name(const struct offer *o, const char *name, bool first, bool done[])
{
	size_t i, k;

	for (i = 0; i < KINDS && strcmp(kinds[i].name, name) != 0; i++)
		;
	for (k = 0; i < KINDS && kinds[k].offer != kinds[i].offer; k++)
		;
	if (i < KINDS && !done[k]) {
		done[k] = true;
		kinds[i].offer(o);
	}
	if (first && islower((unsigned char)*name))
		offer_text(o, name, NULL);
}

void
offer_spec(const struct offer *o, const char *spec, bool first)
{
	bool done[KINDS] = {false};
	size_t n;

	while (*spec) {
		for (n = 0; is_word_byte(spec[n]); n++)
			;
		if (n > 0)
			offer_name(o, arena_strndup(&o->cli->arena, spec, n),
			    first, done);
		spec += n ? n : 1;
	}
}
