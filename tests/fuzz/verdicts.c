/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Remembered verdicts, and gpg's listing of a key: any bytes are read without
 * harm, and no verdict comes out of a text that hasn't its digest.
 */
#include "base/arena.h"
#include "base/error.h"
#include "tree/sign/pubkey.h"
#include "tree/sign/verdicts.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char digest[] = "00000000000000000000000000000000"
				     "00000000000000000000000000000000";
	struct verdicts *v = verdicts_of((const char *)data, size);
	char fingerprint[FINGERPRINT_MAX];
	struct arena a = {0};
	struct error err = {0};
	struct pubkey k;
	bool there = size && memmem(data, size, digest, 64);

	if (verdicts_signature(v, digest, 5) && !there)
		abort();
	if (verdicts_key(v, digest, 5, fingerprint) &&
	    (!there || strlen(fingerprint) < 40))
		abort();
	verdicts_close(v);
	if (pubkey_parse(&k, (const char *)data, size, &a, &err) < 0 &&
	    !err.msg[0])
		abort();
	arena_release(&a);
	return 0;
}
