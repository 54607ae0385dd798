/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Configuration files: "name = value" a line, "#" starts a comment line, blank
 * lines are skipped. Values run to the end of the line, without the blanks
 * around them. A table says which names there are; an unknown name or a value
 * of the wrong form is an error with file and line.
 */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include <stddef.h>
#include <stdint.h>

struct arena;
struct error;

enum conf_type {
	CONF_TEXT,     /* const char * */
	CONF_LIST,     /* struct conf_list: the name may occur several times */
	CONF_BOOL,     /* bool: yes or no */
	CONF_NUMBER,   /* int64_t, 0 to 2^53 */
	CONF_SIZE,     /* int64_t bytes: 512, 64K, 2G, 1T (powers of 1024) */
	CONF_DURATION, /* int64_t seconds: 90, 90s, 20m, 2h, 7d */
};

struct conf_list {
	const char **items;
	size_t n;
};

struct conf_option {
	const char *name;
	enum conf_type type;
	size_t offset;     /* of the member in the caller's struct */
	const char *value; /* default in the file's form; NULL: zero */
};

/* Set every option of the table (which ends with a NULL name) to its default.
 */
int conf_defaults(const struct conf_option *table, void *into, struct arena *a,
    struct error *err);

/* Read the file; what it does not name keeps its value. */
int conf_read(const char *path, const struct conf_option *table, void *into,
    struct arena *a, struct error *err);

/* Set one option by name, as from the command line. */
int conf_set(const struct conf_option *table, const char *name,
    const char *value, void *into, struct arena *a, struct error *err);

/*
 * Put the place of what err is about before it: the file, and the last line
 * that sets the option that the message begins with, to the value that the
 * message has in quotes behind that, if it has one. Returns -1.
 */
int conf_fail_there(const char *path, struct error *err);

/* "64M" to bytes, "20m" to seconds; -1 when s has not that form. */
int64_t conf_parse_size(const char *s);
int64_t conf_parse_duration(const char *s);

#endif
