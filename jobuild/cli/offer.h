/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What can stand at a place of the command line: candidates for completion,
 * one a line on standard output, "TEXT<tab>HELP" or only TEXT; ":files" and
 * ":dirs" ask the shell for its own. What is to be offered is read off the
 * names that options and arguments have in the help: FILE, DIR, USER/NAME ...;
 * words in small letters stand for themselves.
 */
#ifndef CLI_OFFER_H
#define CLI_OFFER_H

#include <stdbool.h>

struct cli;

struct offer {
	struct cli *cli;
	const char *word;  /* what candidates begin with */
	const char *front; /* what stands before it, as in "--color=" */
};

/* Offer one text, if it begins with the word. */
void offer_text(const struct offer *o, const char *text, const char *help);

/*
 * Offer all that the names in spec mean, as in "[PATH|USER/NAME[-VER]]...";
 * words for themselves only when first is true.
 */
void offer_spec(const struct offer *o, const char *spec, bool first);

#endif
