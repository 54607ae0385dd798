/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/store/content.h"
#include "base/error.h"

#include <stdbool.h>
#include <string.h>

enum { FIELDS = 9, FIELD_PATH = FIELDS - 1 };
static const char *const field_names[FIELDS] = {"type", "mode", "owner",
    "group", "time", "size", "content", "attributes", "path"};

struct line {
	const char *at[FIELDS];
	size_t len[FIELDS];
	const char *next; /* NULL: there is no line */
};

static void
split(const char *p, struct line *l)
{
	int i;

	*l = (struct line){.next = NULL};
	if (!*p)
		return;
	for (i = 0; i < FIELDS; i++) {
		l->at[i] = p;
		l->len[i] = strcspn(p, i < FIELD_PATH ? " \n" : "\n");
		p += l->len[i] + (p[l->len[i]] == ' ');
	}
	l->next = p + (*p == '\n');
}

static int
compare_field(const struct line *a, const struct line *b, int i)
{
	size_t n = a->len[i] < b->len[i] ? a->len[i] : b->len[i];
	int c = memcmp(a->at[i], b->at[i], n);

	return c != 0 ? c : (a->len[i] > b->len[i]) - (a->len[i] < b->len[i]);
}

/* Two lines of one path: which field differs? */
static int
compare_lines(const struct line *a, const struct line *b, struct error *err)
{
	int i;

	for (i = 0; i < FIELD_PATH; i++) {
		if (compare_field(a, b, i) == 0)
			continue;
		fail(err, "%.*s: its %s is %.*s, not %.*s",
		    (int)a->len[FIELD_PATH], a->at[FIELD_PATH], field_names[i],
		    (int)b->len[i], b->at[i], (int)a->len[i], a->at[i]);
		return 0;
	}
	return 1;
}

/*
 * The lists are sorted by the paths themselves, not as they are encoded, so
 * what is missing is what the other list doesn't have at its place: the
 * shorter way to the same path tells which.
 */
static bool
comes_later(const char *rest, const struct line *wanted)
{
	struct line l;

	for (split(rest, &l); l.next; split(l.next, &l)) {
		if (compare_field(&l, wanted, FIELD_PATH) == 0)
			return true;
	}
	return false;
}

int
content_compare(const char *want, const char *got, struct error *err)
{
	struct line a, b;

	for (;;) {
		split(want, &a);
		split(got, &b);
		if (!a.next && !b.next)
			return 1;
		if (a.next && b.next &&
		    compare_field(&a, &b, FIELD_PATH) == 0) {
			if (compare_lines(&a, &b, err) == 0)
				return 0;
			want = a.next;
			got = b.next;
			continue;
		}
		if (a.next && !(b.next && comes_later(b.next, &a)))
			fail(err, "%.*s is missing", (int)a.len[FIELD_PATH],
			    a.at[FIELD_PATH]);
		else
			fail(err, "%.*s was not in it", (int)b.len[FIELD_PATH],
			    b.at[FIELD_PATH]);
		return 0;
	}
}
