/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recipe/recipe.h"
#include "base/arena.h"

#include <string.h>

static bool
digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Numbers with dots between them. */
static bool
version_valid(const char *s)
{
	do {
		if (!digit(*s))
			return false;
		while (digit(*s))
			s++;
	} while (*s++ == '.');
	return s[-1] == '\0';
}

static bool
capability_byte(char c)
{
	return digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    strchr("+_-.", c);
}

bool
requirement_parse(struct arena *a, const char *word, struct requirement *out)
{
	static const char *const texts[] = {">=", "<=", "=", ">", "<"};
	static const enum atom_op ops[] = {
	    ATOM_GE, ATOM_LE, ATOM_EQ, ATOM_GT, ATOM_LT};
	size_t n = 0, i, len;

	while (word[n] && capability_byte(word[n]))
		n++;
	if (n == 0 || n > NAME_MAX_LEN || strchr("+_-.", word[0]))
		return false;
	out->name = arena_strndup(a, word, n);
	out->op = ATOM_ANY;
	out->version = "";
	if (word[n] == '\0')
		return true;
	for (i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
		len = strlen(texts[i]);
		if (strncmp(word + n, texts[i], len) != 0)
			continue;
		out->op = ops[i];
		out->version = arena_strdup(a, word + n + len);
		return version_valid(out->version);
	}
	return false;
}

/* Compare one number of each, as numbers of any length. */
static int
number_compare(const char **a, const char **b)
{
	size_t n = 0, m = 0;
	int rc;

	while (**a == '0')
		++*a;
	while (**b == '0')
		++*b;
	while (digit((*a)[n]))
		n++;
	while (digit((*b)[m]))
		m++;
	rc = n != m ? (n < m ? -1 : 1) : memcmp(*a, *b, n);
	*a += n;
	*b += m;
	return rc;
}

/* What one has more counts when it is not zero: 1.0 equals 1. */
static int
version_order(const char *a, const char *b)
{
	int rc;

	while (*a || *b) {
		rc = number_compare(&a, &b);
		if (rc)
			return rc < 0 ? -1 : 1;
		a += *a == '.';
		b += *b == '.';
	}
	return 0;
}

bool
requirement_matches(const struct requirement *r, const char *version)
{
	int c;

	if (r->op == ATOM_ANY)
		return true;
	if (!version_valid(version))
		return false;
	c = version_order(version, r->version);
	switch (r->op) {
	case ATOM_EQ:
		return c == 0;
	case ATOM_GE:
		return c >= 0;
	case ATOM_LE:
		return c <= 0;
	case ATOM_GT:
		return c > 0;
	case ATOM_LT:
		return c < 0;
	case ATOM_ANY:
		break;
	}
	return true;
}
