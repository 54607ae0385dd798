/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The words of a command line that is being typed: what may its last word
 * become? Everything comes from the tables of commands and options.
 */
#ifndef CLI_WORDS_H
#define CLI_WORDS_H

struct cli;

/*
 * Print candidates (see offer.h) for words[n - 1], which may be empty; words
 * are those after the program's name. bash breaks "--name=value" into three.
 */
void words_complete(struct cli *c, int n, char *words[]);

#endif
