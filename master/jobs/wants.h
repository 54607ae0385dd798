/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a unit wants of its slave, as validation found it and the database
 * keeps it:
 *
 *	{"exclusive": false, "requires": ["gtk>=3.24"], "labels": ["fast"],
 *	 "locks": ["master:db=shared"], "stage": DIGEST,
 *	 "resources": {"memory": BYTES, "cpus": N, "disk": BYTES}}
 *
 * What is absent is not wanted.
 */
#ifndef MASTER_WANTS_H
#define MASTER_WANTS_H

#include "master/sched/sched.h"

#include <jansson.h>

/* Texts stay those of o. */
void wants_read(const json_t *o, const char *arch, struct sched_wants *out,
    struct arena *a);

/*
 * A number of "resources", of a unit or of a slave's hello: at least 0 and at
 * most 2^48, so that all slots of a slave together can be added up.
 */
int64_t wants_amount(const json_t *resources, const char *name);

/* "user/name" of an atom with version: what durations are learned by. */
const char *wants_package(struct arena *a, const char *atom);

#endif
