/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbers and short forms out of requests' headers and queries: pure, of
 * text that anybody may have sent.
 */
#ifndef MASTER_PARSE_H
#define MASTER_PARSE_H

#include <stdbool.h>
#include <stddef.h>
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

/* Is it a name of a header field: letters, digits and some marks, no blank? */
bool parse_is_field(const char *s, size_t n);

/* May it be a header field's value: no controls but the tab? */
bool parse_is_value(const char *s, size_t n);

/* Is it one host, by name or address, perhaps with a port? */
bool parse_is_host(const char *s);

/* The number in "EPOCH-NUMBER", if the epoch, in hex, is this one; or -1. */
int64_t parse_event(const char *s, uint64_t epoch);

#endif
