/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "show.h"
#include "arena.h"
#include "buf.h"
#include "utf8.h"

const char *
show(struct arena *a, const char *s, size_t len)
{
	struct buf b;
	const char *out;
	size_t i = 0, n;

	buf_init(&b, len * 4 + 1);
	buf_adds(&b, "");
	while (i < len) {
		n = utf8_char(s + i, len - i);
		if (n == 0 || utf8_is_control(s + i, n)) {
			buf_addf(&b, "\\x%02x", (unsigned char)s[i]);
			i++;
		} else {
			buf_add(&b, s + i, n);
			i += n;
		}
	}
	out = arena_strndup(a, b.data, b.len);
	buf_release(&b);
	return out;
}
