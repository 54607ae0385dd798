/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command "jobuild": what all subcommands share. Each subcommand is one
 * file with one struct command; main.c has the list of them. Everything that
 * a run of the command allocates lives in cli.arena. Results go to standard
 * output; diagnostics and progress to standard error.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/error.h"
#include "base/progress.h"
#include "cli/options.h"
#include "cli/settings.h"

#include <jansson.h>
#include <stdbool.h>

/* Exit statuses; jobuild(1) has the list for users. */
enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,       /* what was asked for failed or is wrong */
	CLI_USAGE = 2,        /* called in a wrong way */
	CLI_NOT_FOUND = 3,    /* what was named does not exist */
	CLI_DENIED = 4,       /* not authorised */
	CLI_UNAVAILABLE = 69, /* no master, no network */
	CLI_TEMPORARY = 75,   /* this machine's trouble: try again */
	CLI_INTERRUPTED = 130,
};

struct cli {
	struct arena arena;
	struct settings conf;  /* effective */
	struct settings flags; /* what the command line says */
	const char *origin[SETTINGS];
	const struct command *command;
	const struct command *const *commands; /* all of them */
	size_t ncommands;
	bool json, help, version, quiet, verbose;
	const char *folder; /* -C */
	const char *color;  /* --color as given */
	bool color_out, color_err;
	struct progress_line bar; /* what is under way, see progress.h */
	bool unwritten;           /* standard output failed, as was said */
	json_t *document;         /* to print at the end, or NULL */
	bool lines;               /* with --json: documents are lines */
	const char *wrong;        /* the first error that counts, or NULL */
};

struct command {
	const char *name;
	const char *arguments; /* of the synopsis, after the options */
	const char *summary;   /* one line */
	const struct opt *options;
	size_t size;  /* of the struct that the options fill */
	int min, max; /* arguments; max -1: any number */
	bool bare;    /* reads no configuration */
	int (*run)(struct cli *c, const void *options, int n, char *args[]);
};

/* Print "jobuild: TEXT" and return status. */
int cli_error(struct cli *c, int status, const struct error *err);
int cli_errorf(struct cli *c, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* What was tried again has worked: no error that was told so far counts. */
void cli_overcome(struct cli *c);

/*
 * What an error means: CLI_USAGE for EINVAL, CLI_NOT_FOUND for ENOENT,
 * CLI_FAILED for EFBIG (a tree that is too large), ENODATA (a clone lacks it)
 * and EKEYREJECTED (a key that can't sign), else otherwise.
 */
int cli_status(const struct error *err, int otherwise);

/* Write out standard output; -1: it fails, which is said once. */
int cli_flush(struct cli *c);

/* A line to standard error unless -q; detail only with -v. */
void cli_note(struct cli *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void cli_detail(struct cli *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Diagnostics to standard error (nothing with --json). */
void cli_diags(struct cli *c, const struct diags *d);

/* Take this, and the reference, as the JSON document of the command. */
void cli_json(struct cli *c, json_t *document);

/*
 * Print the document; with --json and a status that isn't 0, the first error
 * that was told, or that it was interrupted, is its member "error", if need be
 * its only one.
 */
void cli_end(struct cli *c, int status);

/* With --json: {"diagnostics": [...]}; else as cli_diags(). CLI_FAILED. */
int cli_refused(struct cli *c, const struct diags *d);

/* s as it can be shown on a terminal; "" for NULL. */
const char *cli_show(struct cli *c, const char *s);

#endif
