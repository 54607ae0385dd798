/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names, versions, atoms and dependency lists of the jobuild format:
 *
 *	LIST := item*
 *	item := atom | "||" "(" item+ ")" | "(" item+ ")"
 *	atom := user "/" name | op user "/" name "-" ver    op: = >= <= > <
 *	user := [a-z][a-z0-9_-]{0,31}
 *	name := [A-Za-z0-9][A-Za-z0-9+_-]{0,63}, not ending in -version
 *	ver  := two numbers and a dot, each 0 or [1-9][0-9]{0,8}
 */
#ifndef RECIPE_ATOM_H
#define RECIPE_ATOM_H

#include "base/diag.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct error;

#define USER_MAX     32
#define NAME_MAX_LEN 64
#define VERSION_MAX  20 /* "999999999.999999999" and a NUL */

struct version {
	uint32_t major, minor; /* 0 to 999999999, compared as numbers */
};

/* user/name-ver: one jobuild or template. */
struct recipe_id {
	const char *user, *name;
	struct version ver;
};

enum atom_op { ATOM_ANY, ATOM_EQ, ATOM_GE, ATOM_LE, ATOM_GT, ATOM_LT };

struct atom {
	enum atom_op op; /* ATOM_ANY: ver has no meaning */
	struct recipe_id id;
};

enum dep_kind { DEP_ATOM, DEP_ANYOF, DEP_ALLOF };

struct dep {
	enum dep_kind kind;
	uint32_t hash;     /* DEP_ATOM: id_hash(), if a parser made it */
	struct atom atom;  /* DEP_ATOM */
	struct dep *items; /* the others: the group's members, at least one */
	size_t n;
	struct place at;
};

struct dep_list {
	struct dep *items;
	size_t n;
};

bool user_valid(const char *s, size_t len);
bool name_valid(const char *s, size_t len);

/* Parse exactly len bytes; false when they aren't one. */
bool version_parse(const char *s, size_t len, struct version *v);
int version_compare(struct version a, struct version b);
void version_format(struct version v, char out[VERSION_MAX]);

/* "user/name-ver" in the arena. */
const char *id_format(struct arena *a, const struct recipe_id *id);
int id_compare(const struct recipe_id *a, const struct recipe_id *b);

/* Of user and name, for tables (see map_hash()); never 0. */
uint32_t id_hash(const struct recipe_id *id);

/* "user/name-ver" exactly (as in EXTENDS); false when it isn't one. */
bool id_parse(struct arena *a, const char *s, size_t len, struct recipe_id *id);

/* One atom in exactly len bytes. -1: err says why and how to write it. */
int atom_parse(struct arena *a, const char *s, size_t len, struct atom *out,
    struct error *err);

/* Does what compares so (below, equal, above zero) with op's version fulfil? */
bool atom_op_holds(enum atom_op op, int order);
bool atom_matches(const struct atom *a, struct version v);
const char *atom_format(struct arena *a, const struct atom *atom);

/*
 * Parse the value of DEPEND or SIDEPEND. at is where the value is written: all
 * diagnostics and the items have this place. Nesting is limited to 64.
 */
int dep_list_parse(struct arena *a, const char *value, struct place at,
    const char *variable, struct dep_list *out, struct diags *d);

#endif
