/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shell patterns over bytes, in the C locale: * ? [...] and backslash. What
 * bash would read in another way with other options (extglob) and what it
 * does by accident (an open bracket without end) is refused at compilation.
 */
#ifndef RECIPE_PATTERN_H
#define RECIPE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

enum pattern_kind { ITEM_BYTE, ITEM_ANY, ITEM_STAR, ITEM_SET };

struct pattern_item {
	uint64_t *set; /* 256 bits */
	uint8_t kind;  /* of enum pattern_kind */
	uint8_t byte;
};

struct pattern {
	struct pattern_item *items;
	size_t n;
	uint8_t *now, *next; /* n + 1 each: states while matching */
};

/*
 * Compile len bytes of source, in which a backslash quotes the byte after it.
 * NULL, or why it is refused.
 */
const char *pattern_compile(
    struct arena *a, const char *s, size_t len, struct pattern *out);

enum pattern_end { PATTERN_SHORTEST, PATTERN_LONGEST };

/*
 * The end of the shortest or longest match that begins at the start of s, or
 * SIZE_MAX. Work is taken from *work: when that is used up it is set to 0 and
 * the answer has no meaning.
 */
size_t pattern_prefix(const struct pattern *p, const char *s, size_t len,
    enum pattern_end which, size_t *work);

/* The start of the shortest or longest match that ends at the end of s. */
size_t pattern_suffix(const struct pattern *p, const char *s, size_t len,
    enum pattern_end which, size_t *work);

/* Can a match begin with this byte? A quick answer before the search. */
bool pattern_may_start(const struct pattern *p, unsigned char byte);

#endif
