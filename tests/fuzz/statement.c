/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Key statements: the head of what is accepted is written again the same. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "tree/sign/statement.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = {0};
	struct error err = {0};
	struct statement s;
	struct buf b;

	buf_init(&b, 4096);
	if (statement_parse(&s, (const char *)data, size, &a, &err) < 0) {
		if (!err.msg[0])
			abort();
	} else if (statement_head(&s, &b, &err) < 0 || b.len != s.head.len ||
	    memcmp(b.data, s.head.text, b.len) != 0) {
		abort();
	}
	buf_release(&b);
	arena_release(&a);
	return 0;
}
