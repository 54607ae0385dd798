/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Amounts as people read them, and how much of a line they see. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct arena;

/* "0.31s", "12s", "2m05s", "1h02m"; "" below 0. */
const char *text_duration(struct arena *a, double seconds);

/* "512 B", "1.4 KiB", "2.0 GiB". */
const char *text_size(struct arena *a, int64_t bytes);

/*
 * Columns of a terminal that s has, which is well-formed: a wide character has
 * two, one that goes over another none.
 */
size_t text_columns(const char *s);

/* Bytes of as many characters of s, which is well-formed, as fit. */
int text_fitting(const char *s, size_t columns);

#endif
