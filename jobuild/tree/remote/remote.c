/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "remote.h"
#include "base/digest.h"
#include "tree/git.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BYTES_DEFAULT   ((int64_t)2 << 30)
#define SECONDS_DEFAULT 3600
#define STALL_DEFAULT   60
#define BEAT            1000 /* ms */

/* ---- what a url means -----------------------------------------------------
 */

static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
			      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/* Letters, digits and what more has, and no option. */
static bool
is_word(const char *s, const char *more)
{
	if (*s == '\0' || *s == '-')
		return false;
	for (; *s; s++) {
		if (!strchr(letters, *s) && !strchr(more, *s))
			return false;
	}
	return true;
}

static bool
has_control(const char *s)
{
	for (; *s; s++) {
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return true;
	}
	return false;
}

/* user@host: out gets both; rest of the checks is the caller's. */
static void
split_user(struct arena *a, const char *text, struct remote *out)
{
	const char *at = strrchr(text, '@');

	if (at)
		out->user = arena_strndup(a, text, (size_t)(at - text));
	out->host = at ? at + 1 : text;
}

/* [::1] without its brackets. */
static void
strip_brackets(struct arena *a, struct remote *out)
{
	size_t n = strlen(out->host);

	if (n > 2 && out->host[0] == '[' && out->host[n - 1] == ']')
		out->host = arena_strndup(a, out->host + 1, n - 2);
}

static int
check_ssh(const struct remote *r, struct error *err)
{
	if (r->user && strchr(r->user, ':'))
		return fail(err,
		    "%s@: a password has no place in a tree's URL: ssh uses "
		    "keys",
		    "...");
	if (r->user && !is_word(r->user, "._-"))
		return fail(
		    err, "%s: \"%s\" is no name of a user", r->name, r->user);
	if (!is_word(r->host, "._-:"))
		return fail(
		    err, "%s: \"%s\" is no name of a host", r->name, r->host);
	if (r->port &&
	    (strlen(r->port) > 5 || !is_word(r->port, "") ||
		strspn(r->port, "0123456789") != strlen(r->port)))
		return fail(err, "%s: \"%s\" is no port", r->name, r->port);
	if (*r->path == '\0' || strchr("-:", *r->path))
		return fail(err, "%s: \"%s\" is no path of a repository",
		    r->name, r->path);
	return 0;
}

/*
 * %XX as git reads it: what isn't two digits stays, and so does %00. NULL: a
 * control character came out.
 */
static char *
unescape(struct arena *a, const char *text)
{
	char *out = arena_strdup(a, text), *to = out;
	int high, low;

	for (; *text; text++) {
		high = *text == '%' ? hex_value(text[1]) : -1;
		low = high >= 0 ? hex_value(text[2]) : -1;
		if (low >= 0 && (high | low) != 0) {
			*to++ = (char)(high << 4 | low);
			text += 2;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
	return has_control(out) ? NULL : out;
}

static int
fail_escapes(const char *url, struct error *err)
{
	return fail(err, "%s: its %%XX mean control characters", url);
}

/* ssh://[user@]host[:port]/path */
static int
parse_ssh(
    struct arena *a, const char *url, struct remote *out, struct error *err)
{
	const char *rest = unescape(a, url + strlen("ssh://")), *slash;
	char *host, *colon, *bracket;

	if (!rest)
		return fail_escapes(url, err);
	slash = strchr(rest, '/');
	if (!slash)
		return fail(
		    err, "%s: the path of the repository is missing", url);
	host = arena_strndup(a, rest, (size_t)(slash - rest));
	split_user(a, host, out);
	host = arena_strdup(a, out->host);
	bracket = strrchr(host, ']');
	colon = strrchr(host, ':');
	if (colon && (!bracket || colon > bracket)) {
		*colon = '\0';
		out->port = colon + 1;
	}
	out->host = host;
	strip_brackets(a, out);
	/* /~user/x is relative to a home, as for git */
	out->path = slash[1] == '~' ? slash + 1 : slash;
	return check_ssh(out, err);
}

/* user@host:path; false: is none. */
static bool
is_scp(const char *url)
{
	const char *colon = strchr(url, ':'), *end;

	if (*url == '[' && (end = strchr(url, ']')) != NULL)
		colon = strchr(end, ':');
	return colon && !memchr(url, '/', (size_t)(colon - url)) &&
	    access(url, F_OK) < 0;
}

static int
parse_scp(
    struct arena *a, const char *url, struct remote *out, struct error *err)
{
	const char *from = strchr(url, ']'), *colon;

	colon = strchr(from ? from : url, ':');
	if (!colon)
		return fail(
		    err, "%s: the path of the repository is missing", url);
	split_user(a, arena_strndup(a, url, (size_t)(colon - url)), out);
	strip_brackets(a, out);
	out->path = colon + 1;
	return check_ssh(out, err);
}

static int
parse_https(
    struct arena *a, const char *url, struct remote *out, struct error *err)
{
	const char *host = url + strlen("https://");
	const char *colon = strpbrk(host, ":@/?#");
	size_t n = strlen(url);

	if (colon && *colon == ':') {
		const char *at = strpbrk(colon, "@/?#");

		if (at && *at == '@')
			return fail(err,
			    "https://...@%s: a password has no place in a "
			    "tree's URL, which everybody can read: put it into "
			    "~/.netrc",
			    at + 1);
	}
	if (*host == '\0' || *host == '/' || strpbrk(url, "?# \\"))
		return fail(err, "%s: is no URL of a repository", url);
	while (n > 0 && url[n - 1] == '/')
		n--;
	out->url = arena_strndup(a, url, n);
	return 0;
}

static int
fail_scheme(const char *url, struct error *err)
{
	return fail(err,
	    "%s: trees are fetched from https://, ssh://, user@host:path, "
	    "file:/// and local paths only, not by \"%.*s\"",
	    url, (int)strcspn(url, ":"), url);
}

int
remote_parse(
    struct arena *a, const char *url, struct remote *out, struct error *err)
{
	memset(out, 0, sizeof(*out));
	if (*url == '\0' || *url == '-' || has_control(url))
		return fail(err, "\"%s\" is not a place of a tree",
		    has_control(url) ? "..." : url);
	out->url = out->name = arena_strdup(a, url);
	if (strncmp(url, "https://", 8) == 0) {
		out->kind = REMOTE_HTTPS;
		return parse_https(a, out->name, out, err);
	}
	if (strncmp(url, "ssh://", 6) == 0) {
		out->kind = REMOTE_SSH;
		return parse_ssh(a, out->name, out, err);
	}
	if (strncmp(url, "file:///", 8) != 0 && strstr(url, "://"))
		return fail_scheme(url, err);
	if (strncmp(url, "file:///", 8) != 0 && is_scp(url)) {
		out->kind = REMOTE_SSH;
		out->url = "ssh://host/";
		return parse_scp(a, out->name, out, err);
	}
	out->kind = REMOTE_LOCAL;
	out->path = strncmp(url, "file:///", 8) == 0
	    ? unescape(a, out->name + 7)
	    : out->name;
	return out->path ? 0 : fail_escapes(url, err);
}

/* ---- a fetch's connection -------------------------------------------------
 */

int64_t
link_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void
link_open(struct link *l, const struct remote *r, const struct mirror_conf *c)
{
	memset(l, 0, sizeof(*l));
	l->remote = r;
	l->conf = c;
	l->fd = l->errfd = -1;
	buf_init(&l->said, 4096);
	l->deadline =
	    link_now() + 1000 * (c->seconds > 0 ? c->seconds : SECONDS_DEFAULT);
}

int
link_register(struct link *l, struct error *err)
{
	bool https = l->remote->kind == REMOTE_HTTPS;

	l->how.callback = https ? https_new : ssh_new;
	l->how.rpc = https;
	l->how.param = l;
	if (l->remote->kind != REMOTE_LOCAL &&
	    git_transport_register(
		https ? "https" : "ssh", git_transport_smart, &l->how) < 0)
		return git_fail(err, "%s", l->remote->name);
	return 0;
}

void
link_close(struct link *l)
{
	if (l->how.callback && l->remote->kind != REMOTE_LOCAL)
		(void)git_transport_unregister(
		    l->remote->kind == REMOTE_HTTPS ? "https" : "ssh");
	https_release(l);
	ssh_release(l);
	buf_release(&l->said);
	arena_release(&l->arena);
}

int
link_fail(struct link *l, struct error *err)
{
	if (!l->err.msg[0])
		return git_fail(err, "%s", l->remote->name);
	*err = l->err;
	return -1;
}

int
link_broke(struct link *l, const char *fmt, ...)
{
	char text[sizeof(l->err.msg)];
	va_list ap;

	git_error_set_str(GIT_ERROR_NET, "the connection broke");
	if (l->err.msg[0])
		return -1;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return fail(&l->err, "%s: %s", l->remote->name, text);
}

long
link_stall(const struct link *l)
{
	return l->conf->stall > 0 ? (long)l->conf->stall : STALL_DEFAULT;
}

void
link_beat(struct link *l)
{
	int64_t now = link_now();

	if (!l->conf->beat || now - l->beaten < BEAT)
		return;
	l->beaten = now;
	l->conf->beat(l->conf->beat_ctx);
}

int
link_count(struct link *l, size_t n)
{
	int64_t max =
	    l->conf->max_bytes > 0 ? l->conf->max_bytes : BYTES_DEFAULT;

	if (n > 0)
		link_beat(l);
	if (l->conf->tell)
		l->conf->tell(l->conf->tell_ctx, l->done, l->total);
	l->received += (int64_t)n;
	if (l->received > max)
		return link_broke(l,
		    "sends more than the %" PRId64
		    " bytes that one fetch may have",
		    max);
	if (link_now() > l->deadline)
		return link_broke(l, "the fetch took longer than %" PRId64 " s",
		    l->conf->seconds > 0 ? l->conf->seconds
					 : (int64_t)SECONDS_DEFAULT);
	return 0;
}
