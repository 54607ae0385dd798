/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The running master: the state folder with its database, the schedule in
 * memory, the HTTPS server and the loop. Everything happens in one process
 * and one thread, one event after another.
 */
#ifndef MASTER_MASTER_H
#define MASTER_MASTER_H

#include "master/serve/events.h"
#include "master/serve/histogram.h"
#include "master/http/limit.h"
#include "master/serve/loop.h"
#include "master/jobs/plans.h"
#include "master/store/incoming.h"
#include "master/store/reserve.h"
#include "master/sched/sched.h"
#include "master/store/state.h"
#include "master/store/kept.h"
#include "master/store/sweep.h"

struct claim;
struct httpd;

#define SECOND ((int64_t)1000000)

struct counters {
	int64_t requests[6]; /* by first digit of the status */
	int64_t jobs, refused, leases, expired, stale;
	int64_t reused; /* units, by earlier results */
	int64_t log_bytes, blob_bytes, validations, known;
	int64_t limited;     /* requests */
	int64_t turns, lost; /* transactions, and those that failed */
};

struct master {
	struct state *st;
	struct db *db;              /* of st */
	const struct settings *set; /* of st */
	struct loop loop;
	struct sched sched;
	struct plans plans;
	struct events events;
	struct httpd *httpd;
	struct claim *claims, *last_claim; /* waiting, first come first */
	char ca_fingerprint[65];
	int64_t started, reloads;
	int64_t restored; /* from a backup: seconds since 1970; 0: never */
	int64_t former;   /* the last lease that is of a former serve */
	int64_t pruned;   /* or started, or the clock was set; by clock_us() */
	struct reserve reserve;
	struct incoming *incoming; /* uploads */
	struct packer *packers;    /* api/packs.c */
	struct sweep sweep;
	struct kept kept;
	struct limit limit;             /* how often who may ask */
	int64_t ruled_at, data_version; /* slaves.c; by clock_us() */
	bool failed;                    /* why the loop was stopped */
	int64_t revived;                /* turn.c: when it was tried */
	struct counters count;
	/* from ready to leased, from leased to passed or failed, of requests */
	struct histogram waited, ran, answered;
};

#endif
