/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "manifest.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *
manifest_tag_name(enum manifest_tag tag)
{
	return tag == MANIFEST_DIST ? "DIST" : "AUX";
}

bool
manifest_same(const struct manifest_entry *a, const struct manifest_entry *b)
{
	bool blake2b = a->blake2b[0] && b->blake2b[0];
	bool sha512 = a->sha512[0] && b->sha512[0];

	return a->size == b->size && (blake2b || sha512) &&
	    (!blake2b || strcmp(a->blake2b, b->blake2b) == 0) &&
	    (!sha512 || strcmp(a->sha512, b->sha512) == 0);
}

uint32_t
manifest_wide_blank(const char *s, size_t n)
{
	uint32_t c;

	if (n == 2)
		return memcmp(s, "\xc2\xa0", 2) == 0 ? 0xa0 : 0;
	if (n != 3)
		return 0;
	c = (uint32_t)(s[0] & 0x0f) << 12 | (uint32_t)(s[1] & 0x3f) << 6 |
	    (uint32_t)(s[2] & 0x3f);
	if (c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
	    c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000)
		return c;
	return 0;
}

static int
compare(const void *a, const void *b)
{
	const struct manifest_entry *x =
	    *(const struct manifest_entry *const *)a;
	const struct manifest_entry *y =
	    *(const struct manifest_entry *const *)b;
	int c = strcmp(manifest_tag_name(x->tag), manifest_tag_name(y->tag));

	return c ? c : strcmp(x->name, y->name);
}

static int
write_name(struct buf *out, const char *s)
{
	size_t i, w, n = strlen(s);
	uint32_t blank;
	int rc;

	for (i = 0; i < n; i += w) {
		w = utf8_char(s + i, n - i);
		if (w == 0)
			return -1;
		blank = manifest_wide_blank(s + i, w);
		if (s[i] == ' ' || s[i] == '\\')
			rc = buf_addf(out, "\\x%02X", (unsigned)s[i]);
		else if (blank)
			rc = buf_addf(out, "\\u%04" PRIX32, blank);
		else
			rc = buf_add(out, s + i, w);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static int
write_entry(struct buf *out, const struct manifest_entry *e)
{
	if (manifest_name_problem(e->tag, e->name) || e->size < 0 ||
	    buf_addf(out, "%s ", manifest_tag_name(e->tag)) < 0 ||
	    write_name(out, e->name) < 0 ||
	    buf_addf(out, " %" PRId64, e->size) < 0)
		return -1;
	if (e->blake2b[0] && buf_addf(out, " BLAKE2B %s", e->blake2b) < 0)
		return -1;
	if (e->sha512[0] && buf_addf(out, " SHA512 %s", e->sha512) < 0)
		return -1;
	return buf_addc(out, '\n');
}

static int
keep_entry(struct buf *out, const struct manifest_entry *e)
{
	if (!e->line)
		return write_entry(out, e);
	if (buf_add(out, e->line, e->line_len) < 0)
		return -1;
	return buf_addc(out, '\n');
}

static int
write_sorted(const struct manifest *m, struct buf *out,
    int (*write)(struct buf *, const struct manifest_entry *))
{
	const struct manifest_entry **sorted;
	struct arena a = {0};
	size_t i;
	int rc = buf_adds(out, "");

	sorted = arena_array(&a, m->n, const struct manifest_entry *);
	for (i = 0; i < m->n; i++)
		sorted[i] = &m->entries[i];
	qsort(sorted, m->n, sizeof(*sorted), compare);
	for (i = 0; rc == 0 && i < m->n; i++)
		rc = write(out, sorted[i]);
	arena_release(&a);
	return rc;
}

int
manifest_write(const struct manifest *m, struct buf *out)
{
	return write_sorted(m, out, write_entry);
}

int
manifest_write_kept(const struct manifest *m, struct buf *out)
{
	return write_sorted(m, out, keep_entry);
}
