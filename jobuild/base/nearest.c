/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The nearest name: edit distance with neighbours swapped as one step. */
#include "nearest.h"

#include <string.h>

#define LONG_NAME 100
#define STEP      128

static char
fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static size_t
min3(size_t a, size_t b, size_t c)
{
	if (b < a)
		a = b;
	return c < a ? c : a;
}

/* Steps from a to b, in units of STEP; a different case costs only 1. */
static size_t
distance(const char *a, size_t n, const char *b, size_t m)
{
	size_t rows[3][LONG_NAME + 1], *last = rows[0], *row = rows[1],
				       *older = rows[2], *swap, i, j, cost;

	for (j = 0; j <= m; j++)
		row[j] = j * STEP;
	for (i = 1; i <= n; i++) {
		swap = older;
		older = last;
		last = row;
		row = swap;
		row[0] = i * STEP;
		for (j = 1; j <= m; j++) {
			cost = a[i - 1] == b[j - 1]            ? 0
			    : fold(a[i - 1]) == fold(b[j - 1]) ? 1
							       : STEP;
			row[j] = min3(last[j] + STEP, row[j - 1] + STEP,
			    last[j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] &&
			    older[j - 2] + STEP < row[j])
				row[j] = older[j - 2] + STEP;
		}
	}
	return row[m];
}

const char *
nearest(const char *name, const char *const list[], size_t n)
{
	size_t len = strlen(name), other, i, d, best;
	const char *found = NULL;

	if (len == 0 || len > LONG_NAME)
		return NULL;
	/* A third of the name may be wrong. */
	best = ((len < 3 ? 1 : len / 3) + 1) * STEP;
	for (i = 0; i < n; i++) {
		other = strlen(list[i]);
		if (other > LONG_NAME || strcmp(list[i], name) == 0)
			continue;
		d = distance(name, len, list[i], other);
		if (d < best) {
			best = d;
			found = list[i];
		}
	}
	return found;
}
