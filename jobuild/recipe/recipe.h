/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The static reader of jobuilds and templates: bytes to a recipe, a chain of
 * recipes to metadata. Exact or refused: every value has, byte for byte, what
 * bash would assign; what isn't evaluated exactly is a diagnostic. Pure: no
 * files, no environment, no locale, no globals; bounded time and memory.
 */
#ifndef RECIPE_RECIPE_H
#define RECIPE_RECIPE_H

#include "recipe/atom.h"
#include "base/diag.h"
#include "base/map.h"
#include "base/nearest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECIPE_FILE_MAX  (128 * 1024) /* bytes of one file */
#define RECIPE_VALUE_MAX (64 * 1024)  /* bytes of one value */
#define RECIPE_CHAIN_MAX 8

enum recipe_kind { RECIPE_JOBUILD, RECIPE_TEMPLATE };

enum phase { PHASE_SETUP, PHASE_UNPACK, PHASE_RUN, PHASE_COLLECT, PHASES };
extern const char *const phase_names[PHASES]; /* "job_setup", ... */

enum property {
	PROPERTY_NETWORK = 1 << 0,       /* every phase */
	PROPERTY_NETWORK_SETUP = 1 << 1, /* network:job_setup */
	PROPERTY_EXCLUSIVE = 1 << 2,
	PROPERTY_NEST = 1 << 3,
};

/* One file, parsed; text and arena must outlive it. */
struct recipe;

/*
 * Parse a file. NULL when it has errors (all of them in d, with source lines);
 * warnings may be added either way. file is the path that people see.
 */
struct recipe *recipe_parse(struct arena *a, const char *file, const char *text,
    size_t len, struct diags *d);

/* What the file EXTENDS; false when it extends nothing. */
bool recipe_extends(
    const struct recipe *r, struct recipe_id *parent, struct place *at);

/* One assignment as it is written. */
struct origin {
	const char *name;
	bool append;        /* += */
	const char *source; /* what is written after the sign: len bytes */
	size_t len;
	struct place at;
};

/* Assignment i of the file, in its order; false when there are no more. */
bool recipe_origin(const struct recipe *r, size_t i, struct origin *out);

/* A name and what it has after the whole chain was read. */
struct variable {
	const char *name, *value;
	struct place at; /* of the last assignment that set or extended it */
};

/* One file that a job needs (SRC_URI, PORTCONF_URI). */
struct source {
	const char *uri; /* https://, http://, ftp://, mirror://NAME/PATH ... */
	const char *name; /* file name: after "->" or the URI's last part */
	struct place at;
};

struct function {
	const char *name;
	struct place at;
	size_t link; /* index in the chain of the file that defines it last */
};

struct resources {                 /* 0: the slave's default */
	int64_t memory, disk, log; /* bytes */
	int64_t cpus, pids;
	int64_t time, silence; /* seconds */
};

/* What a plan looks at is together, and first. */
struct metadata {
	struct recipe_id id;
	struct dep_list depend, sidepend;
	const char *stage; /* "" when not set, and so are other texts */
	const char **arch; /* words in order, as other lists */
	size_t narch;
	enum recipe_kind kind;
	unsigned properties;   /* of enum property */
	struct variable *vars; /* every assigned name, sorted by name */
	size_t nvars;
	const char *description, *homepage;
	struct source *sources, *portconf;
	size_t nsources, nportconf;
	const char **requires, **locks;
	size_t nrequires, nlocks;
	struct resources resources;
	unsigned phases; /* bit 1 << enum phase: the chain defines it */
	struct function *functions;
	size_t nfunctions;
};

/*
 * Evaluate chain[0] (the root) to chain[n - 1] (the leaf, which is id) into
 * one scope. NULL when there are errors. Checks also what the format demands
 * of the chain: BLOCKS, overriding, required and known variables, lists.
 */
struct metadata *
recipe_eval(struct arena *a, struct recipe *const chain[], size_t n,
    const struct recipe_id *id, enum recipe_kind kind, struct diags *d);

/* The value of a name, or NULL when nothing assigned it. */
const char *metadata_get(const struct metadata *m, const char *name);

/*
 * A requirement of REQUIRES split: "gtk>=3.24" -> gtk, >=, 3.24; of the slave,
 * or of the unit's stage when it begins with "stage:".
 */
#define REQUIREMENT_STAGE   "stage:"
#define PACKAGE_NAME_MAX    128
#define PACKAGE_VERSION_MAX 128
struct requirement {
	bool stage;
	const char *name;    /* without that beginning */
	enum atom_op op;     /* ATOM_ANY: it is enough to have it */
	const char *version; /* digits and dots */
};
bool
requirement_parse(struct arena *a, const char *word, struct requirement *out);

/* Does a capability of this version (digits and dots) fulfil r? */
bool requirement_matches(const struct requirement *r, const char *version);

/*
 * Does a package? Of its version, as its package manager writes it, counts
 * what the project itself gave it: the numbers behind an epoch, up to the
 * first thing that is neither digit nor dot ("1:1.2.13.dfsg-1" is 1.2.13).
 */
bool
requirement_matches_package(const struct requirement *r, const char *version);

/* "=", ">=", ...; "" of ATOM_ANY. */
const char *requirement_op(const struct requirement *r);

#endif
