/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What httpd.c, request.c and peer.c share; of no use to others. */
#ifndef MASTER_HTTPD_INT_H
#define MASTER_HTTPD_INT_H

#include "master/http/httpd.h"
#include "master/http/request.h"

struct MHD_Daemon;
struct peer;

struct httpd {
	struct arena arena; /* it lives in there itself */
	struct httpd_conf conf;
	struct MHD_Daemon *daemon;
	int listen_fd;
	struct request *waiting; /* suspended ones, without an answer */
	struct request *held;    /* suspended ones, with an answer */
	bool resumed;            /* some are to be looked at again */
	struct peer *peers;      /* one a connection */
	struct peer *spare_peers;
	int64_t now, swept; /* for them, microseconds */
};

/* What a connection is about, see peer.c. */
enum peer_phase {
	PEER_BEGINS, /* nothing was asked yet */
	PEER_ASKS,   /* the request line is in, not all headers */
	PEER_SENDS,  /* the body is on its way */
	PEER_WAITS,  /* for us, or takes our answer */
	PEER_RESTS,  /* between two requests */
};

struct peer *peer_new(struct httpd *h, struct MHD_Connection *con);
void peer_free(struct httpd *h, struct peer *p);
void peer_turns(struct MHD_Connection *con, enum peer_phase phase, int64_t now);
void peer_sent(const struct request *r, size_t n);

/* Keep its answer back until httpd_release(), if it must be. */
bool request_hold(struct request *r);

/* Have the library go on with a suspended one, at the next httpd_run(). */
void request_go_on(struct request *r);

/* Fill in origin. */
void request_origin(struct request *r);

/* The checks on headers; false: it has been answered. */
bool request_is_strict(struct request *r, const char *version);

#endif
