/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recipe/list.h"
#include "base/arena.h"
#include "base/map.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

static bool
blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

bool
word_next(const char **s, struct slice *w)
{
	while (blank(**s))
		++*s;
	w->s = *s;
	while (**s && !blank(**s))
		++*s;
	w->len = (size_t)(*s - w->s);
	return w->len > 0;
}

static void
twice(struct arena *a, struct slice w, struct place at, const char *variable,
    struct diags *d)
{
	struct diag *g;

	g = diag_error(d, at, "duplicate-word", "%s has \"%s\" twice", variable,
	    show(a, w.s, w.len));
	diag_hint(d, g, "leave one of them out");
}

#define FEW 16 /* so many words are compared one by one */

const char **
words_of(struct arena *a, const char *value, struct place at,
    const char *variable, size_t *n, struct diags *d)
{
	const char **list = NULL, *s = value;
	struct map seen;
	struct slice w;
	bool again;
	size_t i;

	map_init(&seen, a);
	for (*n = 0; word_next(&s, &w); ++*n) {
		list = arena_grow(a, list, *n, sizeof(*list));
		list[*n] = arena_strndup(a, w.s, w.len);
		again = *n >= FEW && map_gets(&seen, list[*n]);
		for (i = 0; i < *n && i < FEW; i++)
			again = again || strcmp(list[i], list[*n]) == 0;
		if (again)
			twice(a, w, at, variable, d);
		if (*n >= FEW)
			*map_puts(&seen, list[*n]) = &seen;
	}
	return list;
}

static int
atom_order(const void *x, const void *y)
{
	const struct atom *const *a = x, *const *b = y;
	int rc = strcmp((*a)->id.name, (*b)->id.name);

	if (rc == 0)
		rc = strcmp((*a)->id.user, (*b)->id.user);
	if (rc == 0)
		rc = (int)(*a)->op - (int)(*b)->op;
	if (rc == 0 && (*a)->op != ATOM_ANY)
		rc = version_compare((*a)->id.ver, (*b)->id.ver);
	return rc;
}

int
dep_duplicates(struct arena *a, const struct dep_list *list, struct place at,
    const char *variable, struct diags *d)
{
	size_t before = d->errors, i, n = 0;
	struct dep_list inner;
	const struct atom **atoms = NULL;
	const char *text;

	if (list->n > 0)
		atoms = arena_array(a, list->n, const struct atom *);
	for (i = 0; i < list->n; i++) {
		if (list->items[i].kind == DEP_ATOM) {
			atoms[n++] = &list->items[i].atom;
			continue;
		}
		/* Not deeper than the parser allowed: 64. */
		inner =
		    (struct dep_list){list->items[i].items, list->items[i].n};
		dep_duplicates(a, &inner, at, variable, d);
	}
	if (n > 1)
		qsort(atoms, n, sizeof(*atoms), atom_order);
	for (i = 1; i < n; i++) {
		if (atom_order(&atoms[i - 1], &atoms[i]) != 0)
			continue;
		text = atom_format(a, atoms[i]);
		twice(a, (struct slice){text, strlen(text)}, at, variable, d);
	}
	return d->errors > before ? -1 : 0;
}

/* ---- SRC_URI ---- */

struct uri_list {
	struct arena *arena;
	struct diags *d;
	struct place at;
	const char *variable;
	struct map names;
};

static int
bad_uri(struct uri_list *l, struct slice w, const char *text, const char *hint)
{
	struct diag *g = diag_error(l->d, l->at, "source", "%s: \"%s\" %s",
	    l->variable, show(l->arena, w.s, w.len > 300 ? 300 : w.len), text);

	diag_hint(l->d, g, "%s", hint);
	return -1;
}

static bool
has_prefix(struct slice w, const char *prefix)
{
	size_t n = strlen(prefix);

	return w.len > n && memcmp(w.s, prefix, n) == 0;
}

static bool
has_control(struct slice w)
{
	size_t i, n;

	for (i = 0; i < w.len; i += n) {
		n = utf8_char(w.s + i, w.len - i);
		if (n == 0 || utf8_is_control(w.s + i, n))
			return true;
	}
	return false;
}

/* A name that a downloaded file may have. */
static bool
file_name_valid(struct slice w)
{
	if (w.len == 0 || w.len > 255 || *w.s == '.' || *w.s == '-')
		return false;
	return !memchr(w.s, '/', w.len) && !has_control(w);
}

/* The commit of git+https://host/repo#commit=HEX, or an empty slice. */
static struct slice
git_commit(struct slice uri)
{
	static const char mark[] = "#commit=";
	const char *p = memmem(uri.s, uri.len, mark, sizeof(mark) - 1);
	struct slice c = {"", 0};
	size_t i;

	if (!p)
		return c;
	p += sizeof(mark) - 1;
	c.len = (size_t)(uri.s + uri.len - p);
	for (i = 0; i < c.len; i++)
		if (!strchr("0123456789abcdef", p[i]))
			return (struct slice){"", 0};
	c.s = p;
	return c.len == 40 || c.len == 64 ? c : (struct slice){"", 0};
}

static struct slice
last_part(struct slice uri)
{
	const char *slash = memrchr(uri.s, '/', uri.len);
	struct slice part = {slash + 1, 0};

	part.len = (size_t)(uri.s + uri.len - part.s);
	return part;
}

/* The name of a file whose URI has no "-> name", or NULL. */
static const char *
default_name(struct arena *a, struct slice uri)
{
	struct slice part, commit = git_commit(uri);

	if (commit.len > 0) {
		uri.len = (size_t)(commit.s - uri.s) - strlen("#commit=");
		part = last_part(uri);
		if (part.len > 4 &&
		    memcmp(part.s + part.len - 4, ".git", 4) == 0)
			part.len -= 4;
		if (!file_name_valid(part))
			return NULL;
		return arena_printf(a, "%.*s-%.*s.tar", (int)part.len, part.s,
		    (int)commit.len, commit.s);
	}
	part = last_part(uri);
	if (!file_name_valid(part) || memchr(part.s, '?', part.len) ||
	    memchr(part.s, '#', part.len))
		return NULL;
	return arena_strndup(a, part.s, part.len);
}

static int
check_uri(struct uri_list *l, struct slice w)
{
	static const char *const schemes[] = {
	    "https://", "http://", "ftp://", "mirror://", "git+https://"};
	const char *rest;
	size_t i;

	for (i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
		if (has_prefix(w, schemes[i]))
			break;
	if (i == sizeof(schemes) / sizeof(*schemes))
		return bad_uri(l, w, "is no address",
		    "an address begins with https://, http://, ftp://, "
		    "mirror://NAME/ or git+https://");
	if (has_control(w))
		return bad_uri(
		    l, w, "has a control character", "write it as %XX");
	rest = w.s + strlen(schemes[i]);
	if (*rest == '/' || !memchr(rest, '/', w.len - strlen(schemes[i])))
		return bad_uri(l, w, "has no path after its host",
		    "write SCHEME://HOST/PATH or mirror://NAME/PATH");
	if (i == 4 && git_commit(w).len == 0)
		return bad_uri(l, w, "does not name a commit",
		    "put #commit= and all its 40 or 64 hexadecimal digits at "
		    "the end");
	return 0;
}

static int
one_source(struct uri_list *l, struct slice w, const struct slice *name,
    struct source *out)
{
	void **slot;

	if (check_uri(l, w) < 0)
		return -1;
	if (name && !file_name_valid(*name))
		return bad_uri(l, *name, "is no name for a file",
		    "it has no slash and does not begin with . or -");
	out->uri = arena_strndup(l->arena, w.s, w.len);
	out->name = name ? arena_strndup(l->arena, name->s, name->len)
			 : default_name(l->arena, w);
	out->at = l->at;
	if (!out->name)
		return bad_uri(l, w, "does not end with a file's name",
		    "write URI -> name");
	slot = map_puts(&l->names, out->name);
	if (*slot)
		return bad_uri(l, (struct slice){out->name, strlen(out->name)},
		    "is the name of two files",
		    "give one of them another with URI -> name");
	*slot = l;
	return 0;
}

int
sources_parse(struct arena *a, const char *value, struct place at,
    const char *variable, struct source **out, size_t *n, struct diags *d)
{
	struct uri_list l = {
	    .arena = a, .d = d, .at = at, .variable = variable};
	const char *s = value, *ahead;
	struct slice w, arrow, name;
	bool named;
	int rc = 0;

	map_init(&l.names, a);
	*out = NULL;
	*n = 0;
	while (word_next(&s, &w)) {
		ahead = s;
		named = word_next(&ahead, &arrow) && arrow.len == 2 &&
		    memcmp(arrow.s, "->", 2) == 0;
		if (named) {
			s = ahead;
			if (!word_next(&s, &name))
				return bad_uri(&l, w, "has nothing after ->",
				    "write URI -> name");
		}
		*out = arena_grow(a, *out, *n, sizeof(**out));
		if (one_source(&l, w, named ? &name : NULL, *out + *n) < 0)
			rc = -1;
		else
			++*n;
	}
	return rc;
}
