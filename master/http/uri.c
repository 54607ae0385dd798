/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/http/request.h"
#include "base/digest.h"

#include <string.h>

/* Decode n bytes; NULL when an escape is broken or stands for a control. */
static const char *
decode(struct arena *a, const char *s, size_t n)
{
	char *out = arena_alloc(a, n + 1, 1);
	size_t i, len = 0;
	int high, low;

	for (i = 0; i < n; i++) {
		if (s[i] != '%') {
			out[len++] = s[i];
			continue;
		}
		high = i + 1 < n ? hex_value(s[i + 1]) : -1;
		low = i + 2 < n ? hex_value(s[i + 2]) : -1;
		if (high < 0 || low < 0)
			return NULL;
		out[len] = (char)(high * 16 + low);
		if ((unsigned char)out[len] < 0x20 || out[len] == 0x7f)
			return NULL;
		len++;
		i += 2;
	}
	return out;
}

static const char *
parse_path(struct request *r, const char *s, size_t n)
{
	const char *end = s + n, *slash;

	if (n == 0 || *s != '/')
		return "the path must begin with a slash";
	while (s < end) {
		s++;
		slash = memchr(s, '/', (size_t)(end - s));
		if (!slash)
			slash = end;
		if (slash == s && slash == end && r->npath == 0)
			return NULL;
		if (r->npath == REQUEST_SEGMENTS)
			return "the path has too many parts";
		r->path[r->npath] = decode(&r->arena, s, (size_t)(slash - s));
		if (!r->path[r->npath])
			return "the path has a broken or forbidden escape";
		r->npath++;
		s = slash;
	}
	return NULL;
}

static const char *
parse_query(struct request *r, const char *s)
{
	const char *end, *eq;
	struct query *q;

	for (; *s; s = *end ? end + 1 : end) {
		end = s + strcspn(s, "&");
		if (end == s)
			continue;
		eq = memchr(s, '=', (size_t)(end - s));
		if (r->nquery == REQUEST_QUERY)
			return "the query has too many parts";
		q = &r->query[r->nquery++];
		q->name = decode(&r->arena, s, (size_t)((eq ? eq : end) - s));
		q->value =
		    eq ? decode(&r->arena, eq + 1, (size_t)(end - eq - 1)) : "";
		if (!q->name || !q->value)
			return "the query has a broken or forbidden escape";
	}
	return NULL;
}

const char *
request_parse_uri(struct request *r, const char *uri)
{
	size_t n = strcspn(uri, "?");
	const char *bad, *p;

	for (p = uri; *p; p++) {
		if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f ||
		    *p == '#')
			return "the URI has a byte that must be escaped";
	}
	bad = parse_path(r, uri, n);
	if (bad)
		return bad;
	return uri[n] ? parse_query(r, uri + n + 1) : NULL;
}

const char *
request_query(const struct request *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->nquery; i++) {
		if (strcmp(r->query[i].name, name) == 0)
			return r->query[i].value;
	}
	return NULL;
}
