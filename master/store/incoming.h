/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Artifacts on their way here: what has come of each is a file in tmp/, by
 * lease and digest. One request at a time writes it; when its line breaks, a
 * later one goes on with the file and the digest as far as they are. A lease
 * may have only so many bytes here that no report names, those of its uploads
 * counted whole while they are written.
 */
#ifndef MASTER_INCOMING_H
#define MASTER_INCOMING_H

#include "base/arena.h"
#include "base/digest.h"

#include <stdbool.h>
#include <stdint.h>

struct error;
struct master;
struct sched_lease;

struct incoming {
	struct arena arena; /* this too */
	struct incoming *prev, *next;
	int64_t lease;
	char digest[KEY_HEX];
	const char *path;
	int64_t size, whole;    /* bytes: that came, that there will be */
	struct digest sum;      /* of those that came */
	bool summing, settling; /* settling: a child gives it its name */
	struct incoming **held; /* the writer's pointer to this, or NULL */
};

/* The lease's upload of this digest, or NULL. */
struct incoming *
incoming_find(struct master *m, int64_t lease, const char *digest);

/* One of whole bytes, of which none is there; the file isn't made. */
struct incoming *incoming_new(
    struct master *m, int64_t lease, const char *digest, int64_t whole);

/* With its file; a writer that has it finds NULL then. */
void incoming_drop(struct master *m, struct incoming *in);

/* This writes from here on; who did before finds NULL. */
void incoming_take(struct incoming *in, struct incoming **held);

/*
 * Its line is broken: it stays for another writer, one of few of its lease.
 */
void incoming_leave(struct master *m, struct incoming *in);

/* The lease is over: all of it, but what a child settles. */
void incoming_lease_over(struct master *m, int64_t lease);

/* Does a child give a file this digest as its name? */
bool incoming_settles(const struct master *m, const char *digest);

/*
 * May the lease bring size bytes more, beside what it has here that no report
 * names? except isn't counted. 0: no, -1 with err.
 */
int incoming_allowed(struct master *m, struct sched_lease *lease,
    const struct incoming *except, int64_t size, struct error *err);

/* All of them, without their files: those go when serve starts. */
void incoming_close(struct master *m);

#endif
