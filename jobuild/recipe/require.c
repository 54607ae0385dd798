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

static const char *const op_texts[] = {[ATOM_ANY] = "",
    [ATOM_EQ] = "=",
    [ATOM_GE] = ">=",
    [ATOM_LE] = "<=",
    [ATOM_GT] = ">",
    [ATOM_LT] = "<"};

/* The operator at *s, which is moved behind it; ATOM_ANY: there is none. */
static enum atom_op
read_op(const char **s)
{
	static const enum atom_op longest_first[] = {
	    ATOM_GE, ATOM_LE, ATOM_EQ, ATOM_GT, ATOM_LT};
	size_t i, len;

	for (i = 0; i < sizeof(longest_first) / sizeof(*longest_first); i++) {
		len = strlen(op_texts[longest_first[i]]);
		if (strncmp(*s, op_texts[longest_first[i]], len) == 0) {
			*s += len;
			return longest_first[i];
		}
	}
	return ATOM_ANY;
}

/* A package's name may have its category in front: sys-libs/zlib. */
static size_t
name_length(const char *s, bool package)
{
	size_t n = 0;

	while (s[n] && (capability_byte(s[n]) || (package && s[n] == '/')))
		n++;
	return n;
}

bool
requirement_parse(struct arena *a, const char *word, struct requirement *out)
{
	size_t n, max = NAME_MAX_LEN;

	out->stage =
	    strncmp(word, REQUIREMENT_STAGE, strlen(REQUIREMENT_STAGE)) == 0;
	if (out->stage) {
		word += strlen(REQUIREMENT_STAGE);
		max = PACKAGE_NAME_MAX;
	}
	n = name_length(word, out->stage);
	if (n == 0 || n > max || strchr("+_-./", word[0]))
		return false;
	out->name = arena_strndup(a, word, n);
	out->op = ATOM_ANY;
	out->version = "";
	if (word[n] == '\0')
		return true;
	word += n;
	out->op = read_op(&word);
	out->version = arena_strdup(a, word);
	return out->op != ATOM_ANY && version_valid(word);
}

const char *
requirement_op(const struct requirement *r)
{
	return op_texts[r->op];
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
	if (r->op == ATOM_ANY)
		return true;
	return version_valid(version) &&
	    atom_op_holds(r->op, version_order(version, r->version));
}

/* Numbers with single dots between, at the start of s. */
static size_t
leading_numbers(const char *s)
{
	size_t n = 0;

	while (digit(s[n])) {
		while (digit(s[n]))
			n++;
		if (s[n] != '.' || !digit(s[n + 1]))
			break;
		n++;
	}
	return n;
}

bool
requirement_matches_package(const struct requirement *r, const char *version)
{
	char own[PACKAGE_VERSION_MAX + 1];
	size_t n = strspn(version, "0123456789");

	if (n > 0 && version[n] == ':')
		version += n + 1;
	n = leading_numbers(version);
	if (n > PACKAGE_VERSION_MAX)
		return r->op == ATOM_ANY;
	memcpy(own, version, n);
	own[n] = '\0';
	return requirement_matches(r, own);
}
