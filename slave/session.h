/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "autotua-slave run": one process without threads that says hello, claims,
 * and turns its leases (lease.h) until it is told to stop. Blocking work is
 * done in children: a worker for each lease, and one now and then that finds
 * out what this machine offers.
 */
#ifndef SLAVE_SESSION_H
#define SLAVE_SESSION_H

#include <stdbool.h>

struct error;
struct jailer;
struct slave_conf;

/*
 * Run until SIGTERM or SIGINT, or with once until nothing is left to claim
 * and everything is delivered. A second signal ends it at once. -1 when it
 * couldn't start or the master doesn't want this slave.
 */
int session_run(const struct slave_conf *c, const struct jailer *jailer,
    bool once, struct error *err);

#endif
