/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Validated plans that may be wanted again soon: the same root of the same
 * commit, for instance each night or by several people. A plan follows from
 * what its key is made of, and from the time, by which keys expire: it is
 * kept for a few minutes only. The signature of a request is verified anew
 * each time.
 */
#ifndef MASTER_PLANS_H
#define MASTER_PLANS_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct validation;

#define PLANS 32

struct plans {
	struct {
		char key[65];
		struct buf text; /* JSON as validate.h has it */
		int64_t until;
	} list[PLANS];
	size_t next; /* to be replaced */
};

void plans_release(struct plans *p);

/* What the plan depends on; false: it is not to be kept (a branch moves). */
bool plans_key(const struct validation *v, char key[65]);

/* NULL if there is none; now is clock_us(). */
const struct buf *plans_get(struct plans *p, const char *key, int64_t now);
void plans_put(
    struct plans *p, const char *key, const struct buf *text, int64_t now);

#endif
