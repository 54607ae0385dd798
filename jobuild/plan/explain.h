/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why a unit can't be resolved: who asks, by which way from the root, where
 * it is written, what there is and why each of it falls out. One message a
 * cause.
 */
#ifndef PLAN_EXPLAIN_H
#define PLAN_EXPLAIN_H

#include "plan/resolve.h"

void causes_init(struct causes *c, struct arena *a);

/* A new cause, or NULL when this key has been told. */
struct diag *
cause_add(struct causes *c, const char *key, struct place at, const char *rule,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* explain.c: the needs that nothing fulfils, with no choice on the way. */
void explain_lacks(struct resolver *r);

/* explain.c: there were not enough steps. */
void explain_exhausted(struct resolver *r, const struct dep *dep);

/* conflict.c: the needs that can't be fulfilled together. */
void explain_conflict(struct resolver *r);

/* Begin the message about what one need lacks; NULL: it was told before. */
struct diag *explain_lack(struct resolver *r, const struct need *n);

/* Do both lack the same name, version or architecture? */
bool
lack_same(const struct resolver *r, const struct need *a, const struct need *b);

/* core.c: the needs that can't hold together, as few as is cheap to find. */
struct need **conflict_core(struct resolver *r, size_t *n);

/* Texts for messages; long lists are cut. */
const char *text_versions(struct arena *a, const struct package *k);
const char *text_arches(struct arena *a, const struct metadata *m);
const char *text_dep(struct arena *a, const struct dep *d);

/* What a need for a name that isn't there may have meant; NULL: no idea. */
const char *text_meant(struct resolver *r, const struct need *n);

/* The one who asks, as the way to it; "the request" when nobody does. */
const char *text_asker(struct resolver *r, uint32_t owner);

#endif
