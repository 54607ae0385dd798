/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "message.h"
#include "openpgp.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#define LINE_MAX_CHARS 76 /* RFC 4880, 6.3 */

static int
base64_value(int c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) : -1;
}

/* Decode lines of base64, with = at the end; false for anything else. */
static bool
decode(const char *p, const char *end, struct buf *out)
{
	uint32_t bits = 0;
	int n = 0, value, pad = 0, column = 0;
	char byte;

	for (; p < end; p++) {
		if (*p == '\n') {
			column = 0;
			continue;
		}
		if (++column > LINE_MAX_CHARS)
			return false;
		if (*p == '=') {
			pad++;
			continue;
		}
		value = base64_value(*p);
		if (value < 0 || pad > 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		n++;
		if (n % 4 == 1)
			continue;
		byte = (char)(bits >> (6 - 2 * ((n - 1) % 4)));
		if (buf_add(out, &byte, 1) < 0)
			return false;
	}
	return (n + pad) % 4 == 0 && pad < 3;
}

static bool
begins(const char *p, const char *end, const char *with)
{
	size_t n = strlen(with);

	return (size_t)(end - p) >= n && memcmp(p, with, n) == 0;
}

/* Behind the first line, comments and the empty line; NULL: something else. */
static const char *
skip_head(const char *p, const char *end)
{
	static const char first[] = "-----BEGIN PGP SIGNATURE-----\n";

	if (!begins(p, end, first))
		return NULL;
	p += strlen(first);
	while (begins(p, end, "Comment: ") || begins(p, end, "Version: ")) {
		while (p < end && isprint((unsigned char)*p))
			p++;
		if (p == end || *p++ != '\n')
			return NULL;
	}
	return p < end && *p == '\n' ? p + 1 : NULL;
}

/*
 * The bytes in an armoured block, which openpgp_armour() has seen, if it is as
 * gpg writes it: what is odd may be another thing to others.
 */
static bool
dearmour(const char *text, size_t len, struct buf *out)
{
	const char *end = text + len, *body = skip_head(text, end), *last, *sum;
	unsigned char want[CRC24_SIZE];
	struct buf crc;
	bool good;

	last = memmem(text, len, "\n-----END PGP SIGNATURE-----", 28);
	if (!last || !body || last - body < 7)
		return false;
	sum = last - 5;
	if (sum[-1] != '\n' || *sum != '=')
		return false;
	buf_init(&crc, CRC24_SIZE);
	good = decode(body, sum, out) && decode(sum + 1, last, &crc) &&
	    crc.len == CRC24_SIZE;
	if (good) {
		digest_crc24(out->data, out->len, want);
		good = memcmp(crc.data, want, CRC24_SIZE) == 0;
	}
	buf_release(&crc);
	return good;
}

/* The body of the one packet of n bytes, if it is a signature; else NULL. */
static const unsigned char *
signature_body(const unsigned char *p, size_t n)
{
	size_t head, size;

	if (n < 8)
		return NULL;
	if (p[0] == 0x88 || (p[0] == 0xc2 && p[1] < 192)) {
		head = 2;
		size = p[1];
	} else if (p[0] == 0x89) {
		head = 3;
		size = (size_t)p[1] << 8 | p[2];
	} else if (p[0] == 0xc2 && p[1] < 224) {
		head = 3;
		size = ((size_t)(p[1] - 192) << 8) + p[2] + 192;
	} else {
		return NULL;
	}
	p += head;
	/* version 4, of binary data */
	return size >= 6 && head + size == n && p[0] == 4 && p[1] == 0 ? p
								       : NULL;
}

bool
message_make(const void *data, size_t len, const char *sig, size_t siglen,
    struct buf *out)
{
	unsigned char once[15] = {0xc4, 13, 3}, literal[12] = {0xcb, 0xff};
	const unsigned char *body;
	uint32_t size = (uint32_t)len + 6;
	struct error none;
	struct buf packet;
	bool good = false;

	buf_init(&packet, OPENPGP_SIG_MAX);
	if (len > MESSAGE_DATA_MAX ||
	    openpgp_armour(
		sig, siglen, "PGP SIGNATURE", OPENPGP_SIG_MAX, &none) < 0 ||
	    !dearmour(sig, siglen, &packet))
		goto out;
	body = signature_body((const unsigned char *)packet.data, packet.len);
	if (!body)
		goto out;
	/* class, hash, algorithm; any key; the last one */
	once[3] = body[1];
	once[4] = body[3];
	once[5] = body[2];
	once[14] = 1;
	literal[2] = (unsigned char)(size >> 24);
	literal[3] = (unsigned char)(size >> 16);
	literal[4] = (unsigned char)(size >> 8);
	literal[5] = (unsigned char)size;
	/* binary, without a name or a date */
	literal[6] = 'b';
	good = buf_add(out, once, sizeof(once)) == 0 &&
	    buf_add(out, literal, sizeof(literal)) == 0 &&
	    buf_add(out, data, len) == 0 &&
	    buf_add(out, packet.data, packet.len) == 0;
out:
	buf_release(&packet);
	return good;
}
