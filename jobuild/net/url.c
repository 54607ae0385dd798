/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/url.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "base/noproxy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <strings.h>

#define STALL_BYTES     1024 /* a second; slower is no transfer */
#define STALL_SECONDS   60
#define CONNECT_SECONDS 30
#define REDIRECTS_MAX   5

void
net_init(void)
{
	static bool done;

	if (!done && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		log_crit("libcurl can't be initialised");
		abort();
	}
	done = true;
}

void
net_no_proxy(CURL *easy)
{
	char list[NOPROXY_MAX];
	const char *hosts = noproxy_list(list);

	if (hosts)
		curl_easy_setopt(easy, CURLOPT_NOPROXY, hosts);
}

static bool
has_scheme(const char *s, const char *scheme)
{
	size_t n = strlen(scheme);

	return strncmp(s, scheme, n) == 0 && strncmp(s + n, "://", 3) == 0;
}

bool
url_is_http(const char *url)
{
	return has_scheme(url, "https") || has_scheme(url, "http");
}

/*
 * A path below a mirror stays below it: no "." or ".." between slashes, not
 * percent-encoded either, no query, nothing that isn't printable.
 */
static bool
path_is_plain(const char *path)
{
	size_t dots = 0, others = 0;

	for (;; path++) {
		if (*path == '/' || *path == '\0') {
			if (others == 0 && dots > 0 && dots <= 2)
				return false;
			dots = others = 0;
		} else if (strncasecmp(path, "%2e", 3) == 0) {
			dots++;
			path += 2;
		} else if (strncasecmp(path, "%2f", 3) == 0 ||
		    strncmp(path, "%00", 3) == 0 || *path == '\\' ||
		    *path == '?' || *path == '#' ||
		    (unsigned char)*path <= ' ' || *path == 0x7f) {
			return false;
		} else if (*path == '.') {
			dots++;
		} else {
			others++;
		}
		if (*path == '\0')
			return true;
	}
}

static void
append(struct arena *a, struct urls *u, const char *url)
{
	size_t i;

	for (i = 0; i < u->n; i++) {
		if (strcmp(u->list[i], url) == 0)
			return;
	}
	u->list = arena_grow(a, u->list, u->n, sizeof(*u->list));
	u->list[u->n++] = url;
}

static int
never(struct error *err)
{
	err->code = ENOTSUP;
	return -1;
}

/* The base of a configuration line "NAME BASE-URL" if it is for this name. */
static const char *
mirror_base(const char *line, const char *name, size_t len)
{
	if (strncmp(line, name, len) != 0 || strchr(" \t", line[len]) == NULL ||
	    line[len] == '\0')
		return NULL;
	line += len;
	return line + strspn(line, " \t");
}

static bool
base_is_usable(const char *base)
{
	return url_is_http(base) || has_scheme(base, "ftp") ||
	    (has_scheme(base, "file") && base[strlen("file://")] == '/');
}

static int
add_mirrors(struct arena *a, const struct fetch_conf *c, const char *uri,
    struct urls *out, struct error *err)
{
	const char *name = uri + strlen("mirror://"), *base;
	size_t i, len = strcspn(name, "/"), known = 0, slashes;

	if (len == 0 || name[len] != '/' || !path_is_plain(name + len)) {
		fail(err, "%s: write mirror://NAME/path, without . or ..", uri);
		return never(err);
	}
	for (i = 0; i < c->mirrors.n; i++) {
		base = mirror_base(c->mirrors.items[i], name, len);
		if (!base)
			continue;
		if (!base_is_usable(base))
			return fail(err,
			    "mirror \"%s\": the base must begin with https://, "
			    "http://, ftp:// or file:///",
			    c->mirrors.items[i]);
		known++;
		slashes = strlen(base);
		while (slashes > 0 && base[slashes - 1] == '/')
			slashes--;
		append(a, out,
		    arena_printf(a, "%.*s%s", (int)slashes, base, name + len));
	}
	if (known > 0)
		return 0;
	fail(err,
	    "%s: no mirror of that name is configured here; "
	    "add \"mirror = %.*s https://...\"",
	    uri, (int)len, name);
	err->code = ENOENT;
	return -1;
}

int
urls_add(struct arena *a, const struct fetch_conf *c, const char *uri,
    struct urls *out, struct error *err)
{
	if (has_scheme(uri, "mirror"))
		return add_mirrors(a, c, uri, out, err);
	if (has_scheme(uri, "git+https")) {
		fail(err,
		    "%s: git sources can't be fetched; name a release "
		    "tarball",
		    uri);
		return never(err);
	}
	if (url_is_http(uri) || has_scheme(uri, "ftp")) {
		append(a, out, arena_strdup(a, uri));
		return 0;
	}
	if (has_scheme(uri, "file"))
		fail(err,
		    "%s: a recipe can't name files of a machine; use "
		    "mirror://NAME/path",
		    uri);
	else
		fail(err,
		    "%s: write https://, http://, ftp:// or "
		    "mirror://NAME/path",
		    uri);
	return never(err);
}

int
url_setup(
    CURL *easy, const struct fetch_conf *c, const char *url, struct error *err)
{
	const char *schemes = "https,http";
	long stall = c->stall > 0 ? (long)c->stall : STALL_SECONDS;

	if (has_scheme(url, "ftp"))
		schemes = "ftp";
	else if (has_scheme(url, "file"))
		schemes = "file";
	if (curl_easy_setopt(easy, CURLOPT_URL, url) != CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, schemes) !=
		CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "https") !=
		CURLE_OK)
		return fail(err, "%s: libcurl can't do that", url);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
	curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT,
	    stall < CONNECT_SECONDS ? stall : (long)CONNECT_SECONDS);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, stall);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "autotua/" VERSION);
	net_no_proxy(easy);
	return 0;
}

void
url_reason(
    CURL *easy, CURLcode code, const char *detail, char out[URL_REASON_MAX])
{
	time_t now = time(NULL);
	char clock[32] = "";
	long status = 0;
	struct tm tm;

	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	if (!detail || !*detail)
		detail = curl_easy_strerror(code);
	if (code == CURLE_HTTP_RETURNED_ERROR) {
		snprintf(out, URL_REASON_MAX, "HTTP %ld", status);
	} else if (code == CURLE_UNSUPPORTED_PROTOCOL) {
		snprintf(out, URL_REASON_MAX,
		    "redirected to something else than https");
	} else if (code == CURLE_PEER_FAILED_VERIFICATION &&
	    gmtime_r(&now, &tm) &&
	    strftime(clock, sizeof(clock), "%Y-%m-%d %H:%M UTC", &tm) > 0) {
		/* certificates hold for a time, which not all libraries say */
		snprintf(out, URL_REASON_MAX,
		    "%s (it is %s by this machine's clock)", detail, clock);
	} else {
		snprintf(out, URL_REASON_MAX, "%s", detail);
	}
}
