/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What bash makes of the value of an assignment. Pure: reads the word and the
 * scope, nothing else. What isn't evaluated exactly fails with a diagnostic,
 * one per word.
 */
#ifndef RECIPE_VALUE_H
#define RECIPE_VALUE_H

#include "recipe/parse.h"
#include "base/map.h"

#include <stdbool.h>
#include <stddef.h>

#define WORK_MAX        (1024 * 1024) /* bytes handled for one chain */
#define VALUE_DEPTH_MAX 64

struct scope_variable {
	const char *name;
	const char *value; /* NUL-terminated; NULL: not assigned yet */
	size_t len;
	char *buf;  /* the same, where it is added to */
	size_t cap; /* its room; 0: not added to yet */
	struct place at;
	size_t link; /* the file in the chain that assigned it last */
	bool predefined;
	bool failed; /* what it is worth could not be found out */
};

struct scope {
	struct arena *arena;
	struct diags *diags;
	struct map names; /* to struct scope_variable */
	size_t work;      /* what is left */
	char *buf;        /* bytes of expansions that are going on */
	size_t len, cap;
	bool exhausted; /* the work limit was reported */
	bool unsure;    /* a variable that failed was read; never reset here */
};

void scope_init(struct scope *s, struct arena *a, struct diags *d);
struct scope_variable *
scope_get(const struct scope *s, const char *name, size_t len);

/* The place for a variable, made without value when it is new. */
struct scope_variable *scope_put(struct scope *s, const char *name, size_t len);

/* Add len bytes and a NUL to a value; what many of them cost is linear. */
void scope_append(
    struct scope *s, struct scope_variable *v, const char *text, size_t len);

/*
 * The value of the bytes [from, to) of a file, which are (the end of) a word.
 * NULL after a diagnostic. With only_check, nothing is looked up and the
 * value has no meaning: is everything in it of a kind that is evaluated?
 */
const char *value_eval(struct scope *s, const struct syntax *file,
    struct range word, bool only_check, size_t *len);

#endif
