/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/http/request.h"
#include "master/http/httpd_int.h"
#include "master/http/parse.h"
#include "base/error.h"
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define FULL_SECONDS  60
#define LATER_SECONDS 5

static const struct {
	unsigned status;
	const char *title;
} titles[] = {
    {400, "Bad request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not found"},
    {405, "Method not allowed"},
    {409, "Conflict"},
    {411, "Length required"},
    {413, "Too large"},
    {415, "Unsupported media type"},
    {416, "Range not satisfiable"},
    {422, "Not acceptable"},
    {426, "Upgrade required"},
    {429, "Too many requests"},
    {500, "Internal error"},
    {503, "Unavailable"},
    {505, "HTTP version not supported"},
    {507, "Insufficient storage"},
};

static void
set_answer(struct request *r, unsigned status, const char *type,
    struct MHD_Response *answer)
{
	assert(!r->answer);
	if (!answer)
		abort(); /* out of memory */
	r->answer = answer;
	r->status = status;
	request_header(r, "Content-Type", type);
	request_header(r, "X-Content-Type-Options", "nosniff");
}

void
request_header(struct request *r, const char *name, const char *value)
{
	MHD_add_response_header(r->answer, name, value);
}

void
request_bytes(struct request *r, unsigned status, const char *type,
    const void *p, size_t n)
{
	set_answer(r, status, type,
	    MHD_create_response_from_buffer(
		n, (void *)(uintptr_t)p, MHD_RESPMEM_MUST_COPY));
}

void
request_file(struct request *r, unsigned status, const char *type, int fd,
    int64_t offset, int64_t size)
{
	struct MHD_Response *answer = MHD_create_response_from_fd_at_offset64(
	    (uint64_t)size, fd, (uint64_t)offset);

	if (!answer)
		close(fd);
	set_answer(r, status, type, answer);
}

static void
answer_json(struct request *r, unsigned status, const char *type, json_t *o)
{
	char *text = json_dumps(o, JSON_COMPACT);

	json_decref(o);
	if (!text)
		abort(); /* out of memory */
	set_answer(r, status, type,
	    MHD_create_response_from_buffer(
		strlen(text), text, MHD_RESPMEM_MUST_FREE));
	request_header(r, "Cache-Control", "no-store");
}

void
request_json(struct request *r, unsigned status, json_t *o)
{
	answer_json(r, status, "application/json", o);
}

static const char *
title_of(unsigned status)
{
	size_t i;

	for (i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
		if (titles[i].status == status)
			return titles[i].title;
	}
	return "Error";
}

void
request_problem_with(struct request *r, unsigned status, const char *code,
    const char *detail, json_t *extra)
{
	json_t *o = json_pack("{s:s, s:s, s:i, s:s, s:s}", "type",
	    "about:blank", "title", title_of(status), "status", (int)status,
	    "detail", detail, "code", code);

	/* a detail that isn't UTF-8 can't be sent */
	if (!o)
		o = json_pack("{s:s, s:s, s:i, s:s}", "type", "about:blank",
		    "title", title_of(status), "status", (int)status, "code",
		    code);
	if (extra)
		json_object_update(o, extra);
	json_decref(extra);
	answer_json(r, status, "application/problem+json", o);
}

void
request_problem(
    struct request *r, unsigned status, const char *code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	request_problem_with(
	    r, status, code, arena_vprintf(&r->arena, fmt, ap), NULL);
	va_end(ap);
}

void
request_broken(struct request *r, const struct error *err)
{
	log_err("%s path=%s", err->msg, r->uri);
	if (error_is_full(err))
		request_later(r, 507, "disk-full", FULL_SECONDS,
		    "the master's disk is full: it has no room for this until "
		    "its administrator frees some; try again later");
	else if (err->code == EAGAIN)
		request_later(r, 503, "unavailable", LATER_SECONDS,
		    "the master can't store this at present; try again");
	else
		request_problem(r, 500, "internal",
		    "the master could not do this; its log says why");
}

void
request_later(struct request *r, unsigned status, const char *code, int seconds,
    const char *detail)
{
	request_problem(r, status, code, "%s", detail);
	request_header(
	    r, "Retry-After", arena_printf(&r->arena, "%d", seconds));
}

/* Into or out of a list of suspended ones. */
static void
link_to(struct request **list, struct request *r)
{
	r->prev = NULL;
	r->next = *list;
	if (r->next)
		r->next->prev = r;
	*list = r;
}

static void
unlink_from(struct request **list, struct request *r)
{
	if (r->prev)
		r->prev->next = r->next;
	else
		*list = r->next;
	if (r->next)
		r->next->prev = r->prev;
}

void
request_wait(struct request *r)
{
	assert(!r->waiting && !r->answer);
	r->waiting = true;
	link_to(&r->httpd->waiting, r);
	MHD_suspend_connection(r->con);
}

void
request_go_on(struct request *r)
{
	r->httpd->resumed = true;
	MHD_resume_connection(r->con);
}

void
request_resume(struct request *r)
{
	struct httpd *h = r->httpd;

	assert(r->waiting && r->answer);
	r->waiting = false;
	unlink_from(&h->waiting, r);
	if (h->conf.is_pending(h->conf.ctx)) {
		r->held = true;
		link_to(&h->held, r);
	} else {
		request_go_on(r);
	}
}

bool
request_hold(struct request *r)
{
	struct httpd *h = r->httpd;

	if (r->held || !h->conf.is_pending(h->conf.ctx))
		return false;
	r->held = true;
	link_to(&h->held, r);
	MHD_suspend_connection(r->con);
	return true;
}

void
httpd_release(struct httpd *h, const char *broken)
{
	struct request *r;

	while ((r = h->held) != NULL) {
		unlink_from(&h->held, r);
		if (broken) {
			MHD_destroy_response(r->answer);
			r->answer = NULL;
			request_later(
			    r, 503, "unavailable", LATER_SECONDS, broken);
		}
		request_go_on(r);
	}
}

const char *
request_get_header(const struct request *r, const char *name)
{
	return MHD_lookup_connection_value(r->con, MHD_HEADER_KIND, name);
}

int64_t
request_number(struct request *r, const char *name)
{
	const char *s = request_query(r, name);
	int64_t n = s ? parse_number(s) : -1;

	if (n >= 0)
		return n;
	request_problem(
	    r, 400, "bad-query", "query parameter %s: expected a number", name);
	return -1;
}

/* ---- what the library lets pass ------------------------------------------ */

/*
 * How the lines ended can't be seen here: the library (0.9.75) takes a LF or
 * a CR alone as the end of a line, joins a folded line with the one before,
 * ends a value at a NUL, drops a field without a name, and gives away neither
 * the bytes of the head nor a place to look at them: between it and GnuTLS
 * there is none, and below that they are encrypted. Its option
 * MHD_OPTION_STRICT_FOR_CLIENT asks for a Host in HTTP/1.1, nothing more; in
 * 1.0 the same option refuses such lines. What is read is the same for the
 * library and for us, so where a request ends is never in doubt here; who puts
 * a proxy in front has one that lets no such lines through.
 */

struct headers {
	int lengths, encodings, hosts;
	bool odd, odd_encoding, coded;
	const char *length, *host;
};

static enum MHD_Result
look(void *ctx, enum MHD_ValueKind kind, const char *key, size_t nkey,
    const char *value, size_t nvalue)
{
	struct headers *h = ctx;

	(void)kind;
	h->odd |= !parse_is_field(key, nkey) ||
	    (value && !parse_is_value(value, nvalue));
	if (strcasecmp(key, "Content-Length") == 0) {
		h->lengths++;
		h->length = value;
	} else if (strcasecmp(key, "Transfer-Encoding") == 0) {
		h->encodings++;
		h->odd_encoding |= !value || strcasecmp(value, "chunked") != 0;
	} else if (strcasecmp(key, "Content-Encoding") == 0) {
		h->coded |= !value || strcasecmp(value, "identity") != 0;
	} else if (strcasecmp(key, "Host") == 0) {
		h->hosts++;
		h->host = value;
	}
	return MHD_YES;
}

static bool
refuse(struct request *r, unsigned status, const char *why)
{
	request_problem(r, status, "bad-request", "%s", why);
	request_header(r, "Connection", "close");
	r->closing = true;
	return false;
}

bool
request_is_strict(struct request *r, const char *version)
{
	bool old = strcmp(version, "HTTP/1.0") == 0;
	struct headers h = {0};
	const char *why = r->bad;

	if (!old && strcmp(version, "HTTP/1.1") != 0)
		return refuse(r, 505, "only HTTP/1.1 is spoken here");
	MHD_get_connection_values_n(r->con, MHD_HEADER_KIND, look, &h);
	if (h.lengths + h.encodings > 1)
		why = "more than one of Content-Length and Transfer-Encoding";
	else if (h.odd_encoding)
		why = "only \"chunked\" is taken as Transfer-Encoding";
	else if (old && h.encodings > 0)
		why = "HTTP/1.0 has no Transfer-Encoding";
	else if (h.odd)
		why = "a header field's name or value has a byte that none has";
	else if (h.hosts > 1)
		why = "more than one Host";
	else if (h.hosts == 1 && (!h.host || !parse_is_host(h.host)))
		why = "Host is not a host";
	else if (h.lengths == 1 &&
	    (r->length = h.length ? parse_number(h.length) : -1) < 0)
		why = "Content-Length is not a number";
	if (why)
		return refuse(r, 400, why);
	if (h.lengths + h.encodings == 0)
		r->length = 0;
	if (h.coded)
		request_problem(r, 415, "content-encoding",
		    "no Content-Encoding is read here: send the body as it is");
	return !h.coded;
}
