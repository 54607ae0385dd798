/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one run has found out is added to the index file as a part of its own.
 * Whatever becomes of that part, no answer changes, and the rest counts.
 */
#include "tree/index/index.h"
#include "tree/index/index_file.h"
#include "repo.h"
#include "says.h"
#include "tap.h"

#include <sys/file.h>

#define DAY   (24 * 60 * 60)
#define TODAY ((time_t)20000 * DAY)

static unsigned changes; /* each one another */

static bool
knows_all(const char *rev, const char *index)
{
	struct tree *t = open_tree(repo_path, rev);
	size_t i, n, count = 0;

	tree_use_index(t, index, 0);
	tree_packages(t, &n);
	for (i = 0; i < n; i++)
		count += tree_knows_package(t, i);
	tree_close(t);
	return n > 0 && count == n;
}

static void
put_jobuild(unsigned p, const char *more)
{
	put(arena_printf(&repo_arena, "u%u/p%u/p%u-1.0.jobuild", p % 3, p, p),
	    arena_printf(&repo_arena,
		"EXTENDS=\"base/flow-1.0\"\nDESCRIPTION=\"number %u\"\n%s", p,
		more));
}

static void
begin_tree(void)
{
	unsigned i;

	put("base/base.asc", "key");
	put("base/flow/flow-1.0.template",
	    "DESCRIPTION=\"flow\"\nBLOCKS=\"check\"\ncheck() { :; }\n"
	    "job_run() { check; }\n");
	for (i = 0; i < 9; i++) {
		put(arena_printf(&repo_arena, "u%u/u%u.asc", i % 3, i % 3),
		    "key");
		put_jobuild(i, "");
	}
}

static off_t
size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : 0;
}

static void
copy_file(const char *from, const char *to)
{
	struct error err;
	struct buf b;

	buf_init(&b, 64 << 20);
	(void)file_read(from, &b, &err);
	(void)file_write(to, b.data, b.len, 0600, &err);
	buf_release(&b);
}

static size_t
parts_of(const char *index)
{
	struct index *x = index_open(index);
	size_t n = x->nparts;

	index_close(x);
	return n;
}

static uint64_t
day_of(const char *index)
{
	struct index *x = index_open(index);
	uint64_t day = x->day;

	index_close(x);
	return day;
}

/* A change of one package, and an index of one part that doesn't know it. */
static void
begin_parts(const char *index)
{
	unlink(index);
	put_jobuild(2, "_part=1\n");
	commit();
	(void)said("HEAD", index, TODAY);
	put_jobuild(2, "_part=2\n");
	commit();
}

static void
test_parts(const char *index)
{
	const char *base = below("base-index");
	struct error err;
	struct stat was, is;
	struct buf old, new;

	begin_parts(index);
	copy_file(index, base);
	stat(index, &was);
	is_int((long long)parts_of(index), 1, "a new file has one part");
	(void)said("HEAD", index, TODAY);
	stat(index, &is);
	is_int((long long)parts_of(index), 2, "what is new comes behind it");
	ok(is.st_ino == was.st_ino && is.st_size < was.st_size * 2,
	    "in the same file, which grows by little");
	buf_init(&old, 64 << 20);
	buf_init(&new, 64 << 20);
	(void)file_read(base, &old, &err);
	(void)file_read(index, &new, &err);
	ok(old.len < new.len &&memcmp(old.data, new.data, old.len) == 0,
	    "the rest of which stays");
	buf_release(&old);
	buf_release(&new);
	ok(knows_all("HEAD", index), "everything is known then");
	ok(knows_all("HEAD~1", index), "and what was before");
	(void)said("HEAD", index, TODAY);
	is_int((long long)size_of(index), (long long)is.st_size,
	    "nothing new: nothing is written");
	(void)said("HEAD", index, TODAY + 6 * DAY);
	is_int((long long)parts_of(index), 2, "nor in the days after that");
	(void)said("HEAD", index, TODAY + 7 * DAY);
	is_int((long long)parts_of(index), 1, "a week later it is made anew");
	(void)said("HEAD~1", index, TODAY);
	is_int((long long)parts_of(index), 1, "and when its day is to come");
	is_int((long long)day_of(index), TODAY / DAY, "by that of the clock");
}

/* A writer that died: its part is cut off anywhere. */
static void
test_cut_part(const char *index)
{
	const char *plain, *before, *bad = below("cut");
	off_t first, all, cut;
	unsigned good = 0, older = 0, mended = 0, tries = 0;

	begin_parts(index);
	first = size_of(index);
	(void)said("HEAD", index, TODAY);
	all = size_of(index);
	plain = said("HEAD", NULL, 0);
	before = said("HEAD~1", NULL, 0);
	for (cut = first + 1; cut < all; cut += 1 + (all - first) / 40) {
		tries++;
		copy_file(index, bad);
		if (truncate(bad, cut) < 0)
			break;
		good += strcmp(said("HEAD", bad, 0), plain) == 0;
		older += strcmp(said("HEAD~1", bad, 0), before) == 0 &&
		    knows_all("HEAD~1", bad);
		(void)said("HEAD", bad, TODAY);
		mended += parts_of(bad) == 1 && knows_all("HEAD", bad) &&
		    knows_all("HEAD~1", bad);
	}
	ok(tries > 20, "a part is cut in many places");
	is_int(good, tries, "which changes no answer");
	is_int(older, tries, "nor what is known by the rest");
	is_int(mended, tries, "and the next writer makes the file whole");
}

/* Two revisions: the index knows neither's change, nor does the other one. */
static void
begin_two(const char *index)
{
	begin_parts(index);
	put_jobuild(2, "_part=1\n");
	put_jobuild(4, arena_printf(&repo_arena, "_part=%u\n", ++changes));
	commit();
}

/* A tree that has read the index, and knows all of its revision. */
static struct tree *
reader(const char *rev, const char *index, time_t now)
{
	struct tree *t = open_tree(repo_path, rev);
	struct buf b;

	tree_use_index(t, index, now);
	buf_init(&b, 64 << 20);
	say_all(&b, t);
	buf_release(&b);
	return t;
}

/*
 * Two that have read the same file, and write what is new one after the
 * other, each at a day; how many parts there are then.
 */
static size_t
write_both(const char *index, time_t first, time_t second)
{
	struct tree *one = reader("HEAD~1", index, first);
	struct tree *two = reader("HEAD", index, second);

	tree_close(one);
	tree_close(two);
	return parts_of(index);
}

static bool
knows_both(const char *index)
{
	return knows_all("HEAD~1", index) && knows_all("HEAD", index);
}

static void
test_two_writers(const char *index)
{
	begin_two(index);
	is_int((long long)write_both(index, TODAY, TODAY), 3,
	    "two writers add a part each");
	ok(knows_both(index), "what both have found out is kept");
	is(said("HEAD", index, 0), said("HEAD", NULL, 0), "and is right");
	is(said("HEAD~1", index, 0), said("HEAD~1", NULL, 0),
	    "as is what is said of the other's revision");
	begin_two(index);
	is_int((long long)write_both(index, TODAY, TODAY + 7 * DAY), 1,
	    "the second one makes the file anew");
	ok(knows_both(index), "with the part of the first one");
	begin_two(index);
	is_int((long long)write_both(index, TODAY + 7 * DAY, TODAY + 7 * DAY),
	    2, "the first one makes the file anew, the second adds to that");
	ok(knows_both(index), "nothing is missing");
	begin_two(index);
	unlink(index);
	is_int((long long)write_both(index, TODAY, TODAY), 2,
	    "the first one makes the first file");
	ok(knows_both(index), "which the second adds to");
}

/* Another one has made the file anew meanwhile, and there is nothing new. */
static void
test_nothing_left(const char *index)
{
	struct tree *one, *two;
	struct stat was, is;

	begin_parts(index);
	one = reader("HEAD~1", index, TODAY + 7 * DAY);
	two = reader("HEAD~1", index, TODAY + 7 * DAY);
	tree_close(one);
	stat(index, &was);
	tree_close(two);
	stat(index, &is);
	is_int((long long)day_of(index), TODAY / DAY + 7,
	    "of two that would renew the file, one does");
	ok(is.st_ino == was.st_ino && is.st_size == was.st_size,
	    "and the other leaves it");
}

/* The file is gone or spoilt when there is something to add to it. */
static void
test_lost(const char *index)
{
	struct error err;
	struct tree *t;

	begin_parts(index);
	t = reader("HEAD", index, TODAY);
	unlink(index);
	tree_close(t);
	ok(knows_both(index), "a file that is gone is made with what it had");
	begin_parts(index);
	t = reader("HEAD", index, TODAY);
	unlink(index);
	(void)file_write(index, "junk", 4, 0600, &err);
	tree_close(t);
	ok(knows_both(index), "one that can't be used any more, too");
}

/* While another one writes. */
static void
test_locked(const char *index)
{
	int fd = open(
	    arena_printf(&repo_arena, "%s.lock", index), O_RDWR | O_CLOEXEC);
	struct error err;
	struct tree *t;
	off_t size;

	begin_parts(index);
	size = size_of(index);
	ok(flock(fd, LOCK_EX | LOCK_NB) == 0, "somebody has the lock");
	t = reader("HEAD", index, TODAY);
	is_int(tree_save_index(t, &err), 0, "it is no error to find it taken");
	close(fd);
	tree_close(t);
	is_int((long long)size_of(index), (long long)size,
	    "what is new is dropped");
	(void)said("HEAD", index, TODAY);
	ok(knows_all("HEAD", index), "until the next one finds it out");
}

int
main(void)
{
	const char *index;

	repo_begin();
	index = below("cache/index");
	begin_tree();
	test_parts(index);
	test_cut_part(index);
	test_two_writers(index);
	test_nothing_left(index);
	test_lost(index);
	test_locked(index);
	repo_end();
	return tap_done();
}
