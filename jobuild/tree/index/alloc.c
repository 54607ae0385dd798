/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "alloc.h"
#include "base/error.h"

#include <git2.h>
#include <git2/sys/alloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if __has_include(<git2/sys/errors.h>) /* since 1.8 */
#include <git2/sys/errors.h>
#endif

static void *
refuse(void)
{
	git_error_set_str(
	    GIT_ERROR_NOMEMORY, "an object is too large, or claims to be");
	return NULL;
}

static void *
piece_realloc(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	if (n > GIT_PIECE_MAX)
		return refuse();
	p = realloc(p, n ? n : 1);
	if (!p)
		git_error_set_oom();
	return p;
}

static void *
piece_malloc(size_t n, const char *file, int line)
{
	return piece_realloc(NULL, n, file, line);
}

static void
piece_free(void *p)
{
	free(p);
}

/* Before 1.7 the functions that stand on these were to be given too. */
#if LIBGIT2_VER_MAJOR == 1 && LIBGIT2_VER_MINOR < 7
static void *
piece_reallocarray(void *p, size_t n, size_t size, const char *file, int line)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return refuse();
	return piece_realloc(p, bytes, file, line);
}

static void *
piece_mallocarray(size_t n, size_t size, const char *file, int line)
{
	return piece_reallocarray(NULL, n, size, file, line);
}

static void *
piece_calloc(size_t n, size_t size, const char *file, int line)
{
	size_t bytes;
	void *p;

	(void)file;
	(void)line;
	if (__builtin_mul_overflow(n, size, &bytes) || bytes > GIT_PIECE_MAX)
		return refuse();
	p = calloc(1, bytes ? bytes : 1);
	if (!p)
		git_error_set_oom();
	return p;
}

/* The next n bytes as a string. */
static char *
piece_substrdup(const char *s, size_t n, const char *file, int line)
{
	char *p;

	if (n == SIZE_MAX)
		return refuse();
	p = piece_malloc(n + 1, file, line);
	if (p) {
		memcpy(p, s, n);
		p[n] = '\0';
	}
	return p;
}

static char *
piece_strndup(const char *s, size_t n, const char *file, int line)
{
	return piece_substrdup(s, strnlen(s, n), file, line);
}

static char *
piece_strdup(const char *s, const char *file, int line)
{
	return piece_substrdup(s, strlen(s), file, line);
}
#endif

int
alloc_limit(struct error *err)
{
	git_allocator all = {
		.gmalloc = piece_malloc,
		.grealloc = piece_realloc,
		.gfree = piece_free,
#if LIBGIT2_VER_MAJOR == 1 && LIBGIT2_VER_MINOR < 7
		.gcalloc = piece_calloc,
		.gstrdup = piece_strdup,
		.gstrndup = piece_strndup,
		.gsubstrdup = piece_substrdup,
		.greallocarray = piece_reallocarray,
		.gmallocarray = piece_mallocarray,
#endif
	};

	if (git_libgit2_opts(GIT_OPT_SET_ALLOCATOR, &all) < 0)
		return fail(err, "libgit2 takes no limit on its memory");
	return 0;
}
