/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/text.h"
#include "base/arena.h"
#include "base/utf8.h"

#include <locale.h>
#include <string.h>
#include <wchar.h>

const char *
text_duration(struct arena *a, double seconds)
{
	long s = (long)(seconds + 0.5);

	if (seconds < 0)
		return "";
	if (seconds < 9.995)
		return arena_printf(a, "%.2fs", seconds);
	if (s < 60)
		return arena_printf(a, "%lds", s);
	if (s < 3600)
		return arena_printf(a, "%ldm%02lds", s / 60, s % 60);
	return arena_printf(a, "%ldh%02ldm", s / 3600, s / 60 % 60);
}

const char *
text_size(struct arena *a, int64_t bytes)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
	double n = (double)bytes;
	size_t i;

	if (bytes < 1024)
		return arena_printf(a, "%lld B", (long long)bytes);
	for (i = 0, n /= 1024; i < 3 && n >= 1024; i++)
		n /= 1024;
	return arena_printf(a, "%.1f %s", n, units[i]);
}

/* Columns of the character of n bytes, by the locale of this thread. */
static size_t
width(const char *s, size_t n)
{
	mbstate_t state = {0};
	wchar_t c;
	int w = mbrtowc(&c, s, n, &state) == n ? wcwidth(c) : -1;

	return w < 0 ? 1 : (size_t)w;
}

/* Bytes of s that fit; *columns gets how many they have. */
static size_t
measure(const char *s, size_t *columns)
{
	size_t room = *columns, i = 0, n, w;
	locale_t utf8, was;

	while (i < room && s[i] && (unsigned char)s[i] < 0x80)
		i++;
	*columns = i;
	if ((unsigned char)s[i] < 0x80)
		return i;
	/* whatever the user's is; without it each character has one */
	utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	was = uselocale(utf8);
	for (; s[i]; i += n, *columns += w) {
		n = utf8_char(s + i, strnlen(s + i, 4));
		n += n == 0;
		w = width(s + i, n);
		if (*columns + w > room)
			break;
	}
	uselocale(was);
	if (utf8)
		freelocale(utf8);
	return i;
}

size_t
text_columns(const char *s)
{
	size_t columns = SIZE_MAX;

	measure(s, &columns);
	return columns;
}

int
text_fitting(const char *s, size_t columns)
{
	return (int)measure(s, &columns);
}
