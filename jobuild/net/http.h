/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls to a master: HTTPS with JSON, one connection kept. The master's CA is
 * always checked, and no other is believed; a slave shows its certificate.
 * Answers above 16 MiB are refused.
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct arena;
struct buf;
struct diags;
struct error;

struct http_conf {
	const char *url;        /* https://host:port, without a path */
	const char *ca;         /* file, PEM */
	const char *cert, *key; /* files, PEM; NULL for people */
	const char *token;      /* of a session; NULL: there is none */
	long timeout;           /* seconds for a whole call; 0: 60 */
	/* is the call unwanted by now? asked about once a second; or NULL */
	bool (*cancelled)(void *ctx);
	/*
	 * may an answer of so many bytes come into a descriptor? asked before
	 * the first one, and as more come than were told then; or NULL
	 */
	bool (*may_come)(void *ctx, int64_t bytes);
	void *ctx;
};

struct http;

/*
 * Nothing is sent yet. The files must be readable and the URL begin with
 * https://. The conf's strings are copied.
 */
int http_open(struct http **out, const struct http_conf *c, struct error *err);
void http_close(struct http *h);

/*
 * Seconds for each call from now on (0: the conf's), as for a long poll: what
 * the master was told to wait and some more.
 */
void http_set_timeout(struct http *h, long seconds);

/*
 * One call: path is "/api/v1/..."; body NULL for none. Returns the HTTP
 * status and the answer (NULL when it has none; the caller owns it), or -1
 * when nothing was answered (err->code: EAGAIN the master can't be reached,
 * EACCES its or our certificate isn't accepted, ECANCELED, EPROTO what
 * answered is no master). A problem (RFC 9457) is returned as such;
 * http_problem() makes err of it, and d (may be NULL) gets its diagnostics:
 * 0 when status is 2xx, else -1 with the code EAGAIN if another try may help.
 */
int http_call(struct http *h, const char *method, const char *path,
    const json_t *body, json_t **answer, struct error *err);
int http_problem(
    int status, const json_t *answer, struct diags *d, struct error *err);

/*
 * Is this status one of the line, of a proxy or of a master that has too much
 * to do or no room, so that the same call may be answered well later?
 */
bool http_may_pass(int status);

/* The "code" of a problem, as in "stale-attempt"; "" when it has none. */
const char *http_problem_code(const json_t *answer);

/* A header of the last call's answer, until the next call; "": it has none. */
const char *http_header(const struct http *h, const char *name);

/*
 * GET into a descriptor; at most max bytes. HTTP status or -1. Only a 2xx
 * answer's body is written; of another one err says what the problem was. One
 * that is larger than max, or than may come, is -1 with the code EFBIG: if it
 * says so itself, nothing of it was written. It may take as long as it moves.
 */
int http_get(
    struct http *h, const char *path, int fd, int64_t max, struct error *err);

/*
 * GET what goes on for as long as the master has something to say, as events
 * or a log that is followed: take() gets it as it comes and returns false to
 * end it. last (may be NULL) is sent as Last-Event-ID. As http_get(); ended by
 * take() is the answer's status too.
 */
int http_stream(struct http *h, const char *path, const char *last,
    bool (*take)(void *ctx, const char *p, size_t n), void *ctx,
    struct error *err);

/*
 * PUT size bytes from fd at offset. HTTP status and answer, or -1. It may
 * take as long as it moves.
 */
int http_put(struct http *h, const char *path, int fd, int64_t offset,
    int64_t size, json_t **answer, struct error *err);

/*
 * GET url (https only) WITHOUT knowing who answers: for the one call of an
 * enrolment that asks a master for its CA. What comes is an assertion of
 * whoever sits on the line: the caller must compare its digest with the one
 * of the join token before anything else is done with it. HTTP status or -1.
 */
int http_get_unverified(
    const char *url, long timeout, struct buf *out, struct error *err);

#endif
