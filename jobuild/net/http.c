/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/http.h"
#include "net/url.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define ANSWER_MAX ((size_t)16 << 20)
#define TIMEOUT    60
#define STALL      60 /* seconds without a byte end a large transfer */
#define CONNECT    15 /* seconds */

struct http {
	struct arena arena;
	struct http_conf conf;
	const char *base; /* the URL without a slash at its end */
	long timeout;
	CURL *easy;
	char detail[CURL_ERROR_SIZE];
};

/* One call's ends: what is sent, where the answer goes. */
struct call {
	struct http *http;
	struct curl_slist *headers;
	/* upload */
	int from;
	int64_t at, start, left, size;
	/* answer */
	struct buf body;
	int to;                    /* -1: all goes to body */
	int64_t max, came, agreed; /* bytes into it */
	bool (*take)(void *ctx, const char *p, size_t n);
	void *take_ctx;
	bool ended;       /* by take() */
	struct error err; /* code != 0: it failed here */
};

/* ---- set-up -------------------------------------------------------------- */

static int
check_file(const char *path, const char *what, struct error *err)
{
	if (access(path, R_OK) < 0)
		return fail_errno(err, "%s %s", what, path);
	return 0;
}

/* https://host[:port][/], nothing more. */
static int
check_url(const char *url, struct error *err)
{
	const char *host = url + strlen("https://");

	if (strncmp(url, "https://", strlen("https://")) != 0)
		return fail(err,
		    "master \"%s\": the address must begin with https://", url);
	host += strcspn(host, "/?#@ ");
	if (host == url + strlen("https://") ||
	    (*host != '\0' && strcmp(host, "/") != 0))
		return fail(err, "master \"%s\": write https://HOST:PORT", url);
	return 0;
}

int
http_open(struct http **out, const struct http_conf *c, struct error *err)
{
	struct http *h;
	CURL *easy;

	*out = NULL;
	if (check_url(c->url, err) < 0)
		return -1;
	if (!c->ca)
		return fail(err, "no CA file for the master %s", c->url);
	if (check_file(c->ca, "CA file", err) < 0 ||
	    (c->cert && check_file(c->cert, "certificate", err) < 0) ||
	    (c->key && check_file(c->key, "key", err) < 0))
		return -1;
	net_init();
	easy = curl_easy_init();
	h = calloc(1, sizeof(*h));
	if (!h || !easy)
		abort();
	h->easy = easy;
	h->conf = *c;
	h->conf.ca = arena_strdup(&h->arena, c->ca);
	h->conf.cert = c->cert ? arena_strdup(&h->arena, c->cert) : NULL;
	h->conf.key = c->key ? arena_strdup(&h->arena, c->key) : NULL;
	h->conf.token = c->token
	    ? arena_printf(&h->arena, "Authorization: Bearer %s", c->token)
	    : NULL;
	h->base = arena_strndup(&h->arena, c->url,
	    strlen("https://") + strcspn(c->url + strlen("https://"), "/"));
	h->conf.url = h->base;
	http_set_timeout(h, 0);
	*out = h;
	return 0;
}

void
http_close(struct http *h)
{
	if (!h)
		return;
	curl_easy_cleanup(h->easy);
	arena_release(&h->arena);
	free(h);
}

void
http_set_timeout(struct http *h, long seconds)
{
	if (seconds <= 0)
		seconds = h->conf.timeout;
	h->timeout = seconds > 0 ? seconds : TIMEOUT;
}

/* ---- one call ------------------------------------------------------------ */

/* Of what is announced all must be agreed before the first byte. */
static bool
is_agreed(struct call *c, int64_t n)
{
	const struct http_conf *conf = &c->http->conf;
	int64_t need = c->came + n;
	curl_off_t all = -1;

	if (need <= c->agreed)
		return true;
	curl_easy_getinfo(
	    c->http->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &all);
	if (all > need)
		need = all;
	if (need > c->max ||
	    (conf->may_come && !conf->may_come(conf->ctx, need))) {
		fail(&c->err, "the answer is larger than was agreed");
		c->err.code = EFBIG;
		return false;
	}
	c->agreed = need;
	return true;
}

static size_t
take_answer(char *data, size_t one, size_t n, void *ctx)
{
	struct call *c = ctx;
	long status = 0;

	n *= one;
	curl_easy_getinfo(c->http->easy, CURLINFO_RESPONSE_CODE, &status);
	if (c->take && status >= 200 && status <= 299) {
		c->ended = !c->take(c->take_ctx, data, n);
		return c->ended ? 0 : n;
	}
	if (c->to < 0 || status < 200 || status > 299) {
		if (buf_add(&c->body, data, n) == 0)
			return n;
		fail(&c->err, "the answer is larger than %zu bytes",
		    c->body.max);
		c->err.code = EPROTO;
		return 0;
	}
	if (!is_agreed(c, (int64_t)n))
		return 0;
	c->came += (int64_t)n;
	return file_write_all(c->to, data, n, &c->err) == 0 ? n : 0;
}

static size_t
give_body(char *data, size_t one, size_t n, void *ctx)
{
	struct call *c = ctx;
	ssize_t got;

	n *= one;
	if ((int64_t)n > c->left)
		n = (size_t)c->left;
	if (n == 0)
		return 0;
	do
		got = pread(c->from, data, n, c->at);
	while (got < 0 && errno == EINTR);
	if (got <= 0) {
		if (got < 0)
			fail_errno(&c->err, "read what is to be sent");
		else
			fail(&c->err, "what is to be sent got shorter");
		c->err.code = EIO;
		return CURL_READFUNC_ABORT;
	}
	c->at += got;
	c->left -= got;
	return (size_t)got;
}

/* The connection broke before the answer: libcurl sends anew. */
static int
seek_body(void *ctx, curl_off_t offset, int whence)
{
	struct call *c = ctx;

	if (whence != SEEK_SET || offset < 0 || offset > c->size)
		return CURL_SEEKFUNC_FAIL;
	c->at = c->start + offset;
	c->left = c->size - offset;
	return CURL_SEEKFUNC_OK;
}

static int
look(void *ctx, curl_off_t dt, curl_off_t dn, curl_off_t ut, curl_off_t un)
{
	const struct http *h = ctx;

	(void)dt, (void)dn, (void)ut, (void)un;
	return h->conf.cancelled && h->conf.cancelled(h->conf.ctx);
}

static void
setup_tls(struct http *h)
{
	CURL *e = h->easy;

	curl_easy_setopt(e, CURLOPT_CAINFO, h->conf.ca);
	/* the default folder of public CAs must not be believed as well */
	curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (h->conf.cert)
		curl_easy_setopt(e, CURLOPT_SSLCERT, h->conf.cert);
	if (h->conf.key)
		curl_easy_setopt(e, CURLOPT_SSLKEY, h->conf.key);
}

static void
setup_common(CURL *e, char *detail)
{
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT, (long)CONNECT);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, detail);
	curl_easy_setopt(e, CURLOPT_USERAGENT, "autotua/" VERSION);
	net_no_proxy(e);
	detail[0] = '\0';
}

/*
 * Everything that calls have in common; curl_easy_reset() keeps the
 * connection.
 */
static void
call_begin(struct call *c, struct http *h, const char *path)
{
	struct buf url;
	CURL *e = h->easy;

	memset(c, 0, sizeof(*c));
	c->http = h;
	c->from = c->to = -1;
	buf_init(&c->body, ANSWER_MAX);
	curl_easy_reset(e);
	setup_common(e, h->detail);
	setup_tls(h);
	buf_init(&url, 1 << 16);
	if (buf_addf(&url, "%s%s", h->base, path) == 0)
		curl_easy_setopt(e, CURLOPT_URL, url.data);
	buf_release(&url);
	curl_easy_setopt(e, CURLOPT_TIMEOUT, h->timeout);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_answer);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, look);
	curl_easy_setopt(e, CURLOPT_XFERINFODATA, h);
	c->headers = curl_slist_append(NULL, "Accept: application/json");
	if (h->conf.token)
		c->headers = curl_slist_append(c->headers, h->conf.token);
}

/* For bulk: no limit of time while bytes move. */
static void
let_it_take_time(struct http *h)
{
	curl_easy_setopt(h->easy, CURLOPT_TIMEOUT, 0L);
	curl_easy_setopt(h->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(h->easy, CURLOPT_LOW_SPEED_TIME, (long)STALL);
}

static int
errno_of(CURLcode code)
{
	switch (code) {
	case CURLE_ABORTED_BY_CALLBACK:
		return ECANCELED;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
		return EACCES;
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
		return EINVAL;
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_HTTP2:
		return EPROTO;
	default:
		return EAGAIN;
	}
}

static int
fail_curl(CURL *easy, const char *url, CURLcode code, const char *detail,
    struct error *err)
{
	char why[URL_REASON_MAX];

	url_reason(easy, code, detail, why);
	fail(err, "%s: %s", url,
	    code == CURLE_ABORTED_BY_CALLBACK ? "cancelled" : why);
	err->code = errno_of(code);
	return -1;
}

/* Do it: the HTTP status, or -1. */
static int
call_do(struct call *c, struct error *err)
{
	struct http *h = c->http;
	CURLcode code;
	long status = 0;

	curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, c->headers);
	code = curl_easy_perform(h->easy);
	if (c->err.code != 0) {
		*err = c->err;
		return fail_in(err, "%s", h->base);
	}
	if (code != CURLE_OK && !c->ended)
		return fail_curl(h->easy, h->base, code, h->detail, err);
	curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

static void
call_end(struct call *c)
{
	curl_slist_free_all(c->headers);
	buf_release(&c->body);
}

static bool
says_json(CURL *easy)
{
	const char *type = NULL;

	curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
	return type &&
	    (strncasecmp(type, "application/json", 16) == 0 ||
		strncasecmp(type, "application/problem+json", 24) == 0);
}

/*
 * The answer's JSON. An error page of something between us and the master
 * counts as no answer text; success in another form is no master's.
 */
static int
parse_answer(struct call *c, int status, json_t **answer, struct error *err)
{
	json_error_t why;

	*answer = NULL;
	if (c->body.len == 0)
		return 0;
	if (says_json(c->http->easy)) {
		*answer = json_loadb(
		    c->body.data, c->body.len, JSON_REJECT_DUPLICATES, &why);
		if (*answer || status >= 400)
			return 0;
		fail(err, "%s: the answer is not JSON: %s", c->http->base,
		    why.text);
	} else {
		if (status >= 300)
			return 0;
		fail(err, "%s: the answer is not JSON; is this a master?",
		    c->http->base);
	}
	err->code = EPROTO;
	return -1;
}

int
http_call(struct http *h, const char *method, const char *path,
    const json_t *body, json_t **answer, struct error *err)
{
	char *text = NULL;
	struct call c;
	int status;

	*answer = NULL;
	call_begin(&c, h, path);
	if (body) {
		text = json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY);
		if (!text)
			abort();
		c.headers = curl_slist_append(
		    c.headers, "Content-Type: application/json");
		curl_easy_setopt(h->easy, CURLOPT_POSTFIELDS, text);
		curl_easy_setopt(h->easy, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)strlen(text));
	} else if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
		curl_easy_setopt(h->easy, CURLOPT_POSTFIELDS, "");
	}
	if (strcmp(method, "HEAD") == 0)
		curl_easy_setopt(h->easy, CURLOPT_NOBODY, 1L);
	else
		curl_easy_setopt(h->easy, CURLOPT_CUSTOMREQUEST, method);
	status = call_do(&c, err);
	if (status >= 0 && parse_answer(&c, status, answer, err) < 0)
		status = -1;
	call_end(&c);
	free(text);
	return status;
}

/* A GET with its headers set: what isn't 2xx is told in err. */
static int
get(struct call *c, struct error *err)
{
	json_t *answer = NULL;
	struct error ignored;
	int status;

	let_it_take_time(c->http);
	status = call_do(c, err);
	if (status >= 0 && (status < 200 || status > 299)) {
		parse_answer(c, status, &answer, &ignored);
		http_problem(status, answer, NULL, err);
		json_decref(answer);
	}
	call_end(c);
	return status;
}

int
http_get(
    struct http *h, const char *path, int fd, int64_t max, struct error *err)
{
	struct call c;

	call_begin(&c, h, path);
	c.to = fd;
	c.max = max;
	return get(&c, err);
}

int
http_stream(struct http *h, const char *path, const char *last,
    bool (*take)(void *ctx, const char *p, size_t n), void *ctx,
    struct error *err)
{
	char header[128];
	struct call c;

	call_begin(&c, h, path);
	c.take = take;
	c.take_ctx = ctx;
	if (last && *last) {
		snprintf(header, sizeof(header), "Last-Event-ID: %s", last);
		c.headers = curl_slist_append(c.headers, header);
	}
	return get(&c, err);
}

int
http_put(struct http *h, const char *path, int fd, int64_t offset, int64_t size,
    json_t **answer, struct error *err)
{
	struct call c;
	int status;

	*answer = NULL;
	call_begin(&c, h, path);
	c.from = fd;
	c.at = c.start = offset;
	c.left = c.size = size;
	c.headers = curl_slist_append(
	    c.headers, "Content-Type: application/octet-stream");
	curl_easy_setopt(h->easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(h->easy, CURLOPT_READFUNCTION, give_body);
	curl_easy_setopt(h->easy, CURLOPT_READDATA, &c);
	curl_easy_setopt(h->easy, CURLOPT_SEEKFUNCTION, seek_body);
	curl_easy_setopt(h->easy, CURLOPT_SEEKDATA, &c);
	curl_easy_setopt(h->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)size);
	let_it_take_time(h);
	status = call_do(&c, err);
	if (status >= 0 && parse_answer(&c, status, answer, err) < 0)
		status = -1;
	call_end(&c);
	return status;
}

const char *
http_header(const struct http *h, const char *name)
{
	struct curl_header *header;

	if (curl_easy_header(h->easy, name, 0, CURLH_HEADER, -1, &header) !=
	    CURLHE_OK)
		return "";
	return header->value;
}

/* ---- before a master is known -------------------------------------------- */

static size_t
take_plain(char *data, size_t one, size_t n, void *ctx)
{
	return buf_add(ctx, data, one * n) == 0 ? one * n : 0;
}

int
http_get_unverified(
    const char *url, long timeout, struct buf *out, struct error *err)
{
	char detail[CURL_ERROR_SIZE];
	CURL *easy;
	CURLcode code;
	long status = 0;

	if (strncmp(url, "https://", strlen("https://")) != 0)
		return fail(err,
		    "master \"%s\": the address must begin with https://", url);
	net_init();
	easy = curl_easy_init();
	if (!easy)
		return fail(err, "libcurl gives no handle");
	setup_common(easy, detail);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(
	    easy, CURLOPT_TIMEOUT, timeout > 0 ? timeout : (long)TIMEOUT);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_plain);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, out);
	code = curl_easy_perform(easy);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	if (code != CURLE_OK)
		(void)fail_curl(easy, url, code, detail, err);
	curl_easy_cleanup(easy);
	return code == CURLE_OK ? (int)status : -1;
}
