/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "utf8.h"

#include <stdint.h>
#include <string.h>

/* Least code point that needs n bytes; smaller ones are overlong. */
static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};

size_t
utf8_char(const char *s, size_t len)
{
	unsigned char c;
	uint32_t code;
	size_t n, i;

	if (len == 0)
		return 0;
	c = (unsigned char)s[0];
	if (c < 0x80)
		return 1;
	n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
	if (c < 0xc2 || c > 0xf4 || n > len)
		return 0;
	code = c & (0x7fu >> n);
	for (i = 1; i < n; i++) {
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | ((unsigned char)s[i] & 0x3f);
	}
	if (code < least[n] || code > 0x10ffff ||
	    (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return n;
}

bool
utf8_is_control(const char *s, size_t n)
{
	const unsigned char *c = (const unsigned char *)s;

	if (n == 1)
		return c[0] < 0x20 || c[0] == 0x7f;
	if (n == 2) /* C1, U+061C */
		return (c[0] == 0xc2 && c[1] < 0xa0) ||
		    (c[0] == 0xd8 && c[1] == 0x9c);
	if (n != 3 || c[0] != 0xe2)
		return false;
	if (c[1] == 0x80) /* U+200E, U+200F, U+202A to U+202E */
		return c[2] == 0x8e || c[2] == 0x8f ||
		    (c[2] >= 0xaa && c[2] <= 0xae);
	return c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9; /* U+2066 on */
}

size_t
utf8_valid(const char *s, size_t len)
{
	size_t i = 0, n;
	uint64_t eight;

	while (i < len) {
		/* Most texts are ASCII nearly everywhere. */
		for (; i + 8 <= len; i += 8) {
			memcpy(&eight, s + i, 8);
			if (eight & UINT64_C(0x8080808080808080))
				break;
		}
		if (i == len)
			break;
		n = utf8_char(s + i, len - i);
		if (n == 0)
			break;
		i += n;
	}
	return i;
}
