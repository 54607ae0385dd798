/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stage of anybody's making: the first byte says which member the rest is
 * of. What comes out is what can be passed on, and is passed on whole.
 */
#include "master/stages/packages.h"
#include "base/buf.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
hold(bool good)
{
	if (!good)
		abort();
}

static void
pass_on(const struct packages *p, struct arena *a)
{
	struct error err;
	struct packages again;
	struct buf text;
	size_t i;

	buf_init(&text, PACKAGES_TEXT_MAX);
	packages_init(&again, a);
	if (packages_write(p, &text, &err) < 0) {
		hold(p->unread || p->full);
		buf_release(&text);
		return;
	}
	hold(packages_read(&again, text.data, text.len, &err) == 0);
	hold(again.n == p->n &&
	    memcmp(again.found, p->found, sizeof(p->found)) == 0);
	for (i = 0; i < p->n; i++)
		hold(strcmp(again.items[i].name, p->items[i].name) == 0 &&
		    strcmp(again.items[i].version, p->items[i].version) == 0);
	buf_release(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const members[] = {"var/lib/dpkg/status",
	    "lib/apk/db/installed", "var/lib/rpm/rpmdb.sqlite", "text", "name"};
	const char *text = (const char *)data + 1;
	struct error err = {0, ""};
	struct arena a = {0};
	struct packages p;
	size_t k;

	if (size == 0)
		return 0;
	size--;
	packages_init(&p, &a);
	k = data[0] % (sizeof(members) / sizeof(members[0]));
	if (k == 4)
		(void)packages_wants(&p, arena_strndup(&a, text, size));
	else if (k == 3)
		hold(packages_read(&p, text, size, &err) == 0 || *err.msg);
	else
		hold(packages_take(&p, members[k], text, size, &err) == 0 ||
		    *err.msg);
	pass_on(&p, &a);
	arena_release(&a);
	return 0;
}
