/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file that is named on the command line; "-" is standard input. */
#ifndef CLI_SOURCE_H
#define CLI_SOURCE_H

#include <stddef.h>

#define SOURCE_MAX (64 * 1024 * 1024)

struct arena;
struct error;

/* How messages call it. */
const char *source_name(const char *file);

/*
 * Its bytes and a NUL that isn't counted, at most max; NULL when it can't be
 * read. The name is source_name()'s.
 */
const char *source_read(struct arena *a, const char *name, size_t max,
    size_t *len, struct error *err);

#endif
