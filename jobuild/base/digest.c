/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "digest.h"
#include "error.h"
#include "log.h"

#include <errno.h>
#include <gcrypt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const int algorithms[] = {
    [DIGEST_KEY] = GCRY_MD_BLAKE2B_256,
    [DIGEST_SHA256] = GCRY_MD_SHA256,
    [DIGEST_BLAKE2B] = GCRY_MD_BLAKE2B_512,
    [DIGEST_SHA512] = GCRY_MD_SHA512,
};

static void
prepare(void)
{
	if (gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P))
		return;
	gcry_check_version(NULL);
	gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
	gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
}

void
digest_init(struct digest *d, enum digest_kind kind)
{
	gcry_md_hd_t h;

	prepare();
	if (gcry_md_open(&h, algorithms[kind], 0) != 0) {
		log_crit("libgcrypt has no digest of this kind");
		abort();
	}
	d->handle = h;
	d->kind = kind;
}

void
digest_add(struct digest *d, const void *p, size_t n)
{
	gcry_md_write(d->handle, p, n);
}

void
digest_field(struct digest *d, const char *s)
{
	uint64_t n = strlen(s);
	unsigned char le[8];
	int i;

	for (i = 0; i < 8; i++)
		le[i] = (unsigned char)(n >> (8 * i));
	digest_add(d, le, sizeof(le));
	digest_add(d, s, (size_t)n);
}

static inline char
hex_digit(unsigned char value)
{
	return (char)(value + (value < 10 ? '0' : 'a' - 10));
}

/* In pieces of 16 bytes, which compilers do at once; no digest is shorter. */
static void
to_hex(const unsigned char *p, size_t n, char *restrict hex)
{
	size_t i, k;

	for (i = 0; i < n; i += 16) {
		for (k = i; k < i + 16; k++) {
			hex[2 * k] = hex_digit(p[k] >> 4);
			hex[2 * k + 1] = hex_digit(p[k] & 15);
		}
	}
	hex[2 * n] = '\0';
}

void
digest_end(struct digest *d, char hex[DIGEST_HEX_MAX])
{
	to_hex(gcry_md_read(d->handle, 0), digest_size(d->kind), hex);
	gcry_md_close(d->handle);
	d->handle = NULL;
}

void
digest_of(
    enum digest_kind kind, const void *p, size_t n, char hex[DIGEST_HEX_MAX])
{
	unsigned char out[64];

	prepare();
	gcry_md_hash_buffer(algorithms[kind], out, p, n);
	to_hex(out, digest_size(kind), hex);
}

void
digest_sha1(const char *head, size_t nhead, const void *p, size_t n, void *out)
{
	/* neither is written to */
	const gcry_buffer_t parts[] = {
	    {.len = nhead, .data = (void *)(uintptr_t)head},
	    {.len = n, .data = (void *)(uintptr_t)p},
	};

	prepare();
	gcry_md_hash_buffers(GCRY_MD_SHA1, 0, out, parts, 2);
}

void
digest_crc24(const void *p, size_t n, void *out)
{
	prepare();
	gcry_md_hash_buffer(GCRY_MD_CRC24_RFC2440, out, p, n);
}

int
digest_of_fd(
    enum digest_kind kind, int fd, char hex[DIGEST_HEX_MAX], struct error *err)
{
	char chunk[1 << 16];
	struct digest d;
	ssize_t n;

	digest_init(&d, kind);
	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			fail_errno(err, "read");
			digest_end(&d, hex);
			return -1;
		}
		digest_add(&d, chunk, (size_t)n);
	}
	digest_end(&d, hex);
	return 0;
}

size_t
digest_size(enum digest_kind kind)
{
	return kind == DIGEST_BLAKE2B || kind == DIGEST_SHA512 ? 64 : 32;
}

int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
is_hex(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (!((s[i] >= '0' && s[i] <= '9') ||
			(s[i] >= 'a' && s[i] <= 'f')))
			return false;
	}
	return s[n] == '\0';
}
