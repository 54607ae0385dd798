/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The processes that do leases' work, one a slot: each does one lease after
 * the other, so that what it has opened and proved once (its connection, keys,
 * verdicts) serves the next ones too. One that is killed takes nothing with it
 * but its own lease; after some hundred leases one makes room for a fresh one.
 * What goes over the pipes is said in worker.h.
 */
#ifndef SLAVE_POOL_H
#define SLAVE_POOL_H

#include "base/arena.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct error;
struct lease;
struct slave_conf;

struct worker {
	struct worker *next;
	struct arena arena;  /* this too */
	struct lease *lease; /* NULL: idle */
	pid_t pid;
	int say, leash; /* pipes from and to it; -1: closed */
	unsigned taken; /* leases up to now */
	bool old;       /* gets no further lease */
	char line[128]; /* of what it says, not complete yet */
	size_t nline;
};

struct pool {
	const struct slave_conf *conf;
	struct worker *workers;
};

/*
 * Have an idle worker, or a new one, do the lease, which must be in the spool.
 * NULL with err.
 */
struct worker *pool_give(struct pool *p, struct lease *l, struct error *err);

/* It asked whether something may come: so many bytes; 0: it may not. */
void worker_grant(struct worker *w, int64_t bytes);

/* Kill it; pool_reaped() comes later. */
void worker_kill(struct worker *w);

/* Read what the workers have said and tell their leases. */
void pool_listen(struct pool *p);

/* Tell the lease of the worker that had this pid; false: none had. */
bool pool_reaped(struct pool *p, pid_t pid, int status);

/* The workers get no further lease: what they have open is outdated. */
void pool_renew(struct pool *p);

/* Add the descriptors that may wake pool_listen(). */
void pool_watch(
    const struct pool *p, struct curl_waitfd *fds, unsigned *n, unsigned max);

/*
 * In a fresh child of parent: undo its signal set-up, die with it, and close
 * what it had open except keep[0 .. n - 1], whose numbers change to the new
 * ones. Sockets of the parent must not live on in here.
 */
void worker_detach(pid_t parent, int keep[], unsigned n);

/* Close all pipes: idle workers end, those at work too. */
void pool_close(struct pool *p);

#endif
