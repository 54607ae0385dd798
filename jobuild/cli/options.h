/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Command line options from tables: one for what every command knows, one for
 * each command's own. The tables also make the text of -h.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stddef.h>

struct cli;
struct command;
struct error;

enum opt_type {
	OPT_FLAG,    /* bool, set by its presence */
	OPT_TEXT,    /* const char * */
	OPT_LIST,    /* struct conf_list: may be given several times */
	OPT_PAIRS,   /* the same, each NAME=VALUE */
	OPT_NUMBER,  /* int64_t, 0 to 2^53 */
	OPT_SETTING, /* sets the configuration's value of this name */
};

struct opt {
	const char *name; /* NULL ends a table */
	char letter;      /* 0: none */
	enum opt_type type;
	size_t offset;        /* in the struct to fill */
	const char *argument; /* its name in the help, which also says what
				 completion offers (offer.h); NULL for flags.
				 Of words with | it must be one */
	const char *help;
};

/*
 * Options before the command: index of the first argument that is none, or
 * -1.
 */
int options_common(struct cli *c, int argc, char *argv[], struct error *err);

/*
 * Options of a command, anywhere after its name (argv[0]); arguments are
 * moved to the end. Index of the first argument, or -1.
 */
int options_command(struct cli *c, const struct command *cmd, void *into,
    int argc, char *argv[], struct error *err);

/* The table of the options that every command knows. */
const struct opt *options_shared(void);

void options_usage(const struct command *cmd);
void options_overview(const struct command *const list[], size_t n);

#endif
