/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One parsed file, between recipe.c and chain.c. */
#ifndef RECIPE_FILE_H
#define RECIPE_FILE_H

#include "recipe/parse.h"
#include "recipe/recipe.h"

#define RECIPE_ASSIGNMENTS_MAX 512
#define RECIPE_FUNCTIONS_MAX   256

struct assignment {
	const char *name;
	bool append;        /* += */
	struct range word;  /* as a whole: where it is shown */
	struct range value; /* after the sign */
	struct place at;
};

struct definition {
	const char *name;
	struct place at;
	uint32_t from; /* offset of the name */
};

struct recipe {
	struct syntax *syntax;
	struct assignment *assignments;
	size_t nassignments;
	struct definition *functions;
	size_t nfunctions;
	bool extends;
	struct recipe_id parent;
	struct place extends_at;
};

/* The assignment of a name in the file (the last one), or NULL. */
const struct assignment *
recipe_assignment(const struct recipe *r, const char *name);

/* What the command is, for a message: "a condition", "a command". */
const char *command_name(const struct command *c);

/* Put the line at the diagnostic's place under it. */
void recipe_source(const struct recipe *r, struct diags *d, struct diag *g);

#endif
