/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pack of a unit's recipes, from the master. The connection stays from
 * lease to lease. A line that breaks and a master without room cost the unit
 * nothing: it is asked again, from the first byte, within the lease.
 */
#ifndef SLAVE_PACK_H
#define SLAVE_PACK_H

#include "base/error.h"

#include <stdint.h>

struct http;
struct leash;
struct slave_conf;

struct pack_line {
	const struct slave_conf *conf;
	struct leash *leash;  /* what comes is asked for */
	struct http *master;  /* NULL: not connected */
	struct error refused; /* that it may not come; code 0: it may */
};

enum pack_result {
	PACK_THERE,
	PACK_STALE, /* the lease is over */
	PACK_LATER, /* with err: it may do another time */
	PACK_NEVER, /* with err: it won't do by itself */
};

/* GET the pack into fd, an empty file. */
enum pack_result pack_get(struct pack_line *l, int64_t lease, int64_t attempt,
    int fd, struct error *err);

#endif
