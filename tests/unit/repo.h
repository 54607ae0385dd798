/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Git repositories for tests, made by git itself below a temporary folder:
 * repo_begin() makes the folder, put() writes files of the work tree "tree",
 * git() runs git there.
 */
#ifndef TESTS_REPO_H
#define TESTS_REPO_H

#include "program.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/proc.h"
#include "tree/tree.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char repo_top[] = "/tmp/autotua-repo-XXXXXX";
static char repo_path[64]; /* the work tree */
static struct arena repo_arena;

/* Run git in the work tree (NULL ends the list); out as for proc_run(). */
__attribute__((unused, sentinel)) static bool
git(struct buf *out, ...)
{
	const char *argv[PROGRAM_ARGS] = {"git", "-C", repo_path};
	va_list ap;
	bool good;

	va_start(ap, out);
	good = program(argv, 3, out, ap);
	va_end(ap);
	return good;
}

__attribute__((unused)) static void
repo_begin(void)
{
	if (!mkdtemp(repo_top))
		exit(1);
	snprintf(repo_path, sizeof(repo_path), "%s/tree", repo_top);
	mkdir(repo_path, 0755);
	setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
	setenv("GIT_CONFIG_SYSTEM", "/dev/null", 1);
	setenv("HOME", repo_top, 1);
	setenv("GIT_AUTHOR_NAME", "a", 1);
	setenv("GIT_AUTHOR_EMAIL", "a@x", 1);
	setenv("GIT_COMMITTER_NAME", "a", 1);
	setenv("GIT_COMMITTER_EMAIL", "a@x", 1);
	git(NULL, "init", "-q", "-b", "main", NULL);
}

__attribute__((unused)) static void
repo_end(void)
{
	struct error err;

	(void)file_remove_tree(AT_FDCWD, repo_top, &err);
	arena_release(&repo_arena);
}

/* Path below the temporary folder. */
__attribute__((unused, format(printf, 1, 2))) static const char *
below(const char *fmt, ...)
{
	const char *s;
	va_list ap;

	va_start(ap, fmt);
	s = arena_vprintf(&repo_arena, fmt, ap);
	va_end(ap);
	return arena_printf(&repo_arena, "%s/%s", repo_top, s);
}

/* Write a file of the work tree. */
__attribute__((unused)) static void
put(const char *path, const char *text)
{
	char *full = arena_printf(&repo_arena, "%s/%s", repo_path, path);
	char *slash = strrchr(full, '/');
	struct error err = {0};

	*slash = '\0';
	if (file_mkdirs(full, 0755, &err) == 0) {
		*slash = '/';
		(void)file_write(full, text, strlen(text), 0644, &err);
	}
	if (err.msg[0])
		printf("# put %s: %s\n", path, err.msg);
}

__attribute__((unused)) static void
drop(const char *path)
{
	unlink(arena_printf(&repo_arena, "%s/%s", repo_path, path));
}

__attribute__((unused)) static bool
commit(void)
{
	return git(NULL, "add", "-A", NULL) &&
	    git(NULL, "commit", "-q", "--allow-empty", "-m", "x", NULL);
}

/* A Manifest line with true digests of text. */
__attribute__((unused)) static const char *
line_of(const char *tag, const char *name, const char *text)
{
	char b[DIGEST_HEX_MAX], s[DIGEST_HEX_MAX];

	digest_of(DIGEST_BLAKE2B, text, strlen(text), b);
	digest_of(DIGEST_SHA512, text, strlen(text), s);
	return arena_printf(&repo_arena, "%s %s %zu BLAKE2B %s SHA512 %s\n",
	    tag, name, strlen(text), b, s);
}

/* The recipe of user/name-ver, parsed from its text. */
__attribute__((unused)) static struct recipe_id
id_of(const char *text)
{
	struct recipe_id id = {0};

	if (!id_parse(&repo_arena, text, strlen(text), &id))
		printf("# %s is no id\n", text);
	return id;
}

__attribute__((unused)) static const struct tree_recipe *
recipe_of(struct tree *t, const char *text, struct diags *d)
{
	struct recipe_id id = id_of(text);

	diags_init(d, &repo_arena);
	return tree_recipe(t, &id, RECIPE_JOBUILD, d);
}

__attribute__((unused)) static struct tree *
open_tree(const char *path, const char *rev)
{
	struct tree *t = NULL;
	struct error err;
	int rc;

	rc = rev ? tree_open(&t, path, rev, &err)
		 : tree_open_work(&t, path, &err);
	if (rc < 0)
		printf("# open: %s\n", err.msg);
	return t;
}

/* Does d have an error of this rule with these texts in place and text? */
__attribute__((unused)) static bool
has(const struct diags *d, const char *rule, const char *file, const char *text)
{
	const struct diag *g;
	size_t i;

	for (i = 0; i < d->n; i++) {
		g = &d->list[i];
		if (strcmp(g->rule, rule) == 0 && strstr(g->text, text) &&
		    (g->at.file ? strcmp(g->at.file, file) == 0 : !*file))
			return true;
	}
	printf("# no %s: %s: %s among:\n", rule, file, text);
	for (i = 0; i < d->n; i++)
		printf("#   %s: %s: %s\n", d->list[i].rule,
		    d->list[i].at.file ? d->list[i].at.file : "",
		    d->list[i].text);
	return false;
}

#endif
