/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tap.h"
#include "master/http/limit.h"

#include <string.h>

#define SECOND 1000000

static struct limit l;

/* How many of n are let through. */
static int
take(const char *name, int n, int64_t rate, int64_t now)
{
	int i, good = 0;

	for (i = 0; i < n; i++)
		good += limit_take(&l, 'a', name, strlen(name), rate, now);
	return good;
}

static void
test_others(void)
{
	char name[16];
	int i, bad = 0;

	limit_init(&l, 1);
	take("greedy", 1000, 10, 0);
	for (i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		bad += take(name, 1, 10, i) != 1;
	}
	is_int(bad, 0, "many names: each gets its first");
}

int
main(void)
{
	limit_init(&l, 42);
	is_int(take("one", 1000, 10, 0), 10 * LIMIT_BURST, "a burst");
	is_int(take("one", 1, 10, 0), 0, "then nothing");
	is_int(take("two", 1, 10, 0), 1, "another one isn't held back");
	is_int(limit_take(&l, 's', "one", 3, 10, 0), 1,
	    "nor another kind of the same name");
	is_int(take("one", 100, 10, SECOND), 10, "a second brings its rate");
	is_int(take("one", 100, 10, SECOND / 2), 0,
	    "a clock that goes back brings nothing");
	is_int(take("one", 1000, 10, 3600LL * SECOND), 10 * LIMIT_BURST,
	    "an hour fills it, and no more");
	is_int(take("three", 1000, 0, 0), 1000, "0 is no limit");
	test_others();
	return tap_done();
}
