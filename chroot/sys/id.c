/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/sys/id.h"
#include "base/utf8.h"

#include <string.h>

#define DIGITS "0123456789"
#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* Has s between min and max bytes, all of them in set? */
static bool
made_of(const char *s, const char *set, size_t min, size_t max)
{
	size_t n = strnlen(s, max + 1);

	return n >= min && n <= max && strspn(s, set) == n;
}

static bool
is_digest(const char *s, size_t n)
{
	return made_of(s, DIGITS "abcdef", n, n);
}

bool
id_is_key(const char *s)
{
	return is_digest(s, 64);
}

bool
id_is_job(const char *s)
{
	return made_of(s, LOWER DIGITS "-", 8, 64);
}

bool
id_is_name(const char *s)
{
	return made_of(s, LOWER UPPER DIGITS "._+-", 1, 63) && s[0] != '.' &&
	    s[0] != '-';
}

bool
id_is_phase(const char *s)
{
	return strcmp(s, "-") == 0 || made_of(s, LOWER UPPER DIGITS "_", 1, 63);
}

bool
id_is_stored(const char *s)
{
	if (strncmp(s, "blake2b-", 8) == 0)
		return is_digest(s + 8, 128);
	if (strncmp(s, "sha512-", 7) == 0)
		return is_digest(s + 7, 128);
	return false;
}

bool
id_is_file(const char *s)
{
	size_t n, left = strnlen(s, 256);

	if (left == 0 || left > 255 || strcmp(s, ".") == 0 ||
	    strcmp(s, "..") == 0)
		return false;
	for (; left > 0; s += n, left -= n) {
		n = utf8_char(s, left);
		if (n == 0 || *s == '/' || utf8_is_control(s, n))
			return false;
	}
	return true;
}
