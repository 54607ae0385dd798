/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/http/parse.h"

#include <string.h>

#define DIGITS_MAX 16

static const char *
digits(const char *s, int64_t *n)
{
	const char *start = s;

	for (*n = 0; *s >= '0' && *s <= '9' && s - start < DIGITS_MAX; s++)
		*n = *n * 10 + (*s - '0');
	return s == start ? NULL : s;
}

int64_t
parse_number(const char *s)
{
	int64_t n;

	s = digits(s, &n);
	return s && !*s && n <= PARSE_NUMBER_MAX ? n : -1;
}

int
parse_range(const char *s, int64_t size, int64_t *from, int64_t *to)
{
	*from = 0;
	*to = size - 1;
	if (!s || strncmp(s, "bytes=", 6) != 0)
		return 0;
	s = digits(s + 6, from);
	if (!s || *s++ != '-')
		return (int)(*from = 0);
	if (*s && (!(s = digits(s, to)) || *s || *to < *from)) {
		*to = size - 1;
		return (int)(*from = 0);
	}
	if (*to > size - 1)
		*to = size - 1;
	return *from < size ? 1 : -1;
}

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

bool
parse_is_field(const char *s, size_t n)
{
	static const char all[] = LETTERS DIGITS "!#$%&'*+-.^_`|~";
	size_t i;

	for (i = 0; i < n; i++) {
		if (!memchr(all, s[i], sizeof(all) - 1))
			return false;
	}
	return n > 0;
}

bool
parse_is_value(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (((unsigned char)s[i] < 0x20 && s[i] != '\t') ||
		    s[i] == 0x7f)
			return false;
	}
	return true;
}

bool
parse_is_host(const char *s)
{
	static const char all[] = LETTERS DIGITS "-._:[]%";

	return *s && s[strspn(s, all)] == '\0';
}

int64_t
parse_event(const char *s, uint64_t epoch)
{
	static const char hex[] = "0123456789abcdef";
	const char *start = s, *at;
	uint64_t n = 0;

	for (; *s && s - start < DIGITS_MAX && (at = strchr(hex, *s)); s++)
		n = n << 4 | (uint64_t)(at - hex);
	if (s == start || n != epoch || *s != '-')
		return -1;
	return parse_number(s + 1);
}
