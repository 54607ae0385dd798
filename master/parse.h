/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbers and short forms out of requests' headers and queries: pure, of
 * text that anybody may have sent.
 */
#ifndef MASTER_PARSE_H
#define MASTER_PARSE_H

#include <stdint.h>

#define PARSE_NUMBER_MAX ((int64_t)1 << 53)

/*
 * Decimal digits alone, at most 16, at most PARSE_NUMBER_MAX, which is what
 * JSON can hold everywhere; -1: it isn't that.
 */
int64_t parse_number(const char *s);

/*
 * "bytes=N-", "bytes=N-M" of a file of this size: 1 and the part, from to to;
 * 0: no range, or one of a form that isn't served, which means the whole file;
 * -1: beyond its end. s may be NULL.
 */
int parse_range(const char *s, int64_t size, int64_t *from, int64_t *to);

/* The number in "EPOCH-NUMBER", if the epoch, in hex, is this one; or -1. */
int64_t parse_event(const char *s, uint64_t epoch);

#endif
