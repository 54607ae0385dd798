/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What anybody may send the master: URI, query, fields of the head. */
#include "master/http/parse.h"
#include "master/http/request.h"
#include "base/arena.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
hold(bool good)
{
	if (!good)
		abort();
}

/* What is taken for a number is one, and no other text is the same one. */
static void
look_at_number(const char *s)
{
	int64_t n = parse_number(s);
	char text[32];

	hold(n >= -1 && n <= PARSE_NUMBER_MAX);
	if (n < 0)
		return;
	while (*s == '0' && s[1])
		s++;
	snprintf(text, sizeof(text), "%" PRId64, n);
	hold(strcmp(text, s) == 0);
}

static void
look_at_range(const char *s, int64_t size)
{
	int64_t from = -7, to = -7;
	int part = parse_range(s, size, &from, &to);

	hold(part >= -1 && part <= 1);
	if (part == 1)
		hold(from >= 0 && from <= to && to < size);
	if (part == 0)
		hold(from == 0 && to == size - 1);
}

static void
look_at_event(const char *s)
{
	static const uint64_t epochs[] = {0, 0x1f, UINT64_MAX};
	size_t i, n = 0;

	for (i = 0; i < sizeof(epochs) / sizeof(epochs[0]); i++) {
		int64_t id = parse_event(s, epochs[i]);

		hold(id >= -1 && id <= PARSE_NUMBER_MAX);
		n += id >= 0;
	}
	hold(n <= 1);
}

static void
look_at_uri(const char *s)
{
	struct request r;
	size_t i;

	memset(&r, 0, sizeof(r));
	if (!request_parse_uri(&r, s)) {
		hold(r.npath <= REQUEST_SEGMENTS);
		hold(r.nquery <= REQUEST_QUERY);
		for (i = 0; i < r.npath; i++)
			hold(!strpbrk(r.path[i], "\n\r\t\x7f"));
		for (i = 0; i < r.nquery; i++) {
			hold(!strpbrk(r.query[i].value, "\n\r\t\x7f"));
			look_at_number(r.query[i].value);
			hold(request_query(&r, r.query[i].name) != NULL);
		}
	}
	arena_release(&r.arena);
}

/* A name may be a value; a host has nothing that ends or divides one. */
static void
look_at_field(const char *s, size_t n)
{
	if (parse_is_field(s, n)) {
		hold(n > 0 && parse_is_value(s, n));
		hold(!memchr(s, ':', n) && !memchr(s, ' ', n));
	}
	if (parse_is_value(s, n))
		hold(!memchr(s, '\n', n) && !memchr(s, '\r', n) &&
		    !memchr(s, '\0', n));
	if (parse_is_host(s))
		hold(*s && !strpbrk(s, "/@,?# \t\r\n"));
}

/* The first byte says how large the file is that a range is of. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = {0};
	const char *text;
	int64_t file;

	if (size == 0)
		return 0;
	file = data[0] < 63 ? (int64_t)1 << data[0] : data[0] - 63;
	text = arena_strndup(&a, (const char *)data + 1, size - 1);
	look_at_number(text);
	look_at_range(text, file);
	look_at_range(text, 0);
	look_at_event(text);
	look_at_field(text, size - 1);
	look_at_uri(text);
	arena_release(&a);
	return 0;
}
