/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Test Anything Protocol for C: each test_*() prints one "ok" or "not ok"
 * line; main ends with "return tap_done();". A test that crashes or stops
 * early has no plan line, which prove reports.
 */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_count, tap_failed;

__attribute__((format(printf, 2, 3), unused)) static bool
ok(bool good, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", good ? "" : "not ", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	tap_failed += !good;
	return good;
}

/* Compare two strings (NULL is a value too) and show both when they differ. */
__attribute__((unused)) static bool
is(const char *got, const char *want, const char *name)
{
	bool same = got && want ? strcmp(got, want) == 0 : got == want;

	ok(same, "%s", name);
	if (!same)
		printf("#      got: %s\n# expected: %s\n", got ? got : "(null)",
		    want ? want : "(null)");
	return same;
}

__attribute__((unused)) static bool
is_int(long long got, long long want, const char *name)
{
	ok(got == want, "%s", name);
	if (got != want)
		printf("#      got: %lld\n# expected: %lld\n", got, want);
	return got == want;
}

__attribute__((unused)) static int
tap_done(void)
{
	printf("1..%d\n", tap_count);
	if (tap_failed)
		fprintf(stderr, "# %d of %d failed\n", tap_failed, tap_count);
	return tap_failed != 0;
}

#endif
