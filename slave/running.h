/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of "run" share: greet.c (what this machine offers, hello),
 * claim.c (the long poll, its capsules and events), tell.c (what the service
 * manager hears), session.c (the loop, signals, children, start and end).
 */
#ifndef SLAVE_RUNNING_H
#define SLAVE_RUNNING_H

#include "slave/call.h"
#include "slave/conf.h"
#include "slave/contract.h"
#include "slave/heard.h"
#include "slave/lease.h"
#include "slave/pool.h"
#include "slave/renew.h"
#include "base/buf.h"
#include "base/error.h"

#define SESSION_PAUSE_MAX 30000 /* milliseconds between tries */

struct session {
	struct host host;
	struct calls calls;
	struct arena arena;
	const struct slave_conf *conf;  /* settings, which change at a reload */
	const struct slave_conf *start; /* as it was then */
	struct slave_conf settings;
	struct arena read; /* what settings has of the last reload */
	pid_t jailer;
	struct lease *leases;
	struct pool pool;
	int signals, lock, state;
	bool once;
	struct heard heard; /* from the master, of its last call */
	struct contract contract;
	int64_t next_look; /* at the contract */
	/* what this machine offers */
	pid_t probe;
	int probe_fd;
	struct buf probe_text;
	int64_t next_probe;
	json_t *about;
	/* hello */
	bool hello_due, greeted;
	/* what it offers was found out anew, which a hello in flight says */
	bool renewed, said_renewed;
	int64_t hello_at; /* the last one */
	bool hello_soon;  /* stages or layers may have come */
	struct call *hello;
	struct backoff hello_wait;
	struct renewal renewal; /* of the certificate */
	/* claim */
	struct call *claim, *last_claim; /* last: an older one still goes on */
	int64_t claim_free, claim_start;
	struct backoff claim_wait;
	int64_t ready_at;    /* when the machine is looked at again */
	bool unready;        /* it has too little of something for new work */
	bool draining, idle; /* idle: once, and nothing was left */
	/* what the service manager knows, tell.c */
	char told[512];
	int64_t told_at, watchdog; /* milliseconds; watchdog 0: none */
	bool told_end;
	/* the end */
	bool finishing; /* nothing more is claimed; ends when nothing is left */
	bool stopping, failed;
	int64_t stop_by;
	struct error *err;
};

/* greet.c: start what is due; the probe's pipe; its end. */
void probe_turn(struct session *s);
void probe_listen(struct session *s);
void probe_reaped(struct session *s, int status);
void hello_turn(struct session *s);

/* Every answer to a hello or a claim is told of. */
void session_heard(struct session *s, const struct answer *answer);

/* The master doesn't know this slave (any more). */
void session_rejected(struct session *s, const struct answer *answer);

/* claim.c: keep one claim on its way. */
void claim_turn(struct session *s);

/* Look at the machine before more is claimed: it had no room for something. */
void claim_look(struct session *s);

/*
 * For who claims with another call: slots that are free for new work; take
 * what the answer gives; the answer didn't come.
 */
int64_t claim_room(struct session *s);
void claim_given(struct session *s, const json_t *answer);
void claim_lost(struct session *s);

/*
 * tell.c, for the service manager: that it works; what it does, if that
 * changed, and that it lives, if that is due; when it is.
 */
void tell_ready(struct session *s);
void tell_turn(struct session *s);
int64_t tell_due(const struct session *s);

/* Was it answered with success? */
bool answer_is_good(const struct answer *answer);

#endif
