/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/text.h"
#include "base/arena.h"

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

int
text_fitting(const char *s, size_t columns)
{
	size_t i;

	for (i = 0; s[i]; i++) {
		if (((unsigned char)s[i] & 0xc0) != 0x80 && columns-- == 0)
			break;
	}
	return (int)i;
}
