/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What httpd.c, request.c and peer.c share; of no use to others. */
#ifndef MASTER_HTTPD_INT_H
#define MASTER_HTTPD_INT_H

#include "master/httpd.h"
#include "master/request.h"

struct MHD_Daemon;
struct peer;

struct httpd {
	struct arena arena; /* it lives in there itself */
	struct httpd_conf conf;
	struct MHD_Daemon *daemon;
	int listen_fd;
	struct request *waiting; /* suspended ones */
};

struct peer *peer_new(void);
void peer_free(struct peer *p);

/* Fill in origin. */
void request_origin(struct request *r);

/* The checks on headers; false: it has been answered. */
bool request_is_strict(struct request *r);

#endif
