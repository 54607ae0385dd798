/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packs that a slave keeps. */
#include "slave/trees.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "tests/unit/tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DAY (24L * 60 * 60)

static char top[] = "/tmp/autotua-trees-XXXXXX";
static struct arena arena;

static const char *
below(const char *name)
{
	return arena_printf(&arena, "%s/trees/%s", top, name);
}

static bool
keep(const char *key, const char *text)
{
	struct error err;
	struct buf b;
	int rc;

	buf_init(&b, 100);
	buf_adds(&b, text);
	rc = trees_keep(top, key, &b, &err);
	buf_release(&b);
	return rc == 0;
}

static bool
is_kept(const char *key, const char *text)
{
	struct buf b;
	bool same;

	buf_init(&b, 100);
	same = trees_get(top, key, &b) && b.len == strlen(text) &&
	    memcmp(b.data, text, b.len) == 0;
	buf_release(&b);
	return same;
}

static void
test_key(void)
{
	struct recipe_id ids[] = {
	    {.user = "u", .name = "x"}, {.user = "u", .name = "y"}};
	const char *key = trees_key(&arena, "0123", ids, 2);

	ok(strcmp(key, trees_key(&arena, "0123", ids, 2)) == 0,
	    "the same jobuilds have the same name");
	ok(strcmp(key, trees_key(&arena, "0123", ids, 1)) != 0 &&
		strcmp(key, trees_key(&arena, "4567", ids, 2)) != 0,
	    "others, or of another revision, have another");
}

static void
test_keep(void)
{
	ok(!is_kept("a", ""), "nothing is kept before the first");
	ok(keep("a", "one") && is_kept("a", "one") && !is_kept("b", "one"),
	    "one is kept under its name");
	ok(keep("a", "two") && is_kept("a", "two"), "another takes its place");
	ok(symlink(below("a.pack"), below("l.pack")) == 0 &&
		!is_kept("l", "two"),
	    "a link is none");
}

/* Last used so many seconds ago. */
static bool
age(const char *name, long seconds)
{
	struct timespec t[2];

	clock_gettime(CLOCK_REALTIME, &t[0]);
	t[0].tv_sec -= seconds;
	t[1] = t[0];
	return utimensat(AT_FDCWD, below(name), t, 0) == 0;
}

static bool
there(const char *name)
{
	struct stat st;

	return lstat(below(name), &st) == 0;
}

static void
test_prune(void)
{
	struct error err;

	ok(keep("old", "x") && age("old.pack", 2 * DAY) && keep("used", "x") &&
		age("used.pack", 2 * DAY) && is_kept("used", "x"),
	    "two are old, and one of them is used again");
	/* as versions before kept them */
	ok(file_mkdirs(below("k/repo.git"), 0700, &err) == 0 &&
		file_create(below("k.lock"), "", 0, 0600, &err) == 0 &&
		age("k", 2 * DAY) && age("k.lock", 2 * DAY),
	    "there is a repository with its lock");
	trees_prune(top, DAY);
	ok(!there("old.pack"), "the one that wasn't used for long is deleted");
	ok(!there("k") && !there("k.lock"), "so is the repository");
	ok(there("a.pack") && there("used.pack"), "the others stay");
	trees_prune("/nonexistent", DAY);
	ok(file_remove_tree(AT_FDCWD, top, &err) == 0 && !is_kept("a", "two") &&
		keep("a", "one"),
	    "all may be deleted at any time");
}

int
main(void)
{
	struct error err;

	if (!mkdtemp(top))
		return 1;
	test_key();
	test_keep();
	test_prune();
	(void)file_remove_tree(AT_FDCWD, top, &err);
	arena_release(&arena);
	return tap_done();
}
