/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Manifests: what is accepted is written, read again and written the same. */
#include "base/arena.h"
#include "base/buf.h"
#include "tree/manifest.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
write_again(struct arena *a, const struct manifest *m, struct buf *out)
{
	struct diags d;

	if (manifest_write(m, out) < 0)
		abort();
	diags_init(&d, a);
	m = manifest_parse(a, "Manifest", out->data, out->len, &d);
	if (!m || d.n > 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = {0};
	struct manifest *m, *again;
	struct buf one, two;
	struct diags d;

	buf_init(&one, 4 * MANIFEST_MAX);
	buf_init(&two, 4 * MANIFEST_MAX);
	diags_init(&d, &a);
	m = manifest_parse(&a, "Manifest", (const char *)data, size, &d);
	if (!m && d.errors == 0)
		abort();
	if (m) {
		write_again(&a, m, &one);
		again = manifest_parse(&a, "Manifest", one.data, one.len, &d);
		if (!again || again->n != m->n)
			abort();
		write_again(&a, again, &two);
		if (one.len != two.len ||
		    memcmp(one.data, two.data, one.len) != 0)
			abort();
	}
	buf_release(&two);
	buf_release(&one);
	arena_release(&a);
	return 0;
}
