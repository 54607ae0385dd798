/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration of the command. Later ones win: built in,
 * /etc/autotua/config, autotua/config in the folders of $XDG_CONFIG_DIRS from
 * the last to the first, $XDG_CONFIG_HOME/autotua/config (or $AUTOTUA_CONFIG),
 * the environment's AUTOTUA_* that aren't empty, options. Mirrors of all of
 * them are kept, those that win first. A file that is named several times is
 * read once, where it wins most.
 */
#ifndef CLI_SETTINGS_H
#define CLI_SETTINGS_H

#include "base/conf.h"

#include <stdbool.h>

struct arena;
struct error;

#define SETTINGS 18

struct settings {
	const char *master;  /* https://host:port */
	const char *ca;      /* file with its CA's certificate */
	const char *user;    /* the user's name in the tree */
	const char *key;     /* fingerprint to sign with; NULL: see sign.c */
	const char *tree;    /* the master's name of the tree */
	const char *keyring; /* file */
	const char *arch;
	const char *stage;      /* name or id */
	const char *state;      /* folder of autotua-chroot */
	const char *chroot;     /* the program */
	const char *helpers;    /* folder with jobuild.sh */
	const char *store;      /* folder of fetched files */
	const char *network;    /* "host", "private" or "no" */
	const char *runs;       /* how many old runs are kept: a number */
	const char *runs_age;   /* and how long: a duration; 0: any time */
	const char *layers_max; /* bytes of stages and layers; 0: any */
	const char *rootful;    /* may a job's root be ours? "yes" or "no" */
	struct conf_list mirror;
};

/* Ends with a NULL name; SETTINGS entries before. */
extern const struct conf_option settings_table[];

/* The environment's name of entry i, and what it is for. */
const char *settings_variable(size_t i);
const char *settings_help(size_t i);

/* Is that "yes"? */
bool settings_rootful(const struct settings *s);

/* The user's file, whether it exists or not. */
const char *settings_file(struct arena *a);

/*
 * Merge all layers into out; origin[i] says where entry i comes from, NULL
 * when nothing sets it.
 */
int settings_load(struct settings *out, const char *origin[SETTINGS],
    const struct settings *flags, struct arena *a, struct error *err);

#endif
