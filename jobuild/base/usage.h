/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a program can be told, as a table of forms: the text of its -h, and what
 * shells complete, are made of it. Words of a form in small letters stand for
 * themselves ("a|b": either), those in capitals name an argument, of which
 * FILE, KEYFILE, STATEMENT, TARBALL, CONF, DIR, FOLDER and STATE are looked for
 * on the disk; options have their dashes; brackets and dots mean what they do
 * in manuals.
 */
#ifndef BASE_USAGE_H
#define BASE_USAGE_H

#include <stdio.h>

struct usage {
	const char *form; /* "tree add [--allow-forced] NAME URL", or of an
			     option before the command "-C, --state DIR" */
	const char *what; /* a line for people */
};

/*
 * The whole text; the table ends with a NULL form, its options stand behind
 * its commands. It is as wide as a terminal is at least.
 */
void usage_print(FILE *f, const char *program, const struct usage *table);

/*
 * Print words of s, whose first one begins at column at; where one doesn't fit
 * any more a line ends and the next begins at column indent. What is in
 * brackets is one word.
 */
void usage_words(FILE *f, const char *s, size_t at, size_t indent);

/* A word in capitals that could be completed if somebody knew the names. */
struct usage_asked {
	const char *form; /* of the table */
	const char *name; /* of the argument: "NAME" */
	const char *word; /* what is typed of it */
	char **words;     /* those before it */
	int n;
};

/* A name that it can become; nothing when it begins otherwise. */
void usage_offer(const struct usage_asked *asked, const char *name);

/*
 * The value of the last of these options among the words, or otherwise. It is
 * the next word or in the same one: "-C DIR", "-CDIR", "--state=DIR".
 */
const char *usage_value(const struct usage_asked *asked, const char *letter,
    const char *name, const char *otherwise);

/*
 * The command "completion": "bash", "zsh" or "fish" prints the script for that
 * shell, "--words -- WORD..." what the last of these words may become, as the
 * scripts ask: a line each, "TEXT<tab>WHAT" or ":files" or ":dirs". Returns
 * 0, or 2 for other words. names (or NULL) offers what it knows of names.
 */
int usage_completion(const char *program, const struct usage *table,
    void (*names)(const struct usage_asked *asked), int argc, char *argv[]);

#endif
