/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The index changes no answer: over a series of edits everything that a tree
 * says is the same with it and without it, whatever happened to its file.
 */
#include "tree/index/index.h"
#include "tree/index/index_file.h"
#include "repo.h"
#include "says.h"
#include "tap.h"

#include <git2.h>

#define DAY   (24 * 60 * 60)
#define TODAY ((time_t)20000 * DAY)
#define EDITS 60

static uint64_t state = 7;

static unsigned
draw(unsigned below_)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)((state >> 33) % below_);
}

/* What one tree tells another of the same revision. */
static const char *
said_by_two(const char *rev)
{
	struct tree *a = open_tree(repo_path, rev);
	struct tree *b = open_tree(repo_path, rev);
	struct buf bytes, out;
	size_t i, n;
	char *text;

	buf_init(&bytes, 64 << 20);
	buf_init(&out, 64 << 20);
	tree_packages(a, &n);
	tree_packages(b, &n);
	for (i = 0; i < n; i++) {
		bytes.len = 0;
		tree_tell_package(a, i, &bytes);
		tree_take_package(b, i, bytes.data, bytes.len);
	}
	say_all(&out, b);
	tree_close(a);
	tree_close(b);
	text = arena_strndup(&repo_arena, out.data, out.len);
	buf_release(&bytes);
	buf_release(&out);
	return text;
}

static size_t
known(const char *rev, const char *index, size_t *n)
{
	struct tree *t = open_tree(repo_path, rev);
	size_t i, count = 0;

	tree_use_index(t, index, 0);
	tree_packages(t, n);
	for (i = 0; i < *n; i++)
		count += tree_knows_package(t, i);
	tree_close(t);
	return count;
}

/* ---- a tree and what is done to it ---- */

#define PACKAGES 9
#define FLOWS    3

static const char *
package(unsigned p)
{
	return arena_printf(&repo_arena, "u%u/p%u", p % 3, p);
}

static void
put_jobuild(unsigned p, unsigned v, const char *more)
{
	const char *extends = "";

	if (p % 2)
		extends = arena_printf(
		    &repo_arena, "EXTENDS=\"base/flow%u-1.0\"\n", p % FLOWS);
	put(arena_printf(&repo_arena, "%s/p%u-1.%u.jobuild", package(p), p, v),
	    arena_printf(&repo_arena,
		"%sDESCRIPTION=\"number %u of %u\"\n%s%s%s\n", extends, v,
		draw(1000),
		p > 2 ? arena_printf(&repo_arena, "DEPEND%s=\"%s%s\"\n",
			    p % 2 ? "+" : "", p % 2 ? " " : "", package(p / 3))
		      : "",
		p % 4 == 0 ? "SRC_URI=\"https://x.org/${PN}.gz\"\n" : "",
		more));
}

static void
put_flow(unsigned f, const char *more)
{
	put(arena_printf(&repo_arena, "base/flow%u/flow%u-1.0.template", f, f),
	    arena_printf(&repo_arena,
		"DESCRIPTION=\"flow %u\"\nBLOCKS=\"check\"\n_level=%u\n"
		"DEPEND=\"u0/p0\"\n"
		"check() { :; }\njob_run() { check \"${_level}\"; }\n%s",
		f, draw(100), more));
}

static void
put_manifest(unsigned p, const char *aux)
{
	put(arena_printf(&repo_arena, "%s/Manifest", package(p)),
	    arena_printf(&repo_arena, "%s%s",
		line_of("DIST", arena_printf(&repo_arena, "p%u.gz", p), "zip"),
		aux ? line_of("AUX", "a.patch", aux) : ""));
}

static void
put_files(unsigned p, const char *text, bool listed)
{
	put(arena_printf(&repo_arena, "%s/files/a.patch", package(p)), text);
	put_manifest(p, listed ? text : "another");
}

static void
begin_tree(void)
{
	static const char *const users[] = {"u0", "u1", "u2", "base"};
	unsigned i;

	for (i = 0; i < 4; i++)
		put(arena_printf(&repo_arena, "%s/%s.asc", users[i], users[i]),
		    "key");
	for (i = 0; i < FLOWS; i++)
		put_flow(i, "");
	for (i = 0; i < PACKAGES; i++) {
		put_jobuild(i, 0, "");
		if (i % 4 == 0)
			put_manifest(i, NULL);
	}
	commit();
}

static void
edit(unsigned what)
{
	unsigned p = draw(PACKAGES), v = draw(3);
	const char *number = arena_printf(&repo_arena, "%u", draw(100));

	switch (what) {
	case 0:
		put_jobuild(p, v, "");
		break;
	case 1:
		put_jobuild(p, v, "ARCH=\"amd64\"\nRESOURCES=\"memory=1G\"\n");
		break;
	case 2:
		put_jobuild(p, v, "job_run() { echo ${x\n");
		break;
	case 3: /* a warning */
		put_jobuild(p, v, "SOMETHING=1\n");
		break;
	case 4:
		drop(arena_printf(
		    &repo_arena, "%s/p%u-1.%u.jobuild", package(p), p, v));
		break;
	case 5:
		put_flow(p % FLOWS, "");
		break;
	case 6: /* its children break */
		put_flow(p % FLOWS, "DEPEND+=\" u0/p0\"\n");
		break;
	case 7:
		put_files(p, number, true);
		break;
	case 8:
		put_files(p, number, false);
		break;
	case 9:
		put_manifest(p, NULL);
		break;
	case 10: /* a parent's Manifest that says otherwise */
		put(arena_printf(
			&repo_arena, "base/flow%u/Manifest", p % FLOWS),
		    line_of("DIST", arena_printf(&repo_arena, "p%u.gz", p),
			number));
		break;
	case 11:
		drop(arena_printf(
		    &repo_arena, "base/flow%u/Manifest", p % FLOWS));
		break;
	case 12:
		put(arena_printf(&repo_arena, "%s/stray", package(p)), "x");
		break;
	case 13:
		drop(arena_printf(&repo_arena, "%s/stray", package(p)));
		break;
	case 14:
		drop(arena_printf(&repo_arena,
		    "base/flow%u/flow%u-1.0.template", p % FLOWS, p % FLOWS));
		break;
	default: /* the same folder elsewhere: other names in it don't fit */
		git(NULL, "mv", "-k", package(p),
		    arena_printf(&repo_arena, "u%u/p%u", (p + 1) % 3, p), NULL);
		break;
	}
}

/* ---- tests ---- */

static void
test_edits(const char *index)
{
	unsigned i, same = 0, old = 0, two = 0;
	const char *plain;

	for (i = 0; i < EDITS; i++) {
		edit(draw(16));
		if (draw(2))
			edit(draw(16));
		commit();
		plain = said("HEAD", NULL, 0);
		same += strcmp(plain, said("HEAD", index, TODAY + i)) == 0;
		two += strcmp(plain, said_by_two("HEAD")) == 0;
		if (i % 4 == 3)
			old += strcmp(said("HEAD~3", NULL, 0),
				   said("HEAD~3", index, TODAY + i)) == 0;
	}
	is_int(same, EDITS, "the same with and without, edit after edit");
	is_int(two, EDITS, "the same when another process has read it");
	is_int(old, EDITS / 4, "and for a revision of before");
}

/* What isn't committed: staged or not, half of the edits at a time. */
static void
test_work(const char *index)
{
	unsigned i, same = 0, again = 0;
	const char *plain;

	for (i = 0; i < EDITS; i++) {
		edit(draw(16));
		if (draw(3) == 0)
			git(NULL, "add", "-A", NULL);
		if (draw(8) == 0)
			commit();
		plain = said(NULL, NULL, 0);
		same += strcmp(plain, said(NULL, index, TODAY + i)) == 0;
		again += strcmp(plain, said(NULL, index, TODAY + i)) == 0;
	}
	is_int(same, EDITS, "the work tree's files are what they are");
	is_int(again, EDITS, "and once more, with what was learned");
}

/* The same file with other bytes. */
static void
overwrite(const char *path, const char *text)
{
	FILE *f =
	    fopen(arena_printf(&repo_arena, "%s/%s", repo_path, path), "r+e");

	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		printf("# %s isn't written\n", path);
}

/*
 * Changes that only bytes tell: the same size, in one tick of the clock with
 * git's note, of a file whose bytes of before the index knows.
 */
static void
test_racy(const char *index)
{
	const char *path = "u2/p2/p2-1.0.jobuild", *plain;
	unsigned i, same = 0;

	git(NULL, "rm", "-rfq", "--ignore-unmatch", "u2/p2", NULL);
	put(path, "DESCRIPTION=\"one\"\n");
	commit();
	(void)said("HEAD", index, TODAY);
	for (i = 0; i < EDITS; i++) {
		overwrite(path, "DESCRIPTION=\"one\"\n");
		git(NULL, "update-index", path, NULL);
		overwrite(path, "DESCRIPTION=\"two\"\n");
		plain = said(NULL, index, 0);
		same += strstr(plain, "<two>") != NULL;
	}
	is_int(same, EDITS, "changes right after git's note are seen");
	overwrite(path, "DESCRIPTION=\"one\"\n");
	commit();
}

/* Make git's record say that the file has the bytes of the commit. */
static void
lie(const char *path)
{
	git_repository *repo = NULL;
	git_index *list = NULL;
	git_index_entry e;
	git_oid id;

	git_libgit2_init();
	if (git_repository_open(&repo, repo_path) < 0 ||
	    git_repository_index(&list, repo) < 0)
		printf("# no index\n");
	id = git_index_get_bypath(list, path, 0)->id;
	git(NULL, "update-index", path, NULL);
	git_index_read(list, 1);
	e = *git_index_get_bypath(list, path, 0);
	e.id = id;
	git_index_add(list, &e);
	git_index_write(list);
	git_index_free(list);
	git_repository_free(repo);
	git_libgit2_shutdown();
}

/* When git's record is believed, which shows when it is wrong. */
static void
test_believed(const char *index)
{
	const char *path = "u2/p2/p2-1.0.jobuild";
	const struct timespec old[2] = {{1000000000, 0}, {1000000000, 0}};
	const char *plain;
	size_t n, had;

	plain = said("HEAD", NULL, 0);
	had = known("HEAD", index, &n);
	overwrite(path, "DESCRIPTION=\"two\"\n");
	usleep(20000);
	lie(path);
	is_int((long long)known(NULL, index, &n), (long long)had,
	    "a file that is as git noted it isn't read");
	utimensat(AT_FDCWD, below("tree/.git/index"), old, 0);
	is_int((long long)known(NULL, index, &n), (long long)had - 1,
	    "but if git's note isn't younger than the file, it is");
	ok(strcmp(said(NULL, index, 0), plain) != 0, "and what is in it, seen");
	overwrite(path, "DESCRIPTION=\"one\"\n");
	git(NULL, "reset", "-q", "--hard", NULL);
}

/* Git's objects have LF, the folder has CR LF. */
static void
test_converted(const char *index)
{
	const char *path = "u2/p2/p2-1.0.jobuild", *plain;

	put(".gitattributes", "*.jobuild text eol=crlf\n");
	drop(path);
	git(NULL, "checkout", "--", path, NULL);
	git(NULL, "update-index", "--add", ".gitattributes", NULL);
	plain = said(NULL, NULL, 0);
	ok(strstr(plain, "CR") != NULL,
	    "what git converts on the way is as it is in the folder");
	is(said(NULL, index, 0), plain, "with the index, too");
	git(NULL, "rm", "-fq", ".gitattributes", NULL);
	drop(path);
	put(path, "DESCRIPTION=\"one\"\n");
	commit();
}

static void
test_use(const char *index)
{
	size_t n, had;
	unsigned i;

	for (i = 0; i < FLOWS; i++)
		put_flow(i, "");
	for (i = 0; i < PACKAGES; i++) {
		git(NULL, "rm", "-rfq", "--ignore-unmatch",
		    arena_printf(&repo_arena, "u0/p%u", i),
		    arena_printf(&repo_arena, "u1/p%u", i),
		    arena_printf(&repo_arena, "u2/p%u", i), NULL);
		put_jobuild(i, 0, "");
		if (i % 4 == 0)
			put_manifest(i, NULL);
	}
	commit();
	(void)said("HEAD", index, TODAY);
	had = known("HEAD", index, &n);
	is_int((long long)n, PACKAGES + FLOWS, "so many packages");
	is_int((long long)had, (long long)n, "the index knows them all");
	put_jobuild(2, 0, "_a=1\n");
	commit();
	is_int((long long)known("HEAD", index, &n), (long long)n - 1,
	    "one package is changed: the others are known");
	is_int((long long)known(NULL, index, &n), (long long)n - 1,
	    "the same in the work tree");
	(void)said(NULL, index, TODAY + 40 * DAY);
	is_int((long long)known("HEAD", index, &n), (long long)n,
	    "and then that one, by what the work tree was found to be");
	is_int((long long)known("HEAD~1", index, &n), (long long)n - 1,
	    "what wasn't used for a month is dropped");
}

static off_t
size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : 0;
}

/* One package over many revisions. */
static void
test_growth(const char *index)
{
	off_t most[2] = {0}, size;
	unsigned i;

	(void)said("HEAD", index, TODAY + 40 * DAY);
	for (i = 0; i < 40; i++) {
		put_jobuild(
		    2, 0, arena_printf(&repo_arena, "_a=%u\n", 100 + i));
		commit();
		(void)said("HEAD", index, TODAY + 40 * DAY);
		size = size_of(index);
		if (size > most[i / 30])
			most[i / 30] = size;
	}
	ok(most[1] < most[0] + 1000, "of one package only the last are kept");
}

static void
spoil(
    const char *from, const char *to, size_t at, unsigned char with, size_t cut)
{
	struct error err;
	struct buf b;

	buf_init(&b, 64 << 20);
	(void)file_read(from, &b, &err);
	if (at < b.len)
		b.data[at] ^= (char)with;
	(void)file_write(to, b.data, cut < b.len ? cut : b.len, 0600, &err);
	buf_release(&b);
}

static void
test_damage(const char *index)
{
	const char *bad = below("bad"), *plain = said("HEAD", NULL, 0);
	const char *other = said("HEAD~2", NULL, 0);
	unsigned i, same = 0;
	struct stat st;
	size_t n;

	stat(index, &st);
	for (i = 0; i < 150; i++) {
		spoil(index, bad, i < 90 ? i : draw((unsigned)st.st_size),
		    (unsigned char)(1 + draw(255)), SIZE_MAX);
		same += strcmp(said("HEAD", bad, 0), plain) == 0;
	}
	for (i = 0; i < 50; i++) {
		spoil(index, bad, SIZE_MAX, 0, draw((unsigned)st.st_size));
		same += strcmp(said("HEAD", bad, 0), plain) == 0;
	}
	is_int(same, 200, "a damaged file changes nothing");
	for (i = same = 0; i < 50; i++) {
		spoil(index, bad, draw((unsigned)st.st_size),
		    (unsigned char)(1 + draw(255)), SIZE_MAX);
		same += strcmp(said("HEAD~2", bad, 0), other) == 0;
	}
	is_int(same, 50, "nor for a revision that it knows in part");
	spoil(index, bad, SIZE_MAX, 0, 100);
	(void)said("HEAD", bad, TODAY + 40 * DAY);
	ok(known("HEAD", bad, &n) == n, "and is made anew");
	chmod(bad, 0660);
	is_int((long long)known("HEAD", bad, &n), 0,
	    "a file that others may write isn't used");
	chmod(bad, 0600);
	ok(known("HEAD", bad, &n) == n, "its owner's is");
	unlink(bad);
	ok(symlink(index, bad) == 0 && known("HEAD", bad, &n) == 0,
	    "nor is a link followed");
	unlink(bad);
	mkdir(bad, 0700);
	is(said("HEAD", bad, TODAY), plain, "a folder in its place");
}

/* Entries of one part, changed, with checksums that are right; its end. */
static size_t
forge_part(struct buf *b, size_t begin)
{
	struct index_head head;
	struct index_entry *e;
	size_t k;

	memcpy(&head, b->data + begin, sizeof(head));
	e = calloc(head.count, sizeof(*e));
	memcpy(e, b->data + head.directory, head.count * sizeof(*e));
	for (k = 0; k < head.count; k++) {
		/* behind the path and the id, which are compared */
		if (e[k].len > 40)
			b->data[e[k].at + 28 + draw(e[k].len - 28)] ^=
			    (char)(1 << draw(8));
		e[k].sum = index_sum(b->data + e[k].at, e[k].len);
	}
	memcpy(b->data + head.directory, e, head.count * sizeof(*e));
	free(e);
	head.sum = index_sum(
	    b->data + head.directory, (size_t)(head.end - head.directory));
	memcpy(b->data + begin, &head, sizeof(head));
	return (size_t)head.end;
}

/* An entry whose checksum is right, but which no writer made. */
static void
test_forged(const char *index)
{
	const char *bad = below("forged"), *plain = said("HEAD", NULL, 0);
	unsigned i, same = 0;
	struct error err;
	struct buf b;
	size_t at;

	for (i = 0; i < 200; i++) {
		buf_init(&b, 64 << 20);
		(void)file_read(index, &b, &err);
		for (at = 0; at < b.len;)
			at = forge_part(&b, at);
		(void)file_write(bad, b.data, b.len, 0600, &err);
		same += *said("HEAD", bad, 0) != '\0';
		buf_release(&b);
	}
	is_int(same, 200, "bytes that no writer made are read without harm");
	is(said("HEAD", NULL, 0), plain, "the tree is as before");
}

int
main(void)
{
	const char *index;

	repo_begin();
	index = below("cache/index");
	begin_tree();
	test_edits(index);
	test_work(index);
	test_racy(index);
	test_believed(index);
	test_converted(index);
	test_use(index);
	test_growth(index);
	test_damage(index);
	test_forged(index);
	repo_end();
	return tap_done();
}
