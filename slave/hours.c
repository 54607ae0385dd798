/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slave/hours.h"
#include "base/arena.h"
#include "base/error.h"

#include <string.h>

#define EVERY_DAY 0x7fu

static const char *const names[] = {
    "sun", "mon", "tue", "wed", "thu", "fri", "sat"};

/* Where in a text a parser is. */
static void
skip_blanks(const char **s)
{
	*s += strspn(*s, " \t");
}

/* A day's name: 0 to 6, or -1. */
static int
take_day(const char **s)
{
	size_t n = strspn(*s, "abcdefghijklmnopqrstuvwxyz");
	int i;

	for (i = 0; n == 3 && i < 7; i++) {
		if (memcmp(*s, names[i], 3) == 0) {
			*s += 3;
			return i;
		}
	}
	return -1;
}

/* "07:30", two digits each: minutes, or -1. */
static int
take_time(const char **s)
{
	const char *p = *s;
	int i, n = 0;

	for (i = 0; i < 5; i++) {
		if (i == 2 ? p[i] != ':' : p[i] < '0' || p[i] > '9')
			return -1;
	}
	n = ((p[0] - '0') * 10 + p[1] - '0') * 60 + (p[3] - '0') * 10 + p[4] -
	    '0';
	if (p[3] > '5' || n > DAY_MINUTES)
		return -1;
	*s += 5;
	return n;
}

static bool
take_days(const char **s, unsigned *days)
{
	int first = take_day(s), last;

	*days = EVERY_DAY;
	if (first < 0)
		return **s >= '0' && **s <= '9';
	last = first;
	if (**s == '-') {
		++*s;
		last = take_day(s);
		if (last < 0)
			return false;
	}
	*days = 1u << first;
	for (; first != last; *days |= 1u << first)
		first = (first + 1) % 7;
	return true;
}

static bool
take_span(const char **s, struct hours_span *span)
{
	skip_blanks(s);
	if (!take_days(s, &span->days))
		return false;
	skip_blanks(s);
	span->from = 0;
	span->to = DAY_MINUTES;
	if (**s >= '0' && **s <= '9') {
		span->from = take_time(s);
		if (span->from < 0 || *(*s)++ != '-')
			return false;
		span->to = take_time(s);
		if (span->to < 0 || span->from == DAY_MINUTES ||
		    span->from == span->to)
			return false;
	}
	skip_blanks(s);
	return **s == ',' || **s == '\0';
}

int
hours_parse(
    struct hours *h, const char *text, struct arena *a, struct error *err)
{
	const char *s = text;

	memset(h, 0, sizeof(*h));
	for (;;) {
		h->list = arena_grow(a, h->list, h->n, sizeof(*h->list));
		if (!take_span(&s, &h->list[h->n++]))
			return fail(err,
			    "hours \"%s\": write days and times as in "
			    "\"mon-fri 22:00-07:00, sat-sun\"",
			    text);
		if (*s++ == '\0')
			return 0;
	}
}

bool
hours_open(const struct hours *h, int day, int minute)
{
	const struct hours_span *s;
	int before = (day + 6) % 7;
	size_t i;

	for (i = 0; i < h->n; i++) {
		s = &h->list[i];
		if (s->from < s->to) {
			if (s->days >> day & 1 && minute >= s->from &&
			    minute < s->to)
				return true;
			continue;
		}
		if ((s->days >> day & 1 && minute >= s->from) ||
		    (s->days >> before & 1 && minute < s->to))
			return true;
	}
	return h->n == 0;
}

int
hours_change(const struct hours *h, int day, int minute)
{
	bool is = hours_open(h, day, minute);
	int i, at;

	for (i = 1; i <= 7 * DAY_MINUTES; i++) {
		at = minute + i;
		if (hours_open(h, (day + at / DAY_MINUTES) % 7,
			at % DAY_MINUTES) != is)
			return i;
	}
	return 0;
}
