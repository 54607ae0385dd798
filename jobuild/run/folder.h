/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The folder that a jail sees as /autotua/recipe: jobuild.sh and helpers.sh,
 * what AutotuA sets (env), what the planner computed (values), the chain's
 * files and files/. Records in env, chain and values end with a NUL.
 */
#ifndef RUN_FOLDER_H
#define RUN_FOLDER_H

#include "run/run.h"

#include <sys/stat.h>

struct error;

#define PARAMETER_MAX 4096 /* bytes of a parameter's value */

/* The bash side, files of one folder: the first is the program. */
#define HELPERS 2
extern const char *const folder_helpers[HELPERS];

/* What a folder has from the last time. */
struct folder_content {
	struct stat helpers[HELPERS]; /* what they were made of */
	size_t nchain;
	bool files; /* there is something in files/ */
};

struct folder {
	const struct run_conf *conf;
	struct tree *tree;
	const struct tree_recipe *recipe; /* of the tree */
	const char *arch, *id;
	int dirfd;
	/* NULL: the folder is empty; else it is written over */
	struct folder_content *content;
};

int folder_write(const struct folder *f, struct error *err);

/*
 * Is this NAME=VALUE good as a parameter: a name of capitals, digits and _
 * that begins with a capital and is neither AutotuA's nor special to bash; a
 * value of up to PARAMETER_MAX bytes? err says what is wrong.
 */
int parameter_check(const char *parameter, struct error *err);

#endif
