/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text for people: tables, states in colour, and logs of jobs made harmless
 * for a terminal.
 */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct arena;

#define TABLE_COLUMNS 10

/* Rows of cells; all texts are shown with show() and kept in the arena. */
struct table {
	struct arena *arena;
	size_t columns, rows;
	const char **cells;
	size_t width[TABLE_COLUMNS];
};

/* headings has columns texts; at most TABLE_COLUMNS. */
void table_init(struct table *t, struct arena *a, const char *const headings[],
    size_t columns);

/* A row of as many texts as there are columns; NULL is empty. */
void table_add(struct table *t, const char *const cells[]);

/* Print; names of states are coloured. Nothing when there are no rows. */
void table_print(const struct table *t, bool color, FILE *f);

/* Seconds since 1970. */
double text_now(void);

/* Such a time here, "2024-01-31 23:59:59"; "" for none (0 or less). */
const char *text_time(struct arena *a, double t);

/* The escape sequence for a state's or result's name; "" for others. */
const char *text_color(const char *state);

/*
 * What a job writes, on its way to a terminal: escape and other control
 * bytes and what is no UTF-8 become \xNN, a lone carriage return a new line.
 */
struct filter {
	char rest[4]; /* begin of a character whose end hasn't come yet */
	size_t nrest;
	bool cr;
};

void filter_write(struct filter *f, const char *p, size_t n, FILE *out);
void filter_end(struct filter *f, FILE *out);

#endif
