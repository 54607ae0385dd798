/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A lender's hours: what passes opens and closes when it says that it does. */
#include "base/arena.h"
#include "base/error.h"
#include "slave/hours.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define WEEK (7 * DAY_MINUTES)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
hold(bool good)
{
	if (!good)
		abort();
}

static bool
open_at(const struct hours *h, int at)
{
	at %= WEEK;
	return hours_open(h, at / DAY_MINUTES, at % DAY_MINUTES);
}

/* From this minute on it stays as it is until the change, and not longer. */
static void
look_from(const struct hours *h, int at)
{
	int change = hours_change(h, at / DAY_MINUTES, at % DAY_MINUTES), i;
	bool open = open_at(h, at);

	hold(change >= 0 && change <= WEEK);
	for (i = 0; i < (change ? change : WEEK); i++)
		hold(open_at(h, at + i) == open);
	hold(change == 0 || open_at(h, at + change) != open);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = {0};
	struct error err = {0, ""};
	struct hours h = {0};
	size_t i;

	if (size < 2 || size > 1000)
		return 0;
	if (hours_parse(&h, arena_strndup(&a, (const char *)data + 2, size - 2),
		&a, &err) < 0) {
		hold(err.msg[0] != '\0');
	} else {
		for (i = 0; i < h.n; i++)
			hold(h.list[i].days && h.list[i].days < 0x80 &&
			    h.list[i].from >= 0 &&
			    h.list[i].from < DAY_MINUTES && h.list[i].to >= 0 &&
			    h.list[i].to <= DAY_MINUTES);
		look_from(&h, (data[0] << 8 | data[1]) % WEEK);
	}
	arena_release(&a);
	return 0;
}
