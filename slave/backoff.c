/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slave/backoff.h"

void
backoff_fail(struct backoff *b, int64_t now, int64_t max, uint32_t random)
{
	int64_t pause = BACKOFF_FIRST;
	unsigned i;

	for (i = 0; i < b->tries && pause < max; i++)
		pause *= 2;
	if (pause > max)
		pause = max;
	b->tries++;
	b->at = now + pause / 2 + (int64_t)(random % (uint64_t)(pause / 2 + 1));
}

void
backoff_clear(struct backoff *b)
{
	b->tries = 0;
	b->at = 0;
}
