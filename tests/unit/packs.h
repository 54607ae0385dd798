/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of packs share: packs by git, and opening them. */
#ifndef TESTS_PACKS_H
#define TESTS_PACKS_H

#include "repo.h"

/* The tree of a pack of this jobuild; NULL: err. */
static struct tree *
open_pack(
    const char *commit_, const char *id, const struct buf *b, struct error *err)
{
	struct recipe_id ids[] = {id_of(id)};
	struct tree *t;

	err->msg[0] = '\0';
	(void)tree_open_pack(&t, commit_, ids, 1, b, err);
	return t;
}

/* Is it refused for this reason? */
static void
refused(const char *commit_, const char *id, const struct buf *b,
    const char *want, const char *name)
{
	struct error err;
	struct tree *t = open_pack(commit_, id, b, &err);

	if (!ok(!t && err.msg[0] && strstr(err.msg, want), "%s", name))
		printf("# wanted: %s\n", want);
	printf("# %s\n", t ? "taken" : err.msg);
	tree_close(t);
}

/* A pack by git of these objects (ids on a line each). */
static void
git_pack(struct buf *out, const char *ids, const char *options)
{
	const char *script = arena_printf(&repo_arena,
	    "cd %s && printf '%%s' '%s' | git pack-objects -q --stdout %s",
	    repo_path, ids, options);
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};
	struct error err;

	out->len = 0;
	if (proc_run(argv, out, &err) < 0)
		printf("# %s\n", err.msg);
}

#endif
