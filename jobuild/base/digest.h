/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Digests by libgcrypt. Hexadecimal is lower case. DIGEST_KEY (BLAKE2b with
 * 256 bits, RFC 7693) names stages, layers, steps and artifacts; BLAKE2B and
 * SHA512 are what a Manifest has (GLEP 74).
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

enum digest_kind { DIGEST_KEY, DIGEST_SHA256, DIGEST_BLAKE2B, DIGEST_SHA512 };

#define DIGEST_HEX_MAX 129 /* 64 bytes in hex and a NUL */
#define KEY_HEX        65  /* 32 bytes in hex and a NUL */

struct digest {
	void *handle;
	enum digest_kind kind;
};

void digest_init(struct digest *d, enum digest_kind kind);
void digest_add(struct digest *d, const void *p, size_t n);

/*
 * Add a text with its length in front, so that a sequence of fields can't be
 * mistaken for another: 8 bytes little-endian, then the bytes.
 */
void digest_field(struct digest *d, const char *s);

/* Write the hex digits and release. */
void digest_end(struct digest *d, char hex[DIGEST_HEX_MAX]);

/* The hex digits of a whole buffer, or of all that fd gives from its place. */
void digest_of(
    enum digest_kind kind, const void *p, size_t n, char hex[DIGEST_HEX_MAX]);
int digest_of_fd(
    enum digest_kind kind, int fd, char hex[DIGEST_HEX_MAX], struct error *err);

/*
 * SHA-1 of a text and the bytes after it, as git names its objects. Nothing
 * that somebody may want to forge is named so.
 */
#define SHA1_SIZE 20
void
digest_sha1(const char *head, size_t nhead, const void *p, size_t n, void *out);

/* What guards an OpenPGP armour against accidents: RFC 4880, 6.1. */
#define CRC24_SIZE 3
void digest_crc24(const void *p, size_t n, void *out);

/* Bytes of the digest: 32 or 64. */
size_t digest_size(enum digest_kind kind);

/* What a hexadecimal digit of either case stands for, -1 when it is none. */
int hex_value(char c);

/* Is s exactly n lower-case hexadecimal digits? */
bool is_hex(const char *s, size_t n);

#endif
