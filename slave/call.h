/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls to the master that don't block: a set of them in flight on one curl
 * multi handle, whose poll also watches the caller's descriptors. Each ends
 * with one call of its done(), unless it is cancelled; it is freed then.
 */
#ifndef SLAVE_CALL_H
#define SLAVE_CALL_H

#include <curl/curl.h>
#include <jansson.h>
#include <stdint.h>

struct call;
struct error;
struct slave_conf;

struct answer {
	int status;       /* of HTTP; 0: the master wasn't reached */
	json_t *json;     /* body, or NULL */
	const char *code; /* of a problem, else "" */
	const char *text; /* why it failed, for people; "" when it did not */
	int64_t offset;   /* of Upload-Offset; 0: without one */
};

struct call_request {
	const char *method; /* GET, HEAD, POST, PUT */
	const char *path;   /* below /api/v1/ */
	const json_t *body; /* NULL: none */
	int fd;             /* PUT: size bytes from offset; duplicated */
	int64_t offset, size;
	long timeout; /* seconds; 0: 60 */
	void (*done)(void *ctx, const struct answer *answer);
	void *ctx;
};

struct calls {
	CURLM *multi;
	const char *url, *ca, *cert, *key;
	unsigned renewed; /* how often calls_renew() was called */
	int64_t moved;    /* bytes of bodies; the caller sets it back */
};

/* Paths of ca, cert and key come from the state folder of conf. */
struct arena;
int calls_open(struct calls *c, const struct slave_conf *conf, struct arena *a,
    struct error *err);
void calls_close(struct calls *c);

/* There is another certificate: no further call shows the old one. */
void
calls_renew(struct calls *c, const struct slave_conf *conf, struct arena *a);

/* Start one; never NULL: what can't even start ends as not reached. */
struct call *call_start(struct calls *c, const struct call_request *r);

/* Have another function called at its end. */
void call_redirect(
    struct call *call, void (*done)(void *ctx, const struct answer *answer));

/* Forget it without done(); its connection is closed. */
void call_cancel(struct calls *c, struct call *call);

/* Wait until something happens on a call or extra[]; at most timeout_ms. */
void calls_wait(
    struct calls *c, struct curl_waitfd extra[], unsigned n, int timeout_ms);

/* Move bytes and tell done() of the calls that ended. */
void calls_turn(struct calls *c);

/* What is the same for every handle that talks to the master. */
void call_setup(CURL *easy, const struct calls *c);

#endif
