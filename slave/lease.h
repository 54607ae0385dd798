/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One lease in the parent: its worker, its renewing, and the delivery of what
 * the spool has to the master. Two small machines run side by side, each with
 * at most one call in flight and its own back-off: renew (lease.c) and
 * delivery (deliver.c). A lease is over when the master has answered its end
 * or has taken it away; its spool folder is gone then.
 */
#ifndef SLAVE_LEASE_H
#define SLAVE_LEASE_H

#include "slave/backoff.h"
#include "slave/spool.h"
#include "base/arena.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct answer;
struct call;
struct calls;
struct error;
struct slave_conf;
struct pool;
struct worker;

/* What all leases of this process share. */
struct session;
struct host {
	struct session *session;
	const struct slave_conf *conf;
	struct calls *calls;
	int spool;
	int64_t now;   /* milliseconds that suspend doesn't stop */
	int64_t grace; /* milliseconds beyond the lease's time */
	struct contract *contract;
	struct pool *pool; /* of workers */
};

enum lease_state {
	LEASE_RUNNING, /* its worker works */
	LEASE_KILLED,  /* worker dying; how it ends is decided */
	LEASE_DROPPED, /* worker dying; the master has no interest any more */
	LEASE_ENDED,   /* result.json is there; what isn't sent is sent */
	LEASE_OVER,    /* nothing left: to be freed */
};

enum sending {
	SEND_NOTHING,
	SEND_LOG,
	SEND_ASK,  /* does the master have this artifact? */
	SEND_BLOB, /* no: here it is */
	SEND_STEP,
	SEND_END,
};

struct delivery {
	enum sending sending;
	struct sent sent; /* acknowledged so far */
	int64_t chunk;    /* bytes of log in flight */
	int64_t flying;   /* bytes of log or artifact in flight */
	bool held;        /* something waits for another day's traffic */
	json_t *report;   /* of step sent.step, once it is there */
	size_t artifact;  /* the next one of report */
	bool missing;     /* the master asks for it, */
	int64_t from;     /* from this byte on */
	bool spoilt;      /* it won't take our reports: only the end is sent, */
	bool cut;         /* with report, which has what the master took */
	bool again;       /* everything is sent a second time */
	bool apart;       /* nothing rides on another call */
	int64_t claimed;  /* slots that the call in flight claims for */
	struct backoff wait;
};

struct lease {
	struct lease *next;
	struct arena arena; /* this too */
	struct host *host;
	int64_t id, attempt;
	enum lease_state state;
	int dir;               /* its spool folder; -1: it has none */
	struct worker *worker; /* NULL: none */
	struct ending ending;  /* from LEASE_KILLED on */
	/* renew */
	struct call *renew;
	struct backoff renew_wait;
	int64_t nsteps;  /* of its capsule */
	int64_t taken;   /* when it came */
	int64_t length;  /* milliseconds that a renewal is good for */
	int64_t renewed; /* when the master last said yes */
	int64_t step;    /* where the worker is */
	char at[16];     /* "run"; "": unknown */
	double began;    /* when it came to step, as unit_clock(); 0: unknown */
	int64_t promised; /* bytes that its worker may fetch still */
	bool news;        /* the master doesn't know that yet */
	/* delivery */
	struct call *send;
	struct delivery out;
};

/*
 * Take what the master gave: into the spool and to a worker. NULL when it has
 * no usable lease and attempt. What fails on this machine makes a lease that
 * is refused softly.
 */
struct lease *
lease_take(struct host *h, const json_t *capsule, struct error *err);

/*
 * A lease that an earlier process left in the spool. What it didn't finish
 * ends as infrastructure. NULL (and the folder is gone) if it has no capsule.
 */
struct lease *lease_recover(struct host *h, int64_t id, struct error *err);

/* Cancel its calls, close what it has open, free it. */
void lease_free(struct lease *l);

/* A line of what its worker says, but for those that end its work. */
void lease_line(struct lease *l, const char *line);

/* Its worker is through with it: the spool has the end, or it is stale. */
void lease_worked(struct lease *l, bool stale);

/* Its worker died with this wait status, before that. */
void lease_reaped(struct lease *l, int status);

/* Start what is due now: renewing, sending, giving up. */
void lease_turn(struct lease *l);

/* When lease_turn() has something to do at the latest. */
int64_t lease_due(const struct lease *l);

/* Does it hold a slot? */
bool lease_is_busy(const struct lease *l);

/* The master cancelled it: kill the work, tell it so. */
void lease_cancel(struct lease *l);

/* The slave stops: kill the work and give the lease back without blame. */
void lease_stop(struct lease *l);

/* As that, for another reason. */
void lease_give_back(struct lease *l, const char *why);

/* The master took it away: kill the work and forget it. */
void lease_drop(struct lease *l, const char *why);

/* Nothing is left to do: the spool folder goes. The worker must be dead. */
void lease_over(struct lease *l);

/* Events in an answer to a call of this lease. */
void lease_events(struct lease *l, const json_t *answer);

/* Kill the work, which ends so; what ended already stays as it is. */
void lease_kill(struct lease *l, enum ending_kind kind, const char *result,
    const char *reason);

/*
 * Must bytes that are to go out wait in the spool, for want of traffic? They
 * are looked at again later. More than the owner lets go out in a day is given
 * back for good.
 */
bool lease_is_held(struct lease *l, int64_t bytes);

/* Bytes of the day's traffic that no lease has a claim to yet. */
int64_t lease_traffic_left(const struct host *h);

/* ---- deliver.c ------------------------------------------------------------
 */

/* Start sending what comes next, if anything. */
void deliver_turn(struct lease *l);

/* When there may be something to send. */
int64_t deliver_due(const struct lease *l);

/* For backoff_fail(). */
uint32_t lease_random(void);

#endif
