/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/parse/mutate.h"
#include "base/error.h"
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHOICE(m, list) (list)[mutate_pick(m, sizeof(list) / sizeof(*(list)))]

static const char *const tokens[] = {"if ", "then ", "else ", "elif ", " fi",
    "case ", " in ", "esac", "for ", "select ", "while ", "until ", " do ",
    " done", "function ", "time ", "time -p ", "! ", "{ ", " }", "[[ ", " ]]",
    "coproc ", "f() ", "((", "))", "(", ")", ";", ";;", ";&", ";;&", "&", "&&",
    "|", "||", "|&", "<", ">", ">>", ">|", "<>", "<<", "<<-", "<<<", "<&", ">&",
    "&>", "&>>", "<(", ">(", "$(", "$((", "${", "$[", "$", "`", "\"", "'", "$'",
    "$\"", "\\", "\\\n", "\n", "#", " #", " ", "\t", "=", "+=", "=(", "[", "]",
    "a[", "}", "${#", "${x:-", "${x//", "*", "?", "?(", "*(", "+(", "@(", "!(",
    "x", "1", "2>", "{fd}>", "-", "declare ", "local a=(", " =~ ",
    " == ", " -f ", "<<E\n", "<<'E'\n", "<<-E\n", "\nE\n", "E", "\nE)", "~",
    "\r", "\303\274", "\201", "for ((", "((i=0;i<1;i++))", "\001", "\177", "%",
    "eval ", "alias ", ":", "in\n", "do\n", "\0"};

static const struct {
	const char *open, *close;
} wraps[] = {{"$(", ")"}, {"`", "`"}, {"\"", "\""}, {"'", "'"}, {"${x:-", "}"},
    {"{ ", "; }"}, {"( ", ")"}, {"[[ ", " ]]"}, {"((", "))"}, {"$((", "))"},
    {"<(", ")"}, {"a=(", ")"}, {"if ", "; then :; fi"},
    {"case x in ", ") ;; esac"}, {"case x in x) ", " ;; esac"},
    {"f() { ", "; }"}, {"cat <<E\n", "\nE\n"}, {"$(cat <<E\n", "\nE\n)"},
    {"@(", ")"}, {"$[", "]"}, {"for x in ", "; do :; done"}, {"a[", "]=x"},
    {"\"$(", ")\""}, {"${x/", "/}"}, {"coproc ", "\n"}, {"$'", "'"},
    {"for ((", ";;)); do :; done"}, {"while ", "; do :; done"},
    {"time ", "\n"}};

size_t
mutate_pick(struct mutate *m, size_t n)
{
	m->state ^= m->state << 13;
	m->state ^= m->state >> 7;
	m->state ^= m->state << 17;
	return n ? (size_t)(m->state >> 20) % n : 0;
}

void
mutate_init(struct mutate *m, uint64_t seed, size_t max)
{
	int i;

	*m = (struct mutate){.max = max};
	m->state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	for (i = 0; i < 20; i++)
		mutate_pick(m, 2);
}

void
mutate_add(struct mutate *m, const char *path)
{
	struct mutate_file *f;
	struct error err;
	struct buf b;

	buf_init(&b, 1 << 24);
	if (file_read(path, &b, &err) < 0) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	m->files = arena_grow(&m->arena, m->files, m->nfiles, sizeof(*f));
	f = &m->files[m->nfiles];
	f->len = b.len;
	f->text = arena_strndup(&m->arena, b.data ? b.data : "", b.len);
	m->nfiles += b.len > 0;
	buf_release(&b);
}

void
mutate_release(struct mutate *m)
{
	arena_release(&m->arena);
}

/* Put s in the place of n bytes. */
static void
replace(struct buf *b, size_t at, size_t n, const char *s, size_t len)
{
	struct buf out;

	buf_init(&out, b->max);
	buf_add(&out, b->data, at);
	buf_add(&out, s, len);
	buf_add(&out, b->data + at + n, b->len - at - n);
	buf_release(b);
	*b = out;
}

static void
insert(struct buf *b, size_t at, const char *s)
{
	replace(b, at, 0, s, *s ? strlen(s) : 1);
}

/* Append a file, or whole lines of it when it is long. */
static void
add_piece(struct mutate *m, struct buf *out)
{
	const struct mutate_file *f = &m->files[mutate_pick(m, m->nfiles)];
	size_t max = m->max / (1 + mutate_pick(m, 4)), from = 0, to = f->len;

	if (f->len > max) {
		from = mutate_pick(m, f->len - max);
		while (from > 0 && f->text[from - 1] != '\n')
			from--;
		to = from + max;
		while (to > from && f->text[to - 1] != '\n')
			to--;
	}
	buf_add(out, f->text + from, to - from);
}

enum unit { UNIT_BYTES, UNIT_WORD, UNIT_LINE };

static bool
ends(enum unit unit, char c)
{
	return unit == UNIT_LINE ? c == '\n'
				 : strchr(" \t\n;|&()<>\"'`", c) != NULL;
}

/* Some bytes, a word with what ends it, or a line; *len of them at *from. */
static void
choose(struct mutate *m, const struct buf *b, size_t *from, size_t *len)
{
	enum unit unit = (enum unit)mutate_pick(m, 3);
	size_t i = mutate_pick(m, b->len), to = i;

	if (unit == UNIT_BYTES) {
		to += 1 + mutate_pick(m, 3);
		to = to > b->len ? b->len : to;
	} else {
		while (i > 0 && !ends(unit, b->data[i - 1]))
			i--;
		while (to < b->len && !ends(unit, b->data[to]))
			to++;
		to += to < b->len && mutate_pick(m, 2);
	}
	*from = i;
	*len = to - i;
}

/* The bytes of one place also at another; or there instead of here. */
static void
copy(struct mutate *m, struct buf *b, bool move)
{
	size_t from, len, at;
	char *s;

	choose(m, b, &from, &len);
	s = arena_strndup(&m->arena, b->data + from, len);
	if (move)
		replace(b, from, len, "", 0);
	at = mutate_pick(m, 2) ? mutate_pick(m, b->len + 1) : from;
	replace(b, at, 0, s, len);
}

static void
swap(struct mutate *m, struct buf *b)
{
	size_t from, len;

	choose(m, b, &from, &len);
	copy(m, b, true);
	if (b->len > 1) {
		from = mutate_pick(m, b->len - 1);
		char c = b->data[from];
		b->data[from] = b->data[from + 1];
		b->data[from + 1] = c;
	}
}

static void
wrap(struct mutate *m, struct buf *b)
{
	size_t from, len, i = mutate_pick(m, sizeof(wraps) / sizeof(*wraps));

	choose(m, b, &from, &len);
	insert(b, from + len, wraps[i].close);
	insert(b, from, wraps[i].open);
}

void
mutate_damage(struct mutate *m, struct buf *b)
{
	size_t from, len;

	if (b->len == 0) {
		insert(b, 0, CHOICE(m, tokens));
		return;
	}
	choose(m, b, &from, &len);
	switch (mutate_pick(m, 12)) {
	case 0:
	case 1:
	case 2:
		replace(b, from, len, "", 0);
		break;
	case 3:
		copy(m, b, false);
		break;
	case 4:
		copy(m, b, true);
		break;
	case 5:
		swap(m, b);
		break;
	case 6:
		wrap(m, b);
		break;
	case 7:
		if (mutate_pick(m, 4) == 0)
			replace(b, from, b->len - from, "", 0);
		else
			insert(b, from, "\\\n");
		break;
	case 8:
		replace(b, from, len, CHOICE(m, tokens), 1);
		break;
	default:
		insert(b, from, CHOICE(m, tokens));
	}
}

void
mutate_next(struct mutate *m, struct buf *out)
{
	size_t n = 1 + mutate_pick(m, 4);

	out->len = 0;
	add_piece(m, out);
	if (mutate_pick(m, 8) == 0) {
		if (out->len > 0)
			out->len = mutate_pick(m, out->len);
		add_piece(m, out);
	}
	while (n-- > 0)
		mutate_damage(m, out);
}

void
mutate_shrink(
    struct buf *text, bool (*same)(void *arg, const struct buf *), void *arg)
{
	size_t step, at;
	struct buf less;

	for (step = (text->len + 1) / 2; step > 0; step = step / 2) {
		for (at = 0; at + step <= text->len;) {
			buf_init(&less, text->max);
			buf_add(&less, text->data, text->len);
			replace(&less, at, step, "", 0);
			if (same(arg, &less)) {
				buf_release(text);
				*text = less;
			} else {
				buf_release(&less);
				at += step;
			}
		}
	}
}
