/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fold.h"
#include "base/arena.h"
#include "base/utf8.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "fold_table.h"

#define RUNS (sizeof(fold_runs) / sizeof(fold_runs[0]))

static uint32_t
fold(uint32_t c)
{
	size_t low = 0, high = RUNS, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (c > fold_runs[mid].last)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == RUNS || c < fold_runs[low].first ||
	    (c - fold_runs[low].first) % fold_runs[low].step != 0)
		return c;
	return (uint32_t)((int64_t)c + fold_runs[low].delta);
}

/* The well-formed character of n bytes at s. */
static uint32_t
decode(const char *s, size_t n)
{
	static const unsigned char mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t c = (unsigned char)s[0] & mask[n];
	size_t i;

	for (i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)s[i] & 0x3f);
	return c;
}

static char *
encode(char *out, uint32_t c)
{
	if (c < 0x80) {
		*out++ = (char)c;
		return out;
	}
	if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
	} else {
		if (c < 0x10000) {
			*out++ = (char)(0xe0 | c >> 12);
		} else {
			*out++ = (char)(0xf0 | c >> 18);
			*out++ = (char)(0x80 | (c >> 12 & 0x3f));
		}
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	*out++ = (char)(0x80 | (c & 0x3f));
	return out;
}

const char *
fold_name(struct arena *a, const char *name)
{
	size_t i, w, n = strlen(name);
	/* the longest for the shortest: two bytes become three */
	char *out = arena_alloc(a, 2 * n + 1, 1), *to = out;

	for (i = 0; i < n; i += w) {
		w = utf8_char(name + i, n - i);
		if (w == 1) { /* nearly all of them */
			*to++ = name[i] >= 'A' && name[i] <= 'Z'
			    ? (char)(name[i] - 'A' + 'a')
			    : name[i];
		} else if (w > 0) {
			to = encode(to, fold(decode(name + i, w)));
		} else {
			*to++ = name[i];
			w = 1;
		}
	}
	*to = '\0';
	return out;
}
