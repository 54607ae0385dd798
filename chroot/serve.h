/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The jailer as a server: requests (request.h) of one client, who is an
 * ordinary user of this machine, come over a socket. It lives as long as the
 * socket has another end.
 */
#ifndef CHROOT_SERVE_H
#define CHROOT_SERVE_H

#include "chroot/request.h"
#include "chroot/step/run.h"

#include <stdbool.h>
#include <sys/types.h>

struct arena;
struct error;
struct state;

/* What its starter, who has our rights, lets the client have. */
struct serve_options {
	int socket;
	uid_t owner; /* the client */
	gid_t group;
	enum network network;
	bool nest, allow_rootful;
	/* serve() sets these: */
	bool users;   /* we are an ordinary user's, see ids.h */
	bool rootful; /* jobs can't have ids of their own, and it's allowed */
	unsigned without;   /* of enum feature */
	int64_t layers_max; /* bytes, see run.h */
	struct limits most; /* of any run, whatever is asked; 0: no limit */
};

/* Until the client is gone and all that it started is. */
int serve(struct state *s, const struct serve_options *o, struct error *err);

/* ---- serve_check.c: what came with a message ---- */

struct message {
	struct request q;
	int fds[REQUEST_FDS]; /* -1: not given */
};

/*
 * The next message into m; 1, 0 at the end, -1 when it is refused: then of
 * the descriptors at most that of the answer is open.
 */
int serve_receive(
    const struct serve_options *o, struct message *m, struct error *err);

void serve_close_fds(struct message *m);

/* The limits of what is asked for: the client's or, if lower, the starter's. */
void serve_limits(
    const struct serve_options *s, const struct request *q, struct limits *l);

/* The step that a RUN asks for; what it consists of is in the arena. */
int serve_run_options(const struct serve_options *s, const struct message *m,
    struct run_options *o, struct arena *a, struct error *err);

#endif
