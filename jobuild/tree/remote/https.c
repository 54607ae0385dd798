/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Git's smart protocol over HTTPS: one GET for the list of refs, one POST for
 * each step after it. libgit2 pulls: libcurl works only while libgit2 waits
 * and nothing is left of what came, so that a pack is never held as a whole.
 * Redirects are followed for the GET alone, to https alone; the POSTs go where
 * it ended.
 */
#include "remote.h"
#include "base/noproxy.h"
#include "base/show.h"

#include <curl/curl.h>
#include <string.h>

#define CONNECT_SECONDS 30
#define REDIRECTS_MAX   5
#define REFS_MAX        (64 << 20) /* bytes of the list of refs */
#define CHUNKS_MAX      (16 << 20) /* bytes that one step of libcurl may give */
#define ASK             "/info/refs?service=git-upload-pack"

struct web {
	CURLM *multi;
	CURL *easy;
	struct curl_slist *headers;
	const char *base; /* where the repository turned out to be */
	const char *type; /* what the answer must be */
	bool posts;       /* this is a POST */
	bool added, running, begun;
	struct buf in, out;
	size_t taken;  /* of in */
	int64_t first; /* link's count when the request began */
	char detail[CURL_ERROR_SIZE];
};

/* ---- why it failed --------------------------------------------------------
 */

static int
fail_status(struct link *l, long status)
{
	switch (status) {
	case 401:
	case 403:
		return link_broke(l,
		    "the server wants to know who asks (HTTP %ld): is the URL "
		    "right? For a private tree, put user and password into "
		    "~/.netrc of the user that runs this",
		    status);
	case 404:
	case 410:
		return link_broke(l,
		    "there is no git repository there (HTTP %ld): is the URL "
		    "right?",
		    status);
	default:
		break;
	}
	if (status >= 300 && status < 400)
		return link_broke(l,
		    "the server redirects in the middle of a fetch (HTTP "
		    "%ld), which isn't followed",
		    status);
	return link_broke(l, "the server fails (HTTP %ld)%s", status,
	    status >= 500 ? ": try again later" : "");
}

static int
fail_code(struct link *l, CURLcode code)
{
	const char *why =
	    show(&l->arena, l->web->detail, strlen(l->web->detail));

	if (!*why)
		why = curl_easy_strerror(code);
	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
		return link_broke(l,
		    "the server's certificate isn't accepted (%s): if a CA of "
		    "your own signed it, add that to the system's "
		    "certificates or configure its file",
		    why);
	case CURLE_SSL_CACERT_BADFILE:
		return link_broke(l,
		    "the file of CA certificates %s can't be "
		    "used: %s",
		    l->conf->ca ? l->conf->ca : "of the system", why);
	case CURLE_UNSUPPORTED_PROTOCOL:
		return link_broke(l,
		    "the server redirects to something else than https, which "
		    "isn't followed");
	case CURLE_TOO_MANY_REDIRECTS:
		return link_broke(l, "more than %d redirects", REDIRECTS_MAX);
	case CURLE_OPERATION_TIMEDOUT:
		return link_broke(
		    l, "the connection stalled: %s; try again later", why);
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
		return link_broke(
		    l, "the connection broke: %s; try again", why);
	default:
		return link_broke(l, "%s", why);
	}
}

/* The request is over: was it good? */
static int
judge(struct link *l, CURLcode code)
{
	long status = 0;

	curl_easy_getinfo(l->web->easy, CURLINFO_RESPONSE_CODE, &status);
	if (l->err.msg[0])
		return link_broke(l, "broken");
	if (status >= 300 &&
	    (code == CURLE_OK || code == CURLE_HTTP_RETURNED_ERROR))
		return fail_status(l, status);
	if (code != CURLE_OK)
		return fail_code(l, code);
	return 0;
}

/* ---- what comes -----------------------------------------------------------
 */

/* Before the first byte: is it git that answers? */
static int
begin_body(struct link *l)
{
	const char *type = NULL, *url = NULL;
	size_t n, tail = strlen(ASK);
	long status = 0;

	l->web->begun = true;
	curl_easy_getinfo(l->web->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		return fail_status(l, status);
	curl_easy_getinfo(l->web->easy, CURLINFO_CONTENT_TYPE, &type);
	if (!type || strcmp(type, l->web->type) != 0)
		return link_broke(l,
		    "what answers there is no git server (its type is %s): is "
		    "the URL right?",
		    type ? show(&l->arena, type, strnlen(type, 60))
			 : "unknown");
	if (l->web->posts)
		return 0;
	curl_easy_getinfo(l->web->easy, CURLINFO_EFFECTIVE_URL, &url);
	n = url ? strlen(url) : 0;
	if (n <= tail || strcmp(url + n - tail, ASK) != 0)
		return link_broke(l,
		    "the server redirects to %s, which is no repository",
		    url ? show(&l->arena, url, strnlen(url, 100)) : "nowhere");
	l->web->base = arena_strndup(&l->arena, url, n - tail);
	return 0;
}

static size_t
take_body(char *data, size_t one, size_t n, void *ctx)
{
	struct link *l = ctx;
	struct web *w = l->web;

	n *= one;
	if (!w->begun && begin_body(l) < 0)
		return 0;
	if (link_count(l, n) < 0)
		return 0;
	if (!w->posts && l->received - w->first > REFS_MAX) {
		link_broke(l,
		    "its list of branches and tags is longer than "
		    "%d bytes",
		    REFS_MAX);
		return 0;
	}
	if (buf_add(&w->in, data, n) < 0) {
		link_broke(l, "sends faster than it is taken");
		return 0;
	}
	return n;
}

/* ---- requests -------------------------------------------------------------
 */

static void
forget(struct web *w)
{
	if (w->added)
		curl_multi_remove_handle(w->multi, w->easy);
	w->added = w->running = w->begun = false;
	curl_slist_free_all(w->headers);
	w->headers = NULL;
	w->in.len = w->out.len = w->taken = 0;
}

static int
set_common(struct link *l, const char *url)
{
	char list[NOPROXY_MAX];
	CURL *easy = l->web->easy;
	long stall = link_stall(l);
	const char *hosts = noproxy_list(list);

	curl_easy_reset(easy);
	if (curl_easy_setopt(easy, CURLOPT_URL, url) != CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https") !=
		CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "https") !=
		CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_SSLVERSION,
		(long)CURL_SSLVERSION_TLSv1_2) != CURLE_OK ||
	    (l->conf->ca &&
		curl_easy_setopt(easy, CURLOPT_CAINFO, l->conf->ca) !=
		    CURLE_OK))
		return link_broke(l, "libcurl can't do https");
	if (hosts)
		curl_easy_setopt(easy, CURLOPT_NOPROXY, hosts);
	curl_easy_setopt(
	    easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT,
	    stall < CONNECT_SECONDS ? stall : (long)CONNECT_SECONDS);
	/* a server that counts objects sends a few bytes now and then */
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, stall);
	/* servers know clients by this word */
	curl_easy_setopt(
	    easy, CURLOPT_USERAGENT, "git/2.0 (autotua " VERSION ")");
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, l->web->detail);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, l);
	l->web->detail[0] = '\0';
	l->web->first = l->received;
	return 0;
}

static int
set_get(struct link *l)
{
	const char *url = arena_printf(&l->arena, "%s" ASK, l->remote->url);

	if (set_common(l, url) < 0)
		return -1;
	l->web->type = "application/x-git-upload-pack-advertisement";
	curl_easy_setopt(l->web->easy, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(l->web->easy, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
	return 0;
}

static int
set_post(struct link *l)
{
	struct web *w = l->web;
	const char *url =
	    arena_printf(&l->arena, "%s/git-upload-pack", w->base);

	if (set_common(l, url) < 0)
		return -1;
	w->type = "application/x-git-upload-pack-result";
	w->headers = curl_slist_append(
	    NULL, "Content-Type: application/x-git-upload-pack-request");
	w->headers = curl_slist_append(w->headers, "Expect:");
	curl_easy_setopt(w->easy, CURLOPT_HTTPHEADER, w->headers);
	curl_easy_setopt(w->easy, CURLOPT_POST, 1L);
	curl_easy_setopt(
	    w->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)w->out.len);
	curl_easy_setopt(w->easy, CURLOPT_POSTFIELDS, w->out.data);
	return 0;
}

static int
start(struct link *l)
{
	struct web *w = l->web;

	if ((w->posts ? set_post(l) : set_get(l)) < 0)
		return -1;
	if (curl_multi_add_handle(w->multi, w->easy) != CURLM_OK)
		return link_broke(l, "libcurl takes no request");
	w->added = w->running = true;
	return 0;
}

/* Let libcurl work until something came or the request is over. */
static int
work(struct link *l)
{
	struct web *w = l->web;
	CURLMsg *m;
	int running, left;

	w->in.len = w->taken = 0;
	while (w->running && w->in.len == 0) {
		if (curl_multi_perform(w->multi, &running) != CURLM_OK)
			return link_broke(l, "libcurl doesn't work");
		while ((m = curl_multi_info_read(w->multi, &left)) != NULL) {
			if (m->msg != CURLMSG_DONE)
				continue;
			w->running = false;
			if (judge(l, m->data.result) < 0)
				return -1;
		}
		if (link_count(l, 0) < 0)
			return -1;
		if (w->running && w->in.len == 0)
			(void)curl_multi_poll(w->multi, NULL, 0, 1000, NULL);
	}
	return 0;
}

/* ---- what libgit2 calls ---------------------------------------------------
 */

static int
web_read(git_smart_subtransport_stream *s, char *out, size_t size, size_t *n)
{
	struct link *l = (struct link *)(void *)s->subtransport;
	struct web *w = l->web;

	*n = 0;
	if (!w->added && start(l) < 0)
		return -1;
	if (w->taken == w->in.len && work(l) < 0)
		return -1;
	*n = w->in.len - w->taken < size ? w->in.len - w->taken : size;
	if (*n > 0)
		memcpy(out, w->in.data + w->taken, *n);
	w->taken += *n;
	return 0;
}

static int
web_write(git_smart_subtransport_stream *s, const char *data, size_t n)
{
	struct link *l = (struct link *)(void *)s->subtransport;

	if (l->web->added || buf_add(&l->web->out, data, n) < 0)
		return link_broke(l, "the request is too large");
	return 0;
}

static void
web_end(git_smart_subtransport_stream *s)
{
	struct link *l = (struct link *)(void *)s->subtransport;

	forget(l->web);
}

static int
web_action(git_smart_subtransport_stream **out, git_smart_subtransport *t,
    const char *url, git_smart_service_t what)
{
	struct link *l = (struct link *)(void *)t;

	(void)url;
	if (what != GIT_SERVICE_UPLOADPACK_LS && what != GIT_SERVICE_UPLOADPACK)
		return link_broke(l, "is only read from");
	forget(l->web);
	l->web->posts = what == GIT_SERVICE_UPLOADPACK;
	if (l->web->posts && !l->web->base)
		return link_broke(l, "was asked for objects before branches");
	l->stream.subtransport = t;
	l->stream.read = web_read;
	l->stream.write = web_write;
	l->stream.free = web_end;
	*out = &l->stream;
	return 0;
}

static int
web_close(git_smart_subtransport *t)
{
	(void)t; /* the connection is kept for the next request */
	return 0;
}

static void
web_free(git_smart_subtransport *t)
{
	https_release((struct link *)(void *)t);
}

int
https_new(git_smart_subtransport **out, git_transport *owner, void *ctx)
{
	struct link *l = ctx;

	(void)owner;
	https_release(l);
	l->web = arena_new(&l->arena, struct web);
	buf_init(&l->web->in, CHUNKS_MAX);
	buf_init(&l->web->out, CHUNKS_MAX);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) {
		l->web->multi = curl_multi_init();
		l->web->easy = curl_easy_init();
	}
	if (!l->web->multi || !l->web->easy)
		return link_broke(l, "libcurl can't be started");
	l->transport.action = web_action;
	l->transport.close = web_close;
	l->transport.free = web_free;
	*out = &l->transport;
	return 0;
}

void
https_release(struct link *l)
{
	struct web *w = l->web;

	if (!w)
		return;
	forget(w);
	curl_easy_cleanup(w->easy);
	curl_multi_cleanup(w->multi);
	buf_release(&w->out);
	buf_release(&w->in);
	l->web = NULL;
}
