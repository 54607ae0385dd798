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

/* Lines written as they stood say what they said. */
static void
keep(struct arena *a, const struct manifest *m)
{
	const struct manifest_entry *e;
	struct manifest *again;
	struct diags d;
	struct buf b;
	size_t i;

	buf_init(&b, 2 * MANIFEST_MAX);
	diags_init(&d, a);
	if (manifest_write_kept(m, &b) < 0)
		abort();
	again = manifest_parse(a, "Manifest", b.data, b.len, &d);
	if (!again || again->n != m->n)
		abort();
	for (i = 0; i < m->n; i++) {
		e = manifest_find(again, m->entries[i].tag, m->entries[i].name);
		if (!e || !manifest_same(e, &m->entries[i]))
			abort();
	}
	buf_release(&b);
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
		keep(&a, m);
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
