/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When a machine is lent, by the week: "mon-fri 22:00-07:00, sat-sun". Each
 * part names a day or days (none: every day) and a time of the day (none: all
 * of it); one that ends before it begins goes on into the next day. Pure:
 * times are a day (0 is Sunday, as in struct tm) and a minute of it.
 */
#ifndef SLAVE_HOURS_H
#define SLAVE_HOURS_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct error;

#define DAY_MINUTES 1440

struct hours_span {
	unsigned days; /* bit 0: Sunday */
	int from, to;  /* minutes; to may be below from */
};

struct hours {
	struct hours_span *list; /* in the arena */
	size_t n;                /* 0: always */
};

int hours_parse(
    struct hours *h, const char *text, struct arena *a, struct error *err);

bool hours_open(const struct hours *h, int day, int minute);

/*
 * Minutes from then until it is another way than then: 1 to a week of them;
 * 0 when it never is.
 */
int hours_change(const struct hours *h, int day, int minute);

#endif
