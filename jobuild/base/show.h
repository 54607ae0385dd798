/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes of unknown origin in messages that people read. */
#ifndef BASE_SHOW_H
#define BASE_SHOW_H

#include <stddef.h>

struct arena;

/* s for a terminal or a log: control bytes and bad UTF-8 as \xNN. */
const char *show(struct arena *a, const char *s, size_t len);

#endif
