/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Armoured signatures: of what is taken the message is two packets of ours, the
 * data as it was, and one signature packet that ends where the message does.
 */
#include "base/buf.h"
#include "tree/sign/message.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BEFORE 27 /* bytes of the packets before the data */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Bytes of the packet at p, of the two or three forms that gpg writes. */
static size_t
packet_size(const unsigned char *p)
{
	if (p[0] == 0x89)
		return 3 + ((size_t)p[1] << 8 | p[2]);
	if (p[0] == 0x88 || p[1] < 192)
		return 2 + (size_t)p[1];
	return 3 + (((size_t)p[1] - 192) << 8) + p[2] + 192;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char text[] = "what was signed\n";
	const size_t at = BEFORE + sizeof(text);
	struct buf b;

	buf_init(&b, SIZE_MAX / 2);
	if (message_make(text, sizeof(text), (const char *)data, size, &b)) {
		if (b.len < at + 8 ||
		    memcmp(b.data + BEFORE, text, sizeof(text)) != 0 ||
		    at + packet_size((const unsigned char *)b.data + at) !=
			b.len)
			abort();
	} else if (b.len > 0) {
		abort();
	}
	buf_release(&b);
	return 0;
}
