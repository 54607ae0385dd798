/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The scripts by which shells complete a program's command line. They know
 * nothing of its commands and options: they hand the words that are typed to
 * "PROGRAM completion --words --", which answers out of its own tables.
 */
#ifndef BASE_SHELLS_H
#define BASE_SHELLS_H

#include <stdbool.h>
#include <stdio.h>

/* The shells' names: "bash|zsh|fish". */
#define SHELLS_NAMES "bash|zsh|fish"

/* Print the program's script for a shell; false when there is no such shell. */
bool shells_script(FILE *f, const char *shell, const char *program);

#endif
