/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recipe/pattern.h"
#include "base/arena.h"

#include <string.h>

/* A pattern that is being compiled; the text ends at end. */
struct compiler {
	const char *s, *end;
	uint64_t *set;
};

static int
take(struct compiler *c)
{
	return c->s < c->end ? (unsigned char)*c->s++ : -1;
}

static void
set_range(uint64_t *set, unsigned from, unsigned to)
{
	for (; from <= to; from++)
		set[from / 64] |= UINT64_C(1) << from % 64;
}

/* Add the bytes of a class such as alpha, as the C locale has them. */
static bool
add_class(uint64_t *set, const char *name, size_t len)
{
	static const struct {
		const char *name, *ranges;
	} classes[] = {
	    {"alnum", "09AZaz"},
	    {"alpha", "AZaz"},
	    {"ascii", "\001\177"},
	    {"blank", "\t\t  "},
	    {"cntrl", "\001\037\177\177"},
	    {"digit", "09"},
	    {"graph", "!~"},
	    {"lower", "az"},
	    {"print", " ~"},
	    {"punct", "!/:@[`{~"},
	    {"space", "\t\r  "},
	    {"upper", "AZ"},
	    {"word", "09AZaz__"},
	    {"xdigit", "09AFaf"},
	};
	const char *r;
	size_t i;

	for (i = 0; i < sizeof(classes) / sizeof(*classes); i++) {
		if (strlen(classes[i].name) != len ||
		    memcmp(classes[i].name, name, len) != 0)
			continue;
		for (r = classes[i].ranges; *r; r += 2)
			set_range(
			    set, (unsigned char)r[0], (unsigned char)r[1]);
		return true;
	}
	return false;
}

static const char unclosed[] = "[ without a ] that ends it";

/* After "[": [:name:] inside brackets. */
static const char *
class_read(struct compiler *c)
{
	const char *name = c->s + 1, *p;

	if (*c->s != ':')
		return "[= or [. inside brackets";
	for (p = name; p + 1 < c->end && !(p[0] == ':' && p[1] == ']'); p++)
		;
	if (p + 1 >= c->end)
		return unclosed;
	if (!add_class(c->set, name, (size_t)(p - name)))
		return "no such character class";
	c->s = p + 2;
	if (c->s + 1 < c->end && c->s[0] == '-' && c->s[1] != ']')
		return "a range that begins with a class";
	return NULL;
}

/* One byte or range of a bracket; c is its first byte. */
static const char *
range_read(struct compiler *k, int c)
{
	int to;

	if (c == '\\')
		c = take(k);
	if (c < 0)
		return unclosed;
	to = c;
	if (k->s + 1 < k->end && k->s[0] == '-' && k->s[1] != ']') {
		k->s++;
		to = take(k);
		if (to == '[' && k->s < k->end && strchr(":=.", *k->s))
			return "a range that ends with a class";
		if (to == '\\')
			to = take(k);
		if (to < 0)
			return unclosed;
	}
	if (to >= c)
		set_range(k->set, (unsigned)c, (unsigned)to);
	return NULL;
}

/* After "[": the set up to its "]". */
static const char *
bracket_read(struct arena *a, struct compiler *k, struct pattern_item *item)
{
	const char *why = NULL;
	bool negated = false, first = true;
	size_t i;
	int c;

	item->kind = ITEM_SET;
	item->set = k->set = arena_array(a, 4, uint64_t);
	if (k->s < k->end && (*k->s == '!' || *k->s == '^')) {
		negated = true;
		k->s++;
		/* Looking for its end, a part of bash takes this one. */
		if (k->s < k->end && *k->s == ']')
			return "a ] right after [! or [^ without a backslash";
	}
	while ((c = take(k)) != ']' || first) {
		first = false;
		if (c < 0)
			return unclosed;
		if (c == '[' && k->s < k->end && strchr(":=.", *k->s))
			why = class_read(k);
		else
			why = range_read(k, c);
		if (why)
			return why;
	}
	for (i = 0; negated && i < 4; i++)
		item->set[i] = ~item->set[i];
	return NULL;
}

const char *
pattern_compile(struct arena *a, const char *s, size_t len, struct pattern *out)
{
	struct compiler k = {.s = s, .end = s + len};
	struct pattern_item *item;
	const char *why;
	int c;

	memset(out, 0, sizeof(*out));
	out->items = arena_array(a, len + 1, struct pattern_item);
	while ((c = take(&k)) >= 0) {
		if (strchr("?*+@!", c) && k.s < k.end && *k.s == '(')
			return "an extended pattern";
		item = &out->items[out->n];
		if (c == '*') {
			/* Several stars are one. */
			if (out->n > 0 && item[-1].kind == ITEM_STAR)
				continue;
			item->kind = ITEM_STAR;
		} else if (c == '?') {
			item->kind = ITEM_ANY;
		} else if (c == '[') {
			why = bracket_read(a, &k, item);
			if (why)
				return why;
		} else {
			if (c == '\\')
				c = take(&k);
			if (c < 0)
				return "a backslash at the end";
			item->kind = ITEM_BYTE;
			item->byte = (unsigned char)c;
		}
		out->n++;
	}
	out->now = arena_alloc(a, out->n + 1, 1);
	out->next = arena_alloc(a, out->n + 1, 1);
	return NULL;
}

static bool
item_matches(const struct pattern_item *item, unsigned char c)
{
	switch ((enum pattern_kind)item->kind) {
	case ITEM_BYTE:
		return item->byte == c;
	case ITEM_SET:
		return item->set[c / 64] >> c % 64 & 1;
	case ITEM_ANY:
	case ITEM_STAR:
		break;
	}
	return true;
}

bool
pattern_may_start(const struct pattern *p, unsigned char byte)
{
	return p->n == 0 || item_matches(&p->items[0], byte);
}

/*
 * Matching keeps the set of states: state i means that i items have matched.
 * Read backwards (step -1) the states count from the other end.
 */
struct matcher {
	const struct pattern *p;
	uint8_t *now, *next;
	bool backwards;
	size_t low, high; /* states that may be set: low to high - 1 */
};

static const struct pattern_item *
item_of(const struct matcher *m, size_t state)
{
	return &m->p->items[m->backwards ? m->p->n - 1 - state : state];
}

/* Set a state and those after it that need no byte. */
static void
reach(const struct matcher *m, uint8_t *states, size_t state, size_t *high)
{
	states[state] = 1;
	if (state < m->p->n && item_of(m, state)->kind == ITEM_STAR)
		states[++state] = 1;
	if (state + 1 > *high)
		*high = state + 1;
}

/* Go on by one byte; false when no state is left. */
static bool
advance(struct matcher *m, unsigned char c)
{
	size_t i, high = 0, low = m->p->n + 1;
	uint8_t *swap;

	for (i = m->low; i < m->high; i++) {
		if (!m->now[i])
			continue;
		m->now[i] = 0;
		if (i == m->p->n || !item_matches(item_of(m, i), c))
			continue;
		if (low > i)
			low = item_of(m, i)->kind == ITEM_STAR ? i : i + 1;
		reach(m, m->next, item_of(m, i)->kind == ITEM_STAR ? i : i + 1,
		    &high);
	}
	swap = m->now;
	m->now = m->next;
	m->next = swap;
	m->low = low;
	m->high = high;
	return high > 0;
}

static unsigned char
byte_at(const struct matcher *m, const char *s, size_t len, size_t i)
{
	return (unsigned char)s[m->backwards ? len - 1 - i : i];
}

/* Bytes that a match takes, going over s in the matcher's direction. */
static size_t
run(struct matcher *m, const char *s, size_t len, enum pattern_end which,
    size_t *work)
{
	size_t i, cost, found = SIZE_MAX, n = m->p->n;

	m->now = m->p->now;
	m->next = m->p->next;
	m->low = m->high = 0;
	reach(m, m->now, 0, &m->high);
	for (i = 0;; i++) {
		if (m->high == n + 1 && m->now[n]) {
			found = i;
			if (which == PATTERN_SHORTEST)
				break;
		}
		cost = m->high - m->low + 1;
		if (*work < cost) {
			*work = 0;
			break;
		}
		*work -= cost;
		if (i == len || !advance(m, byte_at(m, s, len, i)))
			break;
	}
	/* All states are off again for the next match. */
	if (m->high > m->low)
		memset(m->now + m->low, 0, m->high - m->low);
	return found;
}

size_t
pattern_prefix(const struct pattern *p, const char *s, size_t len,
    enum pattern_end which, size_t *work)
{
	struct matcher m = {.p = p};

	return run(&m, s, len, which, work);
}

size_t
pattern_suffix(const struct pattern *p, const char *s, size_t len,
    enum pattern_end which, size_t *work)
{
	struct matcher m = {.p = p, .backwards = true};
	size_t n = run(&m, s, len, which, work);

	return n == SIZE_MAX ? n : len - n;
}
