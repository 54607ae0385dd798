/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a misspelt name may have meant. */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include <stddef.h>

/* The best match for a misspelt name, or NULL if none is near. */
const char *nearest(const char *name, const char *const list[], size_t n);

#endif
