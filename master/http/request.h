/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One HTTP request and its answer, as the API's functions see it: nothing
 * here shows the server library. A request is answered exactly once, in the
 * function that got it or later: then request_wait() is called first, and
 * request_resume() after the answer was set. Everything that hangs on a
 * request lives in its arena.
 */
#ifndef MASTER_REQUEST_H
#define MASTER_REQUEST_H

#include "base/arena.h"
#include "base/buf.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct diags;
struct error;
struct httpd;
struct route;
struct MHD_Connection;
struct MHD_Response;

#define REQUEST_SEGMENTS 8
#define REQUEST_QUERY    8
#define ORIGIN_MAX       48

struct query {
	const char *name, *value;
};

struct request {
	struct arena arena;
	struct httpd *httpd;
	struct MHD_Connection *con;
	const char *uri, *method;
	const char *bad;                    /* why the URI is refused */
	const char *path[REQUEST_SEGMENTS]; /* decoded, without slashes */
	size_t npath;
	struct query query[REQUEST_QUERY];
	size_t nquery;
	int64_t length; /* of the body; -1: not told (chunked) */
	bool begun, closing;

	/* set by the begin function: where the body goes */
	size_t body_max; /* into body; 0: there may be none */
	struct buf body;
	json_t *json; /* the body parsed, if somebody did; freed with it */
	void (*take)(struct request *r, const char *p, size_t n);
	void (*cleanup)(struct request *r); /* when it is over in any way */
	void *ctx;                          /* of the two */
	int64_t dropped;                    /* bytes nobody wants */

	struct MHD_Response *answer;
	unsigned status;
	bool waiting, held;
	int64_t began;               /* microseconds since 1970 */
	struct request *prev, *next; /* of those that wait */

	const struct route *route;
	int64_t id;    /* number in the path */
	int64_t slave; /* who asks; 0: nobody known */
	const char *slave_name;
	const char *user;        /* of the session */
	int64_t session;         /* 0: none */
	char origin[ORIGIN_MAX]; /* address of the peer */
};

/* Answers. The json's reference is taken. */
void request_json(struct request *r, unsigned status, json_t *o);
void request_bytes(struct request *r, unsigned status, const char *type,
    const void *p, size_t n);

/* size bytes of the file from offset; fd is taken. */
void request_file(struct request *r, unsigned status, const char *type, int fd,
    int64_t offset, int64_t size);
void request_header(struct request *r, const char *name, const char *value);

/* An RFC 9457 problem; the second form merges the members of extra into it. */
void request_problem(struct request *r, unsigned status, const char *code,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void request_problem_with(struct request *r, unsigned status, const char *code,
    const char *detail, json_t *extra);

/*
 * Something of ours failed: logged, and answered as 500 without details; as
 * 503 if it may succeed later, as 507 if the disk is full.
 */
void request_broken(struct request *r, const struct error *err);

/* Answer later. */
void request_wait(struct request *r);
void request_resume(struct request *r);

/* Is the peer still connected? Not certain, but false is. */
bool request_is_alive(const struct request *r);

/* As a problem that goes away: say when to come again. */
void request_later(struct request *r, unsigned status, const char *code,
    int seconds, const char *detail);

/* A query parameter or a header of the request, or NULL. */
const char *request_query(const struct request *r, const char *name);
const char *request_get_header(const struct request *r, const char *name);

/* A number from 0 to 2^53 of the query; missing or wrong: answers 400, -1. */
int64_t request_number(struct request *r, const char *name);

/*
 * SHA-256 of the certificate that the client showed, if the master's CA made
 * it for clients and it is valid now; otherwise false.
 */
bool request_peer(const struct request *r, char fingerprint[65]);

/* The connection is this slave's: httpd_cut() closes it. */
void request_of_slave(const struct request *r);

/* Cut the URI into path and query. NULL, or what is wrong with it. */
const char *request_parse_uri(struct request *r, const char *uri);

#endif
