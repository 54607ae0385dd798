/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the URI that a recipe names to the URLs that are really asked, and
 * what libcurl may do with them: only the schemes of the format, redirects
 * only to https, file:// only below a configured mirror.
 */
#ifndef NET_URL_H
#define NET_URL_H

#include "net/fetch.h"

#include <curl/curl.h>

struct arena;
struct error;

struct urls {
	const char **list;
	size_t n;
};

/*
 * Append the URLs for uri. -1 with ENOTSUP when the URI can never be fetched
 * (scheme, form), ENOENT when only this machine can't (unknown mirror).
 */
int urls_add(struct arena *a, const struct fetch_conf *c, const char *uri,
    struct urls *out, struct error *err);

/* Does an HTTP answer with status codes come for this URL? */
bool url_is_http(const char *url);

/*
 * What every transfer of url has in common: schemes, redirects, time-outs. A
 * source comes without any right of ours: no cookies, no passwords.
 */
int url_setup(
    CURL *easy, const struct fetch_conf *c, const char *url, struct error *err);

/* curl_global_init() once in a process. */
void net_init(void);

/*
 * Proxies are taken from the environment, as users expect it, but never for
 * this machine itself, which many set-ups forget to except.
 */
void net_no_proxy(CURL *easy);

/* Longest text of url_reason() with its NUL. */
#define URL_REASON_MAX (CURL_ERROR_SIZE + 64)

/* Why a transfer failed, in words: curl's own, the status, or what's known. */
void url_reason(
    CURL *easy, CURLcode code, const char *detail, char out[URL_REASON_MAX]);

#endif
