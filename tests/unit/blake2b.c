/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our own BLAKE2b against the library's, in pieces of all sizes. */
#include "base/blake2b.h"
#include "tap.h"

static void
hash(const void *p, size_t n, size_t piece, char hex[KEY_HEX])
{
	const char *from = p;
	struct blake2b b;
	size_t len;

	blake2b_init(&b);
	for (; n > 0; from += len, n -= len) {
		len = n < piece ? n : piece;
		blake2b_add(&b, from, len);
	}
	blake2b_end(&b, hex);
}

/* Is it the library's for all lengths up to a few blocks? */
static bool
agrees(const char *data, size_t max, size_t piece)
{
	char ours[KEY_HEX], theirs[DIGEST_HEX_MAX];
	size_t n;

	for (n = 0; n <= max; n++) {
		hash(data, n, piece, ours);
		digest_of(DIGEST_KEY, data, n, theirs);
		if (strcmp(ours, theirs) != 0) {
			printf("# %zu bytes in pieces of %zu: %s, not %s\n", n,
			    piece, ours, theirs);
			return false;
		}
	}
	return true;
}

int
main(void)
{
	static const size_t pieces[] = {1, 7, 64, 127, 128, 129, 255, 256, 600};
	char hex[KEY_HEX], theirs[DIGEST_HEX_MAX];
	static char data[1 << 20];
	struct blake2b b, copy;
	size_t i;

	for (i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 2654435761u >> 13);
	hash("", 0, 1, hex);
	is(hex,
	    "0e5751c026e543b2e8ab2eb06099daa1"
	    "d1e5df47778f7787faab45cdf12fe3a8",
	    "no bytes");
	hash("abc", 3, 3, hex);
	is(hex,
	    "bddd813c634239723171ef3fee98579b"
	    "94964e3bb1cb3e427262c8c068d52319",
	    "abc");
	for (i = 0; i < sizeof(pieces) / sizeof(*pieces); i++)
		ok(agrees(data, 600, pieces[i]), "pieces of %zu", pieces[i]);
	hash(data, sizeof(data), 65536, hex);
	digest_of(DIGEST_KEY, data, sizeof(data), theirs);
	is(hex, theirs, "a mebibyte");
	blake2b_init(&b);
	blake2b_add(&b, "ab", 2);
	copy = b;
	blake2b_add(&b, "x", 1);
	blake2b_add(&copy, "c", 1);
	blake2b_end(&copy, theirs);
	hash("abc", 3, 1, hex);
	is(hex, theirs, "a copy goes on by itself");
	return tap_done();
}
