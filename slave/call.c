/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slave/call.h"
#include "slave/conf.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "net/url.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MAX (16 << 20)
#define NAMES      16 /* of the certificate's file */

struct call {
	struct arena arena; /* this too */
	CURL *easy;
	struct curl_slist *headers;
	char *body;
	int fd;
	int64_t offset, left;
	struct buf answer;
	char error[CURL_ERROR_SIZE];
	void (*done)(void *ctx, const struct answer *answer);
	void *ctx;
};

void
call_setup(CURL *easy, const struct calls *c)
{
	curl_easy_setopt(easy, CURLOPT_CAINFO, c->ca);
	/* no public CA is believed as well */
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_SSLCERT, c->cert);
	curl_easy_setopt(easy, CURLOPT_SSLKEY, c->key);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, 15L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "autotua-slave/" VERSION);
	net_no_proxy(easy);
}

int
calls_open(struct calls *c, const struct slave_conf *conf, struct arena *a,
    struct error *err)
{
	size_t n = strlen(conf->url);

	while (n > 0 && conf->url[n - 1] == '/')
		n--;
	c->url = arena_strndup(a, conf->url, n);
	c->ca = conf_path(conf, a, "ca.pem");
	c->cert = conf_path(conf, a, "cert.pem");
	c->key = conf_path(conf, a, "key.pem");
	net_init();
	c->multi = curl_multi_init();
	if (!c->multi)
		return fail(err, "libcurl has no memory");
	return 0;
}

/*
 * libcurl takes a kept connection for a call if, among others, the name of its
 * certificate's file is the same. So the file gets another name, which comes
 * again when the connections of that time are long closed.
 */
void
calls_renew(struct calls *c, const struct slave_conf *conf, struct arena *a)
{
	const char *name = "cert.pem";
	unsigned i;

	c->renewed = (c->renewed + 1) % NAMES;
	for (i = 0; i < c->renewed; i++)
		name = arena_printf(a, "./%s", name);
	c->cert = conf_path(conf, a, name);
}

void
calls_close(struct calls *c)
{
	curl_multi_cleanup(c->multi);
	c->multi = NULL;
}

static size_t
on_answer(char *p, size_t size, size_t n, void *ctx)
{
	struct call *call = ctx;

	return buf_add(&call->answer, p, size * n) < 0 ? 0 : size * n;
}

/* Gives the upload's bytes; a file that became shorter ends the call. */
static size_t
on_upload(char *p, size_t size, size_t n, void *ctx)
{
	struct call *call = ctx;
	size_t want = size * n;
	ssize_t got;

	if ((int64_t)want > call->left)
		want = (size_t)call->left;
	if (want == 0)
		return 0;
	got = pread(call->fd, p, want, call->offset);
	if (got <= 0)
		return CURL_READFUNC_ABORT;
	call->offset += got;
	call->left -= got;
	return (size_t)got;
}

static int
on_seek(void *ctx, curl_off_t offset, int origin)
{
	(void)ctx;
	(void)offset;
	(void)origin;
	return CURL_SEEKFUNC_FAIL; /* the whole call is tried again instead */
}

static void
set_body(struct call *call, const struct call_request *r)
{
	if (r->body) {
		call->body = json_dumps(r->body, JSON_COMPACT);
		curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, call->body);
		call->headers = curl_slist_append(
		    call->headers, "Content-Type: application/json");
	} else if (strcmp(r->method, "PUT") == 0) {
		call->fd = fcntl(r->fd, F_DUPFD_CLOEXEC, 3);
		call->offset = r->offset;
		call->left = r->size;
		curl_easy_setopt(call->easy, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(
		    call->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->size);
		curl_easy_setopt(call->easy, CURLOPT_READFUNCTION, on_upload);
		curl_easy_setopt(call->easy, CURLOPT_READDATA, call);
		curl_easy_setopt(call->easy, CURLOPT_SEEKFUNCTION, on_seek);
		call->headers = curl_slist_append(
		    call->headers, "Content-Type: application/octet-stream");
	}
	/* no "100 Continue": it costs a turn and saves nothing here */
	call->headers = curl_slist_append(call->headers, "Expect:");
}

/* A slow line may take its time as long as something moves. */
static void
set_patience(struct call *call, const struct call_request *r)
{
	if (strcmp(r->method, "PUT") == 0) {
		curl_easy_setopt(call->easy, CURLOPT_LOW_SPEED_LIMIT, 100L);
		curl_easy_setopt(call->easy, CURLOPT_LOW_SPEED_TIME, 60L);
		return;
	}
	curl_easy_setopt(
	    call->easy, CURLOPT_TIMEOUT, r->timeout ? r->timeout : 60L);
}

struct call *
call_start(struct calls *c, const struct call_request *r)
{
	struct arena a = {0};
	struct call *call = arena_new(&a, struct call);

	call->easy = curl_easy_init();
	if (!call->easy)
		abort();
	call->fd = -1;
	call->done = r->done;
	call->ctx = r->ctx;
	buf_init(&call->answer, ANSWER_MAX);
	call_setup(call->easy, c);
	curl_easy_setopt(call->easy, CURLOPT_URL,
	    arena_printf(&a, "%s/api/v1/%s", c->url, r->path));
	if (strcmp(r->method, "HEAD") == 0)
		curl_easy_setopt(call->easy, CURLOPT_NOBODY, 1L);
	set_body(call, r);
	set_patience(call, r);
	curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
	curl_easy_setopt(call->easy, CURLOPT_ERRORBUFFER, call->error);
	curl_easy_setopt(call->easy, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call);
	curl_multi_add_handle(c->multi, call->easy);
	call->arena = a;
	return call;
}

static void
release(struct call *call)
{
	struct arena a = call->arena;

	curl_easy_cleanup(call->easy);
	curl_slist_free_all(call->headers);
	free(call->body);
	if (call->fd >= 0)
		close(call->fd);
	buf_release(&call->answer);
	arena_release(&a);
}

void
call_cancel(struct calls *c, struct call *call)
{
	if (!call)
		return;
	curl_multi_remove_handle(c->multi, call->easy);
	release(call);
}

void
call_redirect(
    struct call *call, void (*done)(void *ctx, const struct answer *answer))
{
	call->done = done;
}

/* Fill in what a problem document says; the texts are json's. */
static void
read_problem(struct answer *answer)
{
	const char *text;

	if (answer->status < 400)
		return;
	answer->code = json_string_value(json_object_get(answer->json, "code"));
	text = json_string_value(json_object_get(answer->json, "detail"));
	if (!text)
		text =
		    json_string_value(json_object_get(answer->json, "title"));
	answer->text = text ? text : "the master gave no reason";
	if (!answer->code)
		answer->code = "";
}

/* How much of an upload the master has. */
static int64_t
upload_offset(const struct call *call)
{
	struct curl_header *h;

	if (curl_easy_header(call->easy, "Upload-Offset", 0, CURLH_HEADER, -1,
		&h) != CURLHE_OK)
		return 0;
	return strtoll(h->value, NULL, 10);
}

static void
finish(struct calls *c, struct call *call, CURLcode code)
{
	struct answer answer = {.code = "", .text = ""};
	char why[URL_REASON_MAX];
	curl_off_t up = 0, down = 0;
	long status = 0;

	if (code == CURLE_OK)
		curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	answer.status = (int)status;
	if (code != CURLE_OK) {
		url_reason(call->easy, code, call->error, why);
		answer.text = why;
	} else if (call->answer.len > 0) {
		answer.json = json_loadb(call->answer.data, call->answer.len,
		    JSON_REJECT_DUPLICATES, NULL);
	}
	read_problem(&answer);
	answer.offset = upload_offset(call);
	curl_easy_getinfo(call->easy, CURLINFO_SIZE_UPLOAD_T, &up);
	curl_easy_getinfo(call->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
	c->moved += up + down;
	curl_multi_remove_handle(c->multi, call->easy);
	call->done(call->ctx, &answer);
	json_decref(answer.json);
	release(call);
}

void
calls_wait(
    struct calls *c, struct curl_waitfd extra[], unsigned n, int timeout_ms)
{
	CURLMcode rc;

	rc = curl_multi_poll(c->multi, extra, n, timeout_ms, NULL);
	if (rc != CURLM_OK)
		log_err("poll: %s", curl_multi_strerror(rc));
}

void
calls_turn(struct calls *c)
{
	struct call *call;
	int running, left;
	CURLMsg *msg;

	curl_multi_perform(c->multi, &running);
	while ((msg = curl_multi_info_read(c->multi, &left)) != NULL) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(
		    msg->easy_handle, CURLINFO_PRIVATE, (char **)&call);
		finish(c, call, msg->data.result);
	}
}
