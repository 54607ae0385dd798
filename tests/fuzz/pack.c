/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packs: nothing hurts, and what is accepted can be read. An input that begins
 * with P is a pack, whose sum is made right; any other is a list of objects,
 * from which a right pack is made: a letter (c, t, b), two bytes of length,
 * the data. In the data FF FE n and 17 zeros stand for the id of the n-th
 * object, "@@", n in hex and 36 "0" for the same in hex. The last commit is
 * the one that is asked for.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "tree/git.h"
#include "tree/tree.h"

#include <arpa/inet.h>
#include <gcrypt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define OBJECTS_MAX 64
#define SUM         20

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Starting libgit2 takes longer than all the rest. */
static void
begin(void)
{
	static bool begun;
	struct error err;

	if (!begun && git_start(&err) < 0)
		abort();
	begun = true;
}

struct made {
	struct buf pack;
	unsigned char ids[OBJECTS_MAX][SUM];
	unsigned n;
	char commit[OBJECT_HEX];
};

static void
to_hex(const unsigned char *id, char out[OBJECT_HEX])
{
	int i;

	for (i = 0; i < SUM; i++)
		snprintf(out + 2 * i, 3, "%02x", id[i]);
}

/* Put the ids in. */
static void
refer(struct made *m, unsigned char *p, size_t n)
{
	char hex[OBJECT_HEX];
	unsigned k;
	size_t i;

	for (i = 0; i + SUM <= n; i++) {
		if (p[i] == 0xff && p[i + 1] == 0xfe && p[i + 2] < m->n)
			memcpy(p + i, m->ids[p[i + 2]], SUM);
		else if (i + 40 <= n && p[i] == '@' && p[i + 1] == '@' &&
		    sscanf((char *)p + i + 2, "%2x", &k) == 1 && k < m->n) {
			to_hex(m->ids[k], hex);
			memcpy(p + i, hex, 40);
		}
	}
}

static void
add(struct made *m, char letter, const unsigned char *p, size_t n)
{
	const char *name = letter == 'c' ? "commit"
	    : letter == 't'              ? "tree"
					 : "blob";
	unsigned type = letter == 'c' ? 1 : letter == 't' ? 2 : 3;
	uLongf packed = compressBound(n);
	unsigned char *out = malloc(packed);
	struct buf b;

	buf_init(&b, 1 << 20);
	buf_addf(&b, "%s %zu", name, n);
	buf_addc(&b, '\0');
	buf_add(&b, p, n);
	gcry_md_hash_buffer(GCRY_MD_SHA1, m->ids[m->n], b.data, b.len);
	if (letter == 'c')
		to_hex(m->ids[m->n], m->commit);
	m->n++;
	buf_addc(&m->pack, (char)(0x80 | type << 4 | (n & 15)));
	buf_addc(&m->pack, (char)(0x80 | (n >> 4 & 127)));
	buf_addc(&m->pack, (char)(n >> 11 & 127));
	compress2(out, &packed, p, n, 1);
	buf_add(&m->pack, out, packed);
	buf_release(&b);
	free(out);
}

static void
seal(struct buf *b, uint32_t n)
{
	unsigned char sum[SUM];

	if (n) {
		n = htonl(n);
		memcpy(b->data + 8, &n, sizeof(n));
	}
	gcry_md_hash_buffer(GCRY_MD_SHA1, sum, b->data, b->len);
	buf_add(b, sum, SUM);
}

static void
make(struct made *m, const uint8_t *data, size_t size)
{
	static const char head[12] = {'P', 'A', 'C', 'K', 0, 0, 0, 2};
	unsigned char copy[65536];
	size_t n;
	char letter;

	buf_add(&m->pack, head, sizeof(head));
	while (size > 3 && m->n < OBJECTS_MAX) {
		letter = (char)data[0];
		n = (size_t)data[1] << 8 | data[2];
		data += 3;
		size -= 3;
		if (n > size)
			n = size;
		memcpy(copy, data, n);
		refer(m, copy, n);
		add(m, letter, copy, n);
		data += n;
		size -= n;
	}
	seal(&m->pack, m->n);
}

/* What was accepted must be of use. */
static void
use(struct tree *t, const struct recipe_id *id)
{
	struct arena a = {0};
	struct diags d;

	diags_init(&d, &a);
	if (!tree_recipe(t, id, RECIPE_JOBUILD, &d))
		abort();
	tree_close(t);
	arena_release(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct made m = {.commit = "0123456789012345678901234567890123456789"};
	struct recipe_id id = {
	    .user = "u", .name = "x", .ver = {.major = 1, .minor = 0}};
	struct error err;
	struct tree *t;

	begin();
	buf_init(&m.pack, 1 << 20);
	if (size > 12 && data[0] == 'P') {
		buf_add(&m.pack, data, size);
		seal(&m.pack, 0);
	} else {
		make(&m, data, size);
	}
	err.msg[0] = '\0';
	if (tree_open_pack(&t, m.commit, &id, 1, &m.pack, &err) == 0)
		use(t, &id);
	else if (!err.msg[0])
		abort();
	buf_release(&m.pack);
	return 0;
}
