/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packs of trees and commits that git itself wouldn't make. */
#include "tap.h"
#include "packs.h"

#include <git2.h>

struct forge {
	git_odb *odb;
	struct buf tree; /* being made */
	const char *ids; /* of all objects, a line each */
};

static const char *
forge_write(struct forge *f, git_object_t type, const void *p, size_t n)
{
	git_oid oid;
	const char *hex;

	git_odb_write(&oid, f->odb, p, n, type);
	hex = arena_strdup(&repo_arena, git_oid_tostr_s(&oid));
	f->ids = arena_printf(&repo_arena, "%s%s\n", f->ids, hex);
	return hex;
}

static void
forge_entry(struct forge *f, const char *mode, const char *name, const char *id)
{
	git_oid oid;

	git_oid_fromstr(&oid, id);
	buf_addf(&f->tree, "%s %s", mode, name);
	buf_addc(&f->tree, '\0');
	buf_add(&f->tree, oid.id, GIT_OID_RAWSZ);
}

static const char *
forge_tree(struct forge *f)
{
	const char *id = forge_write(
	    f, GIT_OBJECT_TREE, f->tree.data ? f->tree.data : "", f->tree.len);

	f->tree.len = 0;
	return id;
}

static const char *
forge_commit(struct forge *f, const char *trees)
{
	const char *text = arena_printf(&repo_arena,
	    "%sauthor a <a@x> 1 +0000\ncommitter a <a@x> 1 +0000\n\nx\n",
	    trees);

	return forge_write(f, GIT_OBJECT_COMMIT, text, strlen(text));
}

/* The package u/x with one entry more, at its sorted place or at the end. */
static const char *
forge_with(struct forge *f, bool first, const char *mode, const char *name)
{
	const char *recipe, *key, *package, *user;

	f->ids = "";
	f->tree.len = 0;
	recipe = forge_write(f, GIT_OBJECT_BLOB, "DESCRIPTION=x\n", 14);
	key = forge_write(f, GIT_OBJECT_BLOB, "key\n", 4);
	if (name && first)
		forge_entry(f, mode, name, key);
	forge_entry(f, "100644", "x-1.0.jobuild", recipe);
	if (name && !first)
		forge_entry(f, mode, name, key);
	package = forge_tree(f);
	forge_entry(f, "100644", "u.asc", key);
	forge_entry(f, "40000", "x", package);
	user = forge_tree(f);
	forge_entry(f, "40000", "u", user);
	return arena_printf(&repo_arena, "tree %s\n", forge_tree(f));
}

static void
forged(struct forge *f, const char *commit_, const char *want, const char *name)
{
	struct error err;
	struct tree *t;
	struct buf b;

	buf_init(&b, 1 << 20);
	git_pack(&b, f->ids, "--window=0");
	if (want) {
		refused(commit_, "u/x-1.0", &b, want, name);
	} else {
		t = open_pack(commit_, "u/x-1.0", &b, &err);
		ok(t, "%s: %s", name, err.msg);
		tree_close(t);
	}
	buf_release(&b);
}

static void
test_forged(struct forge *f)
{
	static const struct {
		bool first;
		const char *mode, *name, *want;
	} cases[] = {
	    {true, "100644", "a", NULL},
	    {true, "100644", "..", "has the entry \"..\""},
	    {true, "100644", ".", "has the entry \".\""},
	    {true, "40000", ".git", "has the entry \".git\""},
	    {true, "100644", ".GiT", "has the entry \".GiT\""},
	    {true, "100644", "", "lacks a part"},
	    {true, "100644", "a/b", "has the entry \"a/b\""},
	    {false, "100644", "a", "isn't sorted: \"a\" comes too late"},
	    {true, "100644", "z", "isn't sorted"},
	    {false, "100644", "x-1.0.jobuild", "twice"},
	    {false, "120000", "x-1.0.jobuild", "twice"},
	};
	const char *trees, *good;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* "a" belongs to it as little as any file that is listed */
		trees =
		    forge_with(f, cases[i].first, cases[i].mode, cases[i].name);
		forged(f, forge_commit(f, trees), cases[i].want,
		    arena_printf(
			&repo_arena, "an entry \"%s\"", cases[i].name));
	}
	good = forge_with(f, true, NULL, NULL);
	forged(f,
	    forge_commit(f, arena_printf(&repo_arena, "%s%s", good, good)), "",
	    "a commit with two trees");
	f->ids = "";
	forge_with(f, true, NULL, NULL);
	forged(f, forge_commit(f, ""), "", "a commit without a tree");
}

static void
test_forge(void)
{
	git_repository *repo = NULL;
	struct forge f = {.ids = ""};

	buf_init(&f.tree, 1 << 20);
	git_libgit2_init();
	if (git_repository_open(&repo, repo_path) == 0 &&
	    git_repository_odb(&f.odb, repo) == 0)
		test_forged(&f);
	git_odb_free(f.odb);
	git_repository_free(repo);
	git_libgit2_shutdown();
	buf_release(&f.tree);
}

int
main(void)
{
	repo_begin();
	put("u/u.asc", "key of u\n");
	commit();
	test_forge();
	repo_end();
	return tap_done();
}
