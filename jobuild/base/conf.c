/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf.h"
#include "arena.h"
#include "buf.h"
#include "error.h"
#include "file.h"
#include "nearest.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX   (1 << 20)
#define NUMBER_MAX ((int64_t)1 << 53)

/* Digits, then at most one of units; the result in units[i]'s factor. */
static int64_t
parse_scaled(const char *s, const char *units, const int64_t *factors)
{
	const char *unit;
	int64_t n = 0, factor = 1;

	if (*s < '0' || *s > '9')
		return -1;
	for (; *s >= '0' && *s <= '9'; s++) {
		if (n > NUMBER_MAX / 10)
			return -1;
		n = n * 10 + (*s - '0');
	}
	if (*s) {
		unit = strchr(units, *s);
		if (!unit || s[1])
			return -1;
		factor = factors[unit - units];
	}
	return n > NUMBER_MAX / factor ? -1 : n * factor;
}

int64_t
conf_parse_size(const char *s)
{
	static const int64_t factors[] = {
	    1L << 10, 1L << 20, 1L << 30, 1L << 40};

	return parse_scaled(s, "KMGT", factors);
}

int64_t
conf_parse_duration(const char *s)
{
	static const int64_t factors[] = {1, 60, 3600, 86400};

	return parse_scaled(s, "smhd", factors);
}

static int
set_number(void *at, int64_t value, const char *form, struct error *err)
{
	if (value < 0)
		return fail(err, "expected %s", form);
	*(int64_t *)at = value;
	return 0;
}

static int
set_bool(void *at, const char *value, struct error *err)
{
	bool yes = strcmp(value, "yes") == 0;

	if (!yes && strcmp(value, "no") != 0)
		return fail(err, "expected yes or no");
	*(bool *)at = yes;
	return 0;
}

static void
add_item(struct conf_list *list, const char *value, struct arena *a)
{
	list->items = arena_grow(a, list->items, list->n, sizeof(*list->items));
	list->items[list->n++] = value;
}

static int
set_value(const struct conf_option *o, const char *value, void *into,
    struct arena *a, struct error *err)
{
	void *at = (char *)into + o->offset;

	switch (o->type) {
	case CONF_TEXT:
		*(const char **)at = arena_strdup(a, value);
		return 0;
	case CONF_LIST:
		add_item(at, arena_strdup(a, value), a);
		return 0;
	case CONF_BOOL:
		return set_bool(at, value, err);
	case CONF_NUMBER:
		return set_number(
		    at, parse_scaled(value, "", NULL), "a number", err);
	case CONF_SIZE:
		return set_number(at, conf_parse_size(value),
		    "a size, as in 512M or 2G", err);
	case CONF_DURATION:
		return set_number(at, conf_parse_duration(value),
		    "a duration, as in 90s, 20m or 2h", err);
	}
	return fail(err, "option %s has no type", o->name);
}

int
conf_defaults(const struct conf_option *table, void *into, struct arena *a,
    struct error *err)
{
	const struct conf_option *o;

	for (o = table; o->name; o++) {
		if (o->value && set_value(o, o->value, into, a, err) < 0)
			return fail_in(err, "default of %s", o->name);
	}
	return 0;
}

static int
unknown(const struct conf_option *table, const char *name, struct arena *a,
    struct error *err)
{
	const char **names = NULL, *near;
	size_t n = 0;

	for (; table->name; table++) {
		names = arena_grow(a, names, n, sizeof(*names));
		names[n++] = table->name;
	}
	near = nearest(name, names, n);
	if (near)
		return fail(err, "unknown option \"%s\": did you mean \"%s\"?",
		    name, near);
	return fail(err, "unknown option \"%s\"", name);
}

int
conf_set(const struct conf_option *table, const char *name, const char *value,
    void *into, struct arena *a, struct error *err)
{
	const struct conf_option *o;

	for (o = table; o->name; o++) {
		if (strcmp(o->name, name) == 0)
			break;
	}
	if (!o->name)
		return unknown(table, name, a, err);
	if (set_value(o, value, into, a, err) < 0)
		return fail_in(err, "%s", name);
	return 0;
}

static char *
trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	n = strlen(s);
	while (n > 0 && strchr(" \t\r", s[n - 1]))
		n--;
	s[n] = '\0';
	return s;
}

static int
read_line(char *line, const struct conf_option *table, void *into,
    struct arena *a, struct error *err)
{
	char *eq;

	line = trim(line);
	if (*line == '\0' || *line == '#')
		return 0;
	eq = strchr(line, '=');
	if (!eq)
		return fail(err, "expected \"name = value\"");
	*eq = '\0';
	return conf_set(table, trim(line), trim(eq + 1), into, a, err);
}

int
conf_read(const char *path, const struct conf_option *table, void *into,
    struct arena *a, struct error *err)
{
	struct buf b;
	char *line, *next;
	unsigned n = 1;
	int rc = -1;

	buf_init(&b, FILE_MAX);
	if (file_read(path, &b, err) < 0)
		goto out;
	if (strlen(b.data) != b.len) {
		fail(err, "%s: contains a NUL byte", path);
		goto out;
	}
	for (line = b.data; line; line = next, n++) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (read_line(line, table, into, a, err) < 0) {
			fail_in(err, "%s:%u", path, n);
			goto out;
		}
	}
	rc = 0;
out:
	buf_release(&b);
	return rc;
}

/* Does a line set what the message begins with? */
static bool
is_about(const char *message, const char *line)
{
	size_t n = strcspn(message, ": "), length;

	line += strspn(line, " \t");
	if (n == 0 || strncmp(line, message, n) != 0)
		return false;
	line += n + strspn(line + n, " \t");
	if (*line++ != '=')
		return false;
	if (strncmp(message + n, " \"", 2) != 0)
		return true;
	message += n + 2;
	line += strspn(line, " \t");
	length = strcspn(line, "\n");
	while (length > 0 && strchr(" \t\r", line[length - 1]))
		length--;
	return strncmp(line, message, length) == 0 && message[length] == '"';
}

/* 0: no line does. */
static unsigned
line_of(const char *path, const char *message)
{
	struct error ignored;
	unsigned line = 0, at = 0;
	const char *p;
	struct buf b;

	buf_init(&b, FILE_MAX);
	if (file_read(path, &b, &ignored) == 0 && b.data) {
		for (p = b.data; *p; p += strcspn(p, "\n"), p += *p == '\n') {
			at++;
			if (is_about(message, p))
				line = at;
		}
	}
	buf_release(&b);
	return line;
}

int
conf_fail_there(const char *path, struct error *err)
{
	unsigned line = line_of(path, err->msg);

	return line ? fail_in(err, "%s:%u", path, line)
		    : fail_in(err, "%s", path);
}
