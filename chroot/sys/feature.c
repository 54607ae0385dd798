/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/sys/feature.h"

#include <stdio.h>
#include <string.h>

static const char *const names[FEATURES] = {"userns", "detached", "fsconfig",
    "landlock", "seccomp", "pivot", "cgroup2", "cgroup1", "overlay", "private"};

/* The bit of the word of n bytes; 0: it is none. */
static unsigned
bit_of(const char *word, size_t n)
{
	unsigned i;

	for (i = 0; i < FEATURES; i++) {
		if (strlen(names[i]) == n && strncmp(names[i], word, n) == 0)
			return 1u << i;
	}
	return 0;
}

int
feature_parse(const char *words)
{
	unsigned bits = 0, bit;
	size_t n;

	for (;; words += n + 1) {
		n = strcspn(words, ",");
		bit = bit_of(words, n);
		if (bit == 0)
			return -1;
		bits |= bit;
		if (words[n] == '\0')
			return (int)bits;
	}
}

const char *
feature_text(unsigned features, char text[FEATURE_TEXT])
{
	size_t n = 0;
	unsigned i;

	snprintf(text, FEATURE_TEXT, "-");
	for (i = 0; i < FEATURES; i++) {
		if ((features & (1u << i)) == 0)
			continue;
		n += (size_t)snprintf(text + n, FEATURE_TEXT - n, "%s%s",
		    n > 0 ? "," : "", names[i]);
	}
	return text;
}
