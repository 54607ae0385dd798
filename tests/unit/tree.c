/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tap.h"
#include "repo.h"

#include <git2.h>

#define TARBALL "not really a tarball\n"
#define PATCH   "--- a\n+++ b\n"

/* A jobuild that extends a template of another maintainer. */
static void
put_good(void)
{
	put("base/flow/flow-1.0.template",
	    "DESCRIPTION=\"flow\"\nBLOCKS=\"check\"\n"
	    "SRC_URI=\"https://example.org/flow-1.tar.gz\"\n"
	    "job_run() { check; }\n");
	put("base/flow/Manifest", line_of("DIST", "flow-1.tar.gz", TARBALL));
	put("base/base.asc", "key\n");
	put("zlib/zlib.asc", "key\n");
	put("zlib/test/test-1.0.jobuild",
	    "EXTENDS=\"base/flow-1.0\"\nDESCRIPTION=\"test\"\n"
	    "SRC_URI+=\" https://example.org/zlib-1.tar.gz\"\n"
	    "PORTCONF_URI=\"https://example.org/conf.tar.gz\"\n"
	    "check() { :; }\n");
	put("zlib/test/Manifest",
	    arena_printf(&repo_arena, "%s%s%s%s",
		line_of("DIST", "zlib-1.tar.gz", TARBALL),
		line_of("DIST", "conf.tar.gz", TARBALL),
		line_of("AUX", "fix.patch", PATCH),
		line_of("AUX", "a/b", "x")));
	put("zlib/test/files/fix.patch", PATCH);
	put("zlib/test/files/a/b", "x");
	put("zlib/test/test-1.9.jobuild", "DESCRIPTION=\"9\"\n");
	put("zlib/test/test-1.10.jobuild", "DESCRIPTION=\"10\"\n");
	put("zlib/meta/meta-2.0.jobuild",
	    "DESCRIPTION=\"all\"\nDEPEND=\"zlib/test\"\n");
	put("overlays/x/y/y-1.0.jobuild", "DESCRIPTION=\"no\"\n");
	put("README.md", "a tree\n");
}

static void
check_packages(struct tree *t, const char *what)
{
	const struct tree_package *p;
	size_t n = 0;

	p = tree_packages(t, &n);
	ok(n == 3 && strcmp(p[0].user, "base") == 0 &&
		strcmp(p[0].name, "flow") == 0 && p[0].nversions == 0 &&
		p[0].ntemplates == 1 && strcmp(p[1].name, "meta") == 0 &&
		strcmp(p[2].name, "test") == 0,
	    "%s: all packages, sorted", what);
	p = tree_package(t, "zlib", "test");
	ok(p && p->nversions == 3 && p->versions[0].minor == 10 &&
		p->versions[1].minor == 9 && p->versions[2].minor == 0,
	    "%s: versions, newest first", what);
	ok(!tree_package(t, "overlays", "x") &&
		!tree_package(t, "zlib", "nothing") &&
		!tree_package(t, "..", "zlib") && !tree_package(t, "", ""),
	    "%s: what is no package", what);
}

static void
check_recipe(struct tree *t, const char *what)
{
	const struct tree_recipe *r;
	struct diags d;

	r = recipe_of(t, "zlib/test-1.0", &d);
	if (!ok(r && d.n == 0, "%s: the recipe is good", what)) {
		diags_print(&d, stdout);
		return;
	}
	ok(r->nchain == 2 &&
		strcmp(r->chain[0]->path, "base/flow/flow-1.0.template") == 0 &&
		strcmp(r->chain[1]->path, "zlib/test/test-1.0.jobuild") == 0,
	    "%s: chain, root first", what);
	ok(r->ndist == 3 && strcmp(r->dist[0]->name, "flow-1.tar.gz") == 0 &&
		strcmp(r->dist[1]->name, "zlib-1.tar.gz") == 0 &&
		strcmp(r->dist[2]->name, "conf.tar.gz") == 0,
	    "%s: DIST of parent and leaf, PORTCONF_URI last", what);
	ok(r->naux == 2 &&
		strcmp(r->aux[0]->path, "zlib/test/files/a/b") == 0 &&
		strcmp(r->aux[1]->path, "zlib/test/files/fix.patch") == 0,
	    "%s: support files", what);
	ok(r->nmanifests == 2 &&
		strcmp(r->manifests[0]->path, "base/flow/Manifest") == 0 &&
		strcmp(r->manifests[1]->path, "zlib/test/Manifest") == 0,
	    "%s: Manifests", what);
	is(r->chain[0]->user, "base", "whose file");
	is_int((long long)strlen(r->chain[0]->digest), 64, "digest");
	ok(recipe_of(t, "zlib/test-1.0", &d) == r, "%s: kept", what);
	ok(recipe_of(t, "zlib/meta-2.0", &d) && d.n == 0, "%s: a meta job",
	    what);
}

static void
test_good(void)
{
	struct tree *t, *w;
	const struct tree_file *f, *g;
	struct error err;
	struct buf b;

	buf_init(&b, 1 << 20);
	put_good();
	commit();
	git(NULL, "tag", "-a", "-m", "x", "v1", NULL);
	git(&b, "rev-parse", "HEAD", NULL);
	b.data[40] = '\0';
	t = open_tree(repo_path, "HEAD");
	is(tree_commit(t), b.data, "the commit's id");
	check_packages(t, "HEAD");
	check_recipe(t, "HEAD");
	w = open_tree(repo_path, NULL);
	is(tree_commit(w), "", "a work tree has no commit");
	check_packages(w, "work tree");
	check_recipe(w, "work tree");
	f = tree_file(t, "zlib/test/files/fix.patch", &err);
	g = tree_file(w, "zlib/test/files/fix.patch", &err);
	ok(f && g && strcmp(f->text, PATCH) == 0 &&
		strcmp(f->blob, g->blob) == 0 && strlen(f->blob) == 40 &&
		strcmp(f->digest, g->digest) == 0,
	    "bytes and ids agree");
	ok(!tree_file(t, "overlays/x/y/y-1.0.jobuild", &err) &&
		strstr(err.msg, "is not in the tree"),
	    "overlays/ is no part of the tree");
	ok(!tree_file(t, "zlib", &err) && !tree_file(t, "zlib/../zlib", &err) &&
		!tree_file(w, "../tree/README.md", &err) &&
		!tree_file(w, ".git/config/", &err) && !tree_file(t, "", &err),
	    "odd paths are no files");
	ok(!tree_file(w, ".git/config", &err), ".git isn't either");
	tree_close(w);
	tree_close(t);
	for (const char *const *rev =
		 (const char *const[]){"main", "v1", b.data, "HEAD~0", NULL};
	     *rev; rev++) {
		t = open_tree(repo_path, *rev);
		ok(t && strcmp(tree_commit(t), b.data) == 0, "opened by %s",
		    *rev);
		tree_close(t);
	}
	git(NULL, "clone", "-q", "--bare", ".", below("bare.git"), NULL);
	t = open_tree(below("bare.git"), "main");
	check_recipe(t, "bare");
	tree_close(t);
	buf_release(&b);
}

static void
bad_open(const char *path, const char *rev, const char *want)
{
	struct tree *t = NULL;
	struct error err = {0};
	int rc = tree_open(&t, path, rev, &err);

	if (!ok(rc < 0 && !t && strstr(err.msg, want), "not opened: %s", want))
		printf("# %d %s\n", rc, err.msg);
}

static void
test_bad_open(void)
{
	struct error err;
	struct tree *t;

	bad_open(below("nothing"), NULL, "No such file");
	bad_open(repo_top, NULL, "is not a git repository");
	bad_open(repo_path, "mian", "no revision \"mian\" (branches: main)");
	bad_open(repo_path, "0000000000000000000000000000000000000001",
	    "no revision");
	bad_open(repo_path, "HEAD:README.md", "is not a branch");
	bad_open(repo_path, ":/x", "is not a branch");
	bad_open(repo_path, "main@{1}", "is not a branch");
	bad_open(repo_path, "", "is not a branch");
	git(NULL, "init", "-q", "-b", "main", below("empty"), NULL);
	bad_open(below("empty"), NULL, "has no commit");
	ok(tree_open_work(&t, below("bare.git"), &err) < 0 &&
		strstr(err.msg, "without work tree"),
	    "a bare repository has no work tree");
	if (geteuid() == 0) {
		git(NULL, "init", "-q", below("other"), NULL);
		ok(chown(below("other"), 12345, 12345) == 0 &&
			chown(below("other/.git"), 12345, 12345) == 0,
		    "give a repository away");
		bad_open(below("other"), NULL, "belongs to another user");
		bad_open(below("other"), NULL, "safe.directory");
	}
}

static int
count_objects(void)
{
	struct buf b;
	int n = -1;

	buf_init(&b, 1 << 20);
	if (git(&b, "count-objects", NULL))
		n = (int)strtol(b.data, NULL, 10);
	buf_release(&b);
	return n;
}

static void
test_work(void)
{
	int before = count_objects();
	const struct tree_file *f;
	const char *found = NULL;
	struct error err;
	struct tree *t;

	put("zlib/test/test-1.9.jobuild", "DESCRIPTION=\"changed\"\n");
	put("zlib/new/new-0.1.jobuild", "DESCRIPTION=\"new\"\n");
	put(".gitignore", "*.tmp\ntest-1.10.jobuild\nbuild/\n");
	put("zlib/new/x.tmp", "x");
	put("build/out", "x");
	drop("zlib/meta/meta-2.0.jobuild");
	t = open_tree(repo_path, NULL);
	f = tree_file(t, "zlib/test/test-1.9.jobuild", &err);
	ok(f && strstr(f->text, "changed"), "an uncommitted change is seen");
	ok(tree_package(t, "zlib", "new"), "a new package is seen");
	ok(!tree_package(t, "zlib", "meta"), "a removed one isn't");
	ok(!tree_file(t, "zlib/new/x.tmp", &err) &&
		!tree_file(t, "build/out", &err),
	    "ignored files aren't seen");
	ok(tree_package(t, "zlib", "test")->nversions == 3,
	    "an ignored file that git tracks is seen");
	tree_close(t);
	is_int(count_objects(), before, "nothing was written");
	ok(tree_discover(&repo_arena, below("tree/zlib/test"), &found, &err) ==
		    0 &&
		(t = open_tree(found, NULL)) != NULL,
	    "found from a folder below");
	tree_close(t);
	ok(tree_discover(&repo_arena, repo_top, &found, &err) < 0,
	    "nothing is found where nothing is");
	git(NULL, "checkout", "-q", ".", NULL);
	git(NULL, "clean", "-qfdx", NULL);
}

/* What the recipe says when the work tree has this file instead. */
static void
trouble(const char *id, const char *rule, const char *file, const char *text,
    const char *name)
{
	struct tree *t = open_tree(repo_path, NULL);
	struct diags d;

	ok(!recipe_of(t, id, &d) && d.errors > 0 && has(&d, rule, file, text),
	    "%s", name);
	if (name[0] == '!')
		diags_print(&d, stdout);
	tree_close(t);
}

static void
restore(void)
{
	git(NULL, "checkout", "-q", ".", NULL);
	git(NULL, "clean", "-qfd", NULL);
}

#define LEAF "zlib/test/test-1.0.jobuild"

static void
test_chain(void)
{
	const struct tree_recipe *r;
	struct diags d, second;
	struct tree *t;
	char name[64];
	int i;

	put("base/a/a-1.0.template", "EXTENDS=\"base/b-1.0\"\n");
	put("base/b/b-1.0.template", "EXTENDS=\"base/a-1.0\"\n");
	put("zlib/c/c-1.0.jobuild", "EXTENDS=\"base/a-1.0\"\n");
	trouble("zlib/c-1.0", "extends", "base/b/b-1.0.template", "circle",
	    "a circle of templates");
	t = open_tree(repo_path, NULL);
	recipe_of(t, "zlib/c-1.0", &d);
	ok(d.n > 0 && d.list[0].hint &&
		strcmp(d.list[0].hint,
		    "zlib/c/c-1.0.jobuild -> base/a/a-1.0.template -> "
		    "base/b/b-1.0.template -> base/a/a-1.0.template") == 0,
	    "is printed");
	tree_close(t);
	put("zlib/c/c-1.0.jobuild", "EXTENDS=\"base/flaw-1.0\"\n");
	trouble("zlib/c-1.0", "extends", "zlib/c/c-1.0.jobuild",
	    "there is no template base/flaw-1.0", "a missing parent");
	t = open_tree(repo_path, NULL);
	recipe_of(t, "zlib/c-1.0", &d);
	is(d.n ? d.list[0].hint : NULL, "did you mean base/flow-1.0?",
	    "with the nearest name");
	tree_close(t);
	put("zlib/c/c-1.0.jobuild", "EXTENDS=\"base/flow-1.1\"\n");
	t = open_tree(repo_path, NULL);
	recipe_of(t, "zlib/c-1.0", &d);
	is(d.n ? d.list[0].hint : NULL, "the newest template base/flow is 1.0",
	    "or the versions that there are");
	tree_close(t);
	put("zlib/c/c-1.0.jobuild", "EXTENDS=\"zlib/meta-2.0\"\n");
	trouble("zlib/c-1.0", "extends", "zlib/c/c-1.0.jobuild",
	    "zlib/meta-2.0 is a jobuild", "a jobuild as parent");
	for (i = 0; i < 9; i++) {
		snprintf(name, sizeof(name), "base/l%d/l%d-1.0.template", i, i);
		put(name,
		    i == 8 ? "DESCRIPTION=\"x\"\n"
			   : arena_printf(&repo_arena,
				 "EXTENDS=\"base/l%d-1.0\"\n", i + 1));
	}
	put("zlib/c/c-1.0.jobuild",
	    "EXTENDS=\"base/l1-1.0\"\nDESCRIPTION=\"c\"\n");
	trouble("zlib/c-1.0", "extends", "base/l7/l7-1.0.template", "too long",
	    "nine files");
	put("zlib/c/c-1.0.jobuild",
	    "EXTENDS=\"base/l2-1.0\"\nDESCRIPTION=\"c\"\n");
	t = open_tree(repo_path, NULL);
	r = recipe_of(t, "zlib/c-1.0", &d);
	ok(r && r->nchain == 8, "eight files");
	tree_close(t);
	trouble("zlib/c-3.0", "no-file", "zlib/c/c-3.0.jobuild",
	    "is not in the tree", "no such recipe");
	put("base/l8/l8-1.0.template", "DESCRIPTION=\"x\n");
	put("zlib/e/e-1.0.jobuild",
	    "EXTENDS=\"base/l8-1.0\"\nDESCRIPTION=\"e\"\n");
	t = open_tree(repo_path, NULL);
	recipe_of(t, "zlib/c-1.0", &d);
	ok(d.errors > 0, "a broken ancestor");
	i = (int)d.errors;
	struct recipe_id id = id_of("zlib/e-1.0");
	ok(!tree_recipe(t, &id, RECIPE_JOBUILD, &d) && (int)d.errors == i,
	    "is told once");
	ok(!recipe_of(t, "zlib/e-1.0", &second) && (int)second.errors == i,
	    "but again to somebody else");
	tree_close(t);
	restore();
}

static void
test_manifest(void)
{
	put("zlib/test/Manifest", "");
	trouble("zlib/test-1.0", "aux", "zlib/test/files/fix.patch",
	    "no AUX line", "a support file without AUX line");
	git(NULL, "checkout", "-q", ".", NULL);
	drop("zlib/test/Manifest");
	trouble("zlib/test-1.0", "aux", "zlib/test/files/a/b", "no AUX line",
	    "no Manifest");
	git(NULL, "checkout", "-q", ".", NULL);
	drop("zlib/test/files/a/b");
	trouble("zlib/test-1.0", "aux", "zlib/test/Manifest",
	    "zlib/test/files/a/b does not exist", "AUX without file");
	git(NULL, "checkout", "-q", ".", NULL);
	put("zlib/test/files/fix.patch", "+++ b\n--- a\n");
	trouble("zlib/test-1.0", "aux", "zlib/test/Manifest",
	    "has another BLAKE2B", "a changed file");
	put("zlib/test/files/fix.patch", "longer than it was before");
	trouble("zlib/test-1.0", "aux", "zlib/test/Manifest", "has 25 bytes",
	    "a file of another size");
	git(NULL, "checkout", "-q", ".", NULL);
	put("zlib/test/Manifest",
	    arena_printf(&repo_arena, "%s%s%s",
		line_of("DIST", "conf.tar.gz", TARBALL),
		line_of("AUX", "fix.patch", PATCH),
		line_of("AUX", "a/b", "x")));
	trouble("zlib/test-1.0", "no-dist", LEAF,
	    "\"zlib-1.tar.gz\" has no DIST line", "a missing DIST line");
	put("zlib/test/Manifest",
	    arena_printf(&repo_arena, "%s%s%s%s%s",
		line_of("DIST", "conf.tar.gz", TARBALL),
		line_of("DIST", "zlib-1.tar.gz", TARBALL),
		line_of("DIST", "flow-1.tar.gz", "other bytes"),
		line_of("AUX", "fix.patch", PATCH),
		line_of("AUX", "a/b", "x")));
	trouble("zlib/test-1.0", "dist-differs", "base/flow/Manifest",
	    "\"flow-1.tar.gz\" has another size or digest in "
	    "zlib/test/Manifest:3",
	    "one name, two digests");
	put("zlib/test/Manifest", "DIST x\n");
	trouble("zlib/test-1.0", "manifest-line", "zlib/test/Manifest",
	    "the size is missing", "a broken Manifest");
	git(NULL, "checkout", "-q", ".", NULL);
	drop("zlib/test/files/a/b");
	if (symlink("../fix.patch", below("tree/zlib/test/files/a/b")) == 0)
		trouble("zlib/test-1.0", "symlink", "zlib/test/files/a/b",
		    "is a symbolic link", "a link in files/");
	restore();
}

/* A tree object of raw entries: names that git itself refuses. */
static void
add_raw(struct buf *b, const char *mode, const char *name, const git_oid *oid)
{
	buf_addf(b, "%s %s", mode, name);
	buf_addc(b, '\0');
	buf_add(b, oid->id, GIT_OID_RAWSZ);
}

static void
test_hostile(void)
{
	git_repository *repo = NULL;
	git_oid blob, tree, root, id;
	git_signature *who = NULL;
	git_tree *object = NULL;
	char hex[OBJECT_HEX];
	git_odb *odb = NULL;
	struct error err;
	struct tree *t;
	struct diags d;
	struct buf b, r;

	buf_init(&b, 1 << 20);
	buf_init(&r, 1 << 20);
	git_libgit2_init();
	if (git_repository_open(&repo, repo_path) < 0 ||
	    git_repository_odb(&odb, repo) < 0)
		return;
	git_odb_write(&blob, odb, "DESCRIPTION=x\n", 14, GIT_OBJECT_BLOB);
	add_raw(&b, "100644", "..", &blob);
	add_raw(&b, "100644", "a\nb", &blob);
	add_raw(&b, "100644", "evil/../../x", &blob);
	add_raw(&b, "100644", "n-1.0.jobuild", &blob);
	add_raw(&b, "120000", "n-1.0.jobuild", &blob);
	git_odb_write(&tree, odb, b.data, b.len, GIT_OBJECT_TREE);
	b.len = 0;
	add_raw(&b, "40000", "n", &tree);
	git_odb_write(&tree, odb, b.data, b.len, GIT_OBJECT_TREE);
	add_raw(&r, "40000", "u", &tree);
	git_odb_write(&root, odb, r.data, r.len, GIT_OBJECT_TREE);
	git_signature_new(&who, "a", "a@x", 1, 0);
	git_tree_lookup(&object, repo, &root);
	git_commit_create(&id, repo, "refs/heads/hostile", who, who, NULL, "x",
	    object, 0, NULL);
	t = open_tree(repo_path, git_oid_tostr(hex, sizeof(hex), &id));
	diags_init(&d, &repo_arena);
	tree_check_layout(t, &d);
	ok(has(&d, "bad-name", "u/n/..", "no name"), "..");
	ok(has(&d, "bad-name", "u/n/a\\x0ab", "no name"), "newline");
	ok(has(&d, "bad-name", "u/n/evil/../../x", "no name"), "slash");
	ok(has(&d, "bad-name", "u/n/n-1.0.jobuild", "no name"), "twice");
	ok(!tree_file(t, "u/n/evil/../../x", &err) &&
		!tree_file(t, "u/n/..", &err),
	    "such names can't be asked for");
	tree_close(t);
	git_tree_free(object);
	git_signature_free(who);
	git_odb_free(odb);
	git_repository_free(repo);
	git_libgit2_shutdown();
	git(NULL, "update-ref", "-d", "refs/heads/hostile", NULL);
	buf_release(&r);
	buf_release(&b);
}

static void
test_layout(void)
{
	static char big[RECIPE_FILE_MAX + 2];
	struct tree *t = open_tree(repo_path, "HEAD");
	struct diags d;

	diags_init(&d, &repo_arena);
	tree_check_layout(t, &d);
	if (!is_int((long long)d.n, 0, "a good tree is"))
		diags_print(&d, stdout);
	tree_close(t);
	memset(big, '#', sizeof(big) - 1);
	put("stray.txt", "x");
	put("Upper/x/x-1.0.jobuild", "x");
	put("zlib/stray", "x");
	put("zlib/test/stray", "x");
	put("zlib/test/folder/x", "x");
	put("zlib/test/test-01.0.jobuild", "x");
	put("zlib/test/tset-1.0.jobuild", "x");
	put("zlib/test/test-4.0.jobuild.asc", "x");
	put("zlib/test/TEST-1.0.JOBUILD", "x");
	put("zlib/test/test-5.0.jobuild", big);
	put("zlib/bad name/x", "x");
	put("zlib/a-1.0/x", "x");
	put("zlib/nothing/Manifest", "");
	put("kde/x/x-1.0.jobuild", "x");
	if (symlink("test", below("tree/zlib/link")) < 0)
		ok(false, "symlink");
	git(NULL, "init", "-q", below("tree/zlib/sub"), NULL);
	put("zlib/sub/x", "x");
	t = open_tree(repo_path, NULL);
	diags_init(&d, &repo_arena);
	tree_check_layout(t, &d);
	ok(has(&d, "stray-file", "stray.txt", "belongs nowhere"), "at the top");
	ok(has(&d, "user-name", "Upper", "is not a name"), "user's name");
	ok(has(&d, "stray-file", "zlib/stray", "belongs"), "beside packages");
	ok(has(&d, "stray-file", "zlib/test/stray", "belongs"), "in one");
	ok(has(&d, "stray-file", "zlib/test/folder", "is a folder"), "folder");
	ok(has(&d, "recipe-name", "zlib/test/test-01.0.jobuild", "not named"),
	    "version");
	ok(has(&d, "recipe-name", "zlib/test/tset-1.0.jobuild", "not named"),
	    "other name");
	ok(has(&d, "stray-file", "zlib/test/test-4.0.jobuild.asc", "signature"),
	    "signature of nothing");
	ok(has(&d, "case", "zlib/test/test-1.0.jobuild", "only in case"),
	    "case");
	ok(has(&d, "too-large", "zlib/test/test-5.0.jobuild", "131073 bytes"),
	    "too large");
	ok(has(&d, "package-name", "zlib/bad name", "is not a name"), "blank");
	ok(has(&d, "package-name", "zlib/a-1.0", "is not a name"),
	    "name that ends as a version");
	ok(has(&d, "no-recipe", "zlib/nothing", "no jobuild"), "no recipe");
	ok(has(&d, "no-key", "kde/kde.asc", "is missing"), "no key");
	ok(has(&d, "symlink", "zlib/link", "symbolic link"), "link");
	ok(has(&d, "submodule", "zlib/sub", "another git"), "repository");
	tree_close(t);
	restore();
	git(NULL, "clean", "-qffdx", NULL);
}

int
main(void)
{
	repo_begin();
	test_good();
	test_bad_open();
	test_work();
	test_chain();
	test_manifest();
	test_hostile();
	test_layout();
	repo_end();
	return tap_done();
}
