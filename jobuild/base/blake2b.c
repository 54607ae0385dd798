/* SPDX-License-Identifier: GPL-2.0-or-later */
/* After RFC 7693, section 3; names as there. */
#include "base/blake2b.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>

#define DIGEST_BYTES 32

static const uint64_t iv[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b,
    0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1, 0x510e527fade682d1,
    0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};

static const unsigned char sigma[10][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
    {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
    {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0}};

static inline uint64_t
rotate(uint64_t x, int n)
{
	return x >> n | x << (64 - n);
}

#define MIX(a, b, c, d, x, y)                                                  \
	do {                                                                   \
		a += b + (x);                                                  \
		d = rotate(d ^ a, 32);                                         \
		c += d;                                                        \
		b = rotate(b ^ c, 24);                                         \
		a += b + (y);                                                  \
		d = rotate(d ^ a, 16);                                         \
		c += d;                                                        \
		b = rotate(b ^ c, 63);                                         \
	} while (0)

/* With its number known when compiled, all indexes are. */
#define ROUND(n)                                                               \
	do {                                                                   \
		const unsigned char *const s = sigma[n];                       \
                                                                               \
		MIX(v[0], v[4], v[8], v[12], m[s[0]], m[s[1]]);                \
		MIX(v[1], v[5], v[9], v[13], m[s[2]], m[s[3]]);                \
		MIX(v[2], v[6], v[10], v[14], m[s[4]], m[s[5]]);               \
		MIX(v[3], v[7], v[11], v[15], m[s[6]], m[s[7]]);               \
		MIX(v[0], v[5], v[10], v[15], m[s[8]], m[s[9]]);               \
		MIX(v[1], v[6], v[11], v[12], m[s[10]], m[s[11]]);             \
		MIX(v[2], v[7], v[8], v[13], m[s[12]], m[s[13]]);              \
		MIX(v[3], v[4], v[9], v[14], m[s[14]], m[s[15]]);              \
	} while (0)

/* One block of 128 bytes; bytes has been counted up already. */
static void
compress(struct blake2b *b, const unsigned char *block, bool last)
{
	uint64_t v[16], m[16];
	int i;

	memcpy(m, block, sizeof(m));
	for (i = 0; i < 16; i++)
		m[i] = le64toh(m[i]);
	memcpy(v, b->state, sizeof(b->state));
	memcpy(v + 8, iv, sizeof(iv));
	v[12] ^= b->bytes; /* never more than 64 bits of them */
	if (last)
		v[14] = ~v[14];
	ROUND(0);
	ROUND(1);
	ROUND(2);
	ROUND(3);
	ROUND(4);
	ROUND(5);
	ROUND(6);
	ROUND(7);
	ROUND(8);
	ROUND(9);
	ROUND(0);
	ROUND(1);
	for (i = 0; i < 8; i++)
		b->state[i] ^= v[i] ^ v[i + 8];
}

void
blake2b_init(struct blake2b *b)
{
	b->bytes = 0;
	b->used = 0;
	memcpy(b->state, iv, sizeof(iv));
	b->state[0] ^= 0x01010000 ^ DIGEST_BYTES;
}

/* The last block is marked as such: a full one waits until more comes. */
void
blake2b_add(struct blake2b *b, const void *p, size_t n)
{
	const unsigned char *from = p;
	size_t room = sizeof(b->block) - b->used;

	if (n > room) {
		memcpy(b->block + b->used, from, room);
		b->bytes += sizeof(b->block);
		compress(b, b->block, false);
		b->used = 0;
		from += room;
		n -= room;
		for (; n > sizeof(b->block);
		     n -= sizeof(b->block), from += sizeof(b->block)) {
			b->bytes += sizeof(b->block);
			compress(b, from, false);
		}
	}
	if (n > 0)
		memcpy(b->block + b->used, from, n);
	b->used += n;
}

static inline char
hex_digit(unsigned value)
{
	return (char)(value + (value < 10 ? '0' : 'a' - 10));
}

void
blake2b_end(struct blake2b *b, char hex[KEY_HEX])
{
	unsigned char out[DIGEST_BYTES];
	uint64_t word;
	int i;

	b->bytes += b->used;
	memset(b->block + b->used, 0, sizeof(b->block) - b->used);
	compress(b, b->block, true);
	for (i = 0; i < DIGEST_BYTES / 8; i++) {
		word = htole64(b->state[i]);
		memcpy(out + 8 * i, &word, 8);
	}
	for (i = 0; i < DIGEST_BYTES; i++) {
		hex[2 * i] = hex_digit(out[i] >> 4);
		hex[2 * i + 1] = hex_digit(out[i] & 15);
	}
	hex[KEY_HEX - 1] = '\0';
}
