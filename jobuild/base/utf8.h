/* SPDX-License-Identifier: GPL-2.0-or-later */
/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, to U+10FFFF. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the character at s (1 to 4), or 0 when none is well-formed. */
size_t utf8_char(const char *s, size_t len);

/*
 * Is the well-formed character of n bytes at s a control: C0, DEL, C1, or one
 * that turns the direction of what stands around it?
 */
bool utf8_is_control(const char *s, size_t n);

/* Offset of the first byte that is not well-formed UTF-8; len if all is. */
size_t utf8_valid(const char *s, size_t len);

#endif
