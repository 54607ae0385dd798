/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recipe/quote.h"
#include "base/arena.h"
#include "base/digest.h"

#include <string.h>

/* Up to max digits of the base at *s; how many there were. */
static size_t
number(const char *s, const char *end, unsigned base, size_t max,
    unsigned long *value)
{
	size_t n;
	int d;

	*value = 0;
	for (n = 0; n < max && s + n < end; n++) {
		d = hex_value(s[n]);
		if (d < 0 || (unsigned)d >= base)
			break;
		*value = *value * base + (unsigned)d;
	}
	return n;
}

/* \nnn, \xHH, \uHHHH, \UHHHHHHHH: the byte, or what ansi_escape() says. */
static int
numeric_escape(const char *s, const char *end, char out[4], size_t *used)
{
	unsigned long v;
	size_t n;

	if (*s >= '0' && *s <= '7') {
		*used = number(s, end, 8, 3, &v);
	} else {
		n = *s == 'x' ? 2 : *s == 'u' ? 4 : 8;
		if (*s == 'x' && s + 1 < end && s[1] == '{') {
			/* All digits to the brace; the last byte counts. */
			n = number(s + 2, end, 16, (size_t)(end - s), &v);
			*used = 2 + n;
			if (s + *used < end && s[*used] == '}')
				++*used;
		} else {
			n = number(s + 1, end, 16, n, &v);
			*used = 1 + n;
			if (n == 0) {
				out[0] = '\\';
				out[1] = *s;
				return 2;
			}
		}
		if (*s != 'x' && v > 0x7f)
			return -1;
	}
	out[0] = (char)(v & 0xff);
	return out[0] == '\0' ? -2 : 1;
}

/* \cX: the control byte of X. */
static int
control_escape(const char *s, const char *end, char out[4], size_t *used)
{
	unsigned char c;

	if (s + 1 >= end) {
		*used = 1;
		out[0] = '\\';
		out[1] = 'c';
		return 2;
	}
	c = (unsigned char)s[1];
	*used = 2;
	if (c == '\\' && s + 2 < end && s[2] == '\\')
		*used = 3;
	if (c >= 'a' && c <= 'z')
		c -= 'a' - 'A';
	out[0] = c == '?' ? '\177' : (char)(c & 0x1f);
	return out[0] == '\0' ? -2 : 1;
}

int
ansi_escape(const char *s, const char *end, char out[4], size_t *used)
{
	static const char from[] = "abeEfnrtv\\'\"?";
	static const char to[] = "\a\b\033\033\f\n\r\t\v\\'\"?";
	const char *p;

	*used = 1;
	p = strchr(from, *s);
	if (p && *p) {
		out[0] = to[p - from];
		return 1;
	}
	if ((*s >= '0' && *s <= '7') || *s == 'x' || *s == 'u' || *s == 'U')
		return numeric_escape(s, end, out, used);
	if (*s == 'c')
		return control_escape(s, end, out, used);
	out[0] = '\\';
	out[1] = *s;
	return 2;
}

/* Copy $'...' decoded from s, which is after the opening quote. */
static const char *
copy_ansi(const char *s, const char *end, char *out, size_t *len)
{
	char bytes[4];
	size_t used;
	int n;

	while (s < end && *s != '\'') {
		if (*s != '\\' || s + 1 >= end) {
			out[(*len)++] = *s++;
			continue;
		}
		n = ansi_escape(s + 1, end, bytes, &used);
		s += 1 + used;
		if (n > 0) {
			memcpy(out + *len, bytes, (size_t)n);
			*len += (size_t)n;
		}
	}
	return s < end ? s + 1 : s;
}

const char *
word_text(struct arena *a, const char *text, const struct word *w, size_t *len)
{
	const char *s = text + w->at.from, *end = text + w->at.to;
	char *out;
	size_t n = 0;

	*len = (size_t)(end - s);
	if (!(w->flags & WORD_JOINED))
		return s;
	out = arena_alloc(a, 1, *len + 1);
	for (; s < end; s++) {
		if (*s == '\\' && s + 1 < end && s[1] == '\n')
			s++;
		else
			out[n++] = *s;
	}
	*len = n;
	return out;
}

const char *
delimiter_text(
    struct arena *a, const char *text, const struct word *w, size_t *len)
{
	const char *s, *end;
	bool dquote = false;
	char *out;
	size_t n;

	s = word_text(a, text, w, &n);
	*len = n;
	if (!(w->flags & WORD_QUOTED))
		return s;
	end = s + n;
	out = arena_alloc(a, 1, n + 1);
	*len = 0;
	while (s < end) {
		if (!dquote && s[0] == '$' && s + 1 < end && s[1] == '\'') {
			s = copy_ansi(s + 2, end, out, len);
		} else if (!dquote && s[0] == '$' && s + 1 < end &&
		    s[1] == '"') {
			s++;
		} else if (*s == '"') {
			dquote = !dquote;
			s++;
		} else if (*s == '\'' && !dquote) {
			for (s++; s < end && *s != '\''; s++)
				out[(*len)++] = *s;
			s++;
		} else if (*s == '\\' && s + 1 < end) {
			if (dquote && !strchr("$`\"\\\n", s[1]))
				out[(*len)++] = '\\';
			out[(*len)++] = s[1];
			s += 2;
		} else {
			out[(*len)++] = *s++;
		}
	}
	return out;
}
