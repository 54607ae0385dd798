/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recipe/atom.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/map.h"

#include <string.h>

static bool
digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
lower(char c)
{
	return c >= 'a' && c <= 'z';
}

bool
user_valid(const char *s, size_t len)
{
	size_t i;

	if (len == 0 || len > USER_MAX || !lower(s[0]))
		return false;
	for (i = 1; i < len; i++)
		if (!lower(s[i]) && !digit(s[i]) && s[i] != '_' && s[i] != '-')
			return false;
	return true;
}

static bool
name_start(char c)
{
	return digit(c) || lower(c) || (c >= 'A' && c <= 'Z');
}

/* Where "-version" begins at the end of s, or len if s has none. */
static size_t
find_version(const char *s, size_t len, struct version *v)
{
	size_t i = len;

	while (i > 0 && s[i - 1] != '-')
		i--;
	if (i > 0 && version_parse(s + i, len - i, v))
		return i - 1;
	return len;
}

bool
name_valid(const char *s, size_t len)
{
	struct version v;
	size_t i;

	if (len == 0 || len > NAME_MAX_LEN || !name_start(s[0]))
		return false;
	for (i = 1; i < len; i++)
		if (!name_start(s[i]) && s[i] != '+' && s[i] != '_' &&
		    s[i] != '-')
			return false;
	return find_version(s, len, &v) == len;
}

/* "0" or up to nine digits without a leading zero; how many, or 0. */
static size_t
number(const char *s, size_t len, uint32_t *out)
{
	size_t n;

	*out = 0;
	for (n = 0; n < len && digit(s[n]); n++) {
		if (n == 9 || (n > 0 && s[0] == '0'))
			return 0;
		*out = *out * 10 + (uint32_t)(s[n] - '0');
	}
	return n;
}

bool
version_parse(const char *s, size_t len, struct version *v)
{
	size_t n = number(s, len, &v->major), m;

	if (n == 0 || n >= len || s[n] != '.')
		return false;
	m = number(s + n + 1, len - n - 1, &v->minor);
	return m > 0 && n + 1 + m == len;
}

int
version_compare(struct version a, struct version b)
{
	if (a.major != b.major)
		return a.major < b.major ? -1 : 1;
	if (a.minor != b.minor)
		return a.minor < b.minor ? -1 : 1;
	return 0;
}

/* At most nine digits; their end. */
static char *
put_number(char *out, uint32_t n)
{
	char digits[9];
	size_t i = 0;

	do
		digits[i++] = (char)('0' + n % 10);
	while ((n /= 10) > 0 && i < sizeof(digits));
	while (i > 0)
		*out++ = digits[--i];
	return out;
}

void
version_format(struct version v, char out[VERSION_MAX])
{
	/* what no version_parse() gave is cut, not written over the end */
	out = put_number(out, v.major % 1000000000);
	*out++ = '.';
	*put_number(out, v.minor % 1000000000) = '\0';
}

const char *
id_format(struct arena *a, const struct recipe_id *id)
{
	char ver[VERSION_MAX];

	version_format(id->ver, ver);
	return arena_printf(a, "%s/%s-%s", id->user, id->name, ver);
}

int
id_compare(const struct recipe_id *a, const struct recipe_id *b)
{
	int rc = strcmp(a->user, b->user);

	if (rc == 0)
		rc = strcmp(a->name, b->name);
	return rc ? rc : version_compare(a->ver, b->ver);
}

uint32_t
id_hash(const struct recipe_id *id)
{
	char label[USER_MAX + NAME_MAX_LEN + 2];
	size_t n = 0, i;
	uint32_t hash;

	for (i = 0; i < USER_MAX && id->user[i]; i++)
		label[n++] = id->user[i];
	label[n++] = '/';
	for (i = 0; i < NAME_MAX_LEN && id->name[i]; i++)
		label[n++] = id->name[i];
	hash = (uint32_t)map_hash(label, n);
	return hash ? hash : 1;
}

/* user/name[-ver] in len bytes; NULL or what is wrong with it. */
static const char *
split_id(struct arena *a, const char *s, size_t len, struct recipe_id *id,
    bool *versioned)
{
	const char *slash = memchr(s, '/', len);
	size_t user = slash ? (size_t)(slash - s) : len, n;

	if (!slash)
		return "there is no / between the maintainer and the name";
	if (!user_valid(s, user))
		return "the maintainer's name has lower-case letters, digits, "
		       "_ and - and begins with a letter";
	s += user + 1;
	len -= user + 1;
	n = find_version(s, len, &id->ver);
	*versioned = n < len;
	if (!name_valid(s, n))
		return "the name has letters, digits, +, _ and - and begins "
		       "with a letter or digit";
	id->user = arena_strndup(a, slash - user, user);
	id->name = arena_strndup(a, s, n);
	return NULL;
}

bool
id_parse(struct arena *a, const char *s, size_t len, struct recipe_id *id)
{
	bool versioned;

	return !split_id(a, s, len, id, &versioned) && versioned;
}

static const struct {
	const char *text;
	enum atom_op op;
} ops[] = {
    {">=", ATOM_GE},
    {"<=", ATOM_LE},
    {"=", ATOM_EQ},
    {">", ATOM_GT},
    {"<", ATOM_LT},
};

#define NOPS (sizeof(ops) / sizeof(*ops))

int
atom_parse(struct arena *a, const char *s, size_t len, struct atom *out,
    struct error *err)
{
	const char *all = s, *why;
	size_t all_len = len, n, i;
	bool versioned;

	memset(out, 0, sizeof(*out));
	for (i = 0; i < NOPS && out->op == ATOM_ANY; i++) {
		n = strlen(ops[i].text);
		if (len >= n && memcmp(s, ops[i].text, n) == 0) {
			out->op = ops[i].op;
			s += n;
			len -= n;
		}
	}
	why = split_id(a, s, len, &out->id, &versioned);
	if (!why && versioned && out->op == ATOM_ANY)
		why = "a version needs an operator in front: =, >=, <=, > "
		      "or <";
	if (!why && !versioned && out->op != ATOM_ANY)
		why = "an operator needs a version at the end: -1.0";
	if (why)
		return fail(err, "\"%s\" is no dependency: %s",
		    show(a, all, all_len > 200 ? 200 : all_len), why);
	return 0;
}

bool
atom_op_holds(enum atom_op op, int order)
{
	switch (op) {
	case ATOM_ANY:
		return true;
	case ATOM_EQ:
		return order == 0;
	case ATOM_GE:
		return order >= 0;
	case ATOM_LE:
		return order <= 0;
	case ATOM_GT:
		return order > 0;
	case ATOM_LT:
		return order < 0;
	}
	return false;
}

bool
atom_matches(const struct atom *a, struct version v)
{
	return atom_op_holds(a->op, version_compare(v, a->id.ver));
}

const char *
atom_format(struct arena *a, const struct atom *atom)
{
	size_t i;

	for (i = 0; i < NOPS; i++)
		if (ops[i].op == atom->op)
			return arena_printf(
			    a, "%s%s", ops[i].text, id_format(a, &atom->id));
	return arena_printf(a, "%s/%s", atom->id.user, atom->id.name);
}
