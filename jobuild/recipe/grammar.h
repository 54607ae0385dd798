/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the files of the parser. What reads returns NULL after a failure,
 * which syntax_fail() has kept.
 */
#ifndef RECIPE_GRAMMAR_H
#define RECIPE_GRAMMAR_H

#include "recipe/lex.h"

struct command *
command_new(struct parser *p, enum command_kind kind, uint32_t from);

/* Newlines, then commands: what the grammar of bash calls a compound_list. */
struct command *chain_read(struct parser *p);

/* A command with its redirections; the next token starts one. */
struct command *command_read(struct parser *p);

/* A compound command; the next token starts one. */
struct command *compound_read(struct parser *p);

/* ( chain ) of which the first parenthesis was read at from. */
struct command *subshell_rest(struct parser *p, uint32_t from);

/* [[ expression ]] of which [[ was read; fills c. -1 after a failure. */
int cond_read(struct parser *p, struct command *c);

void skip_newlines(struct parser *p);
bool starts_command(int token);

/* Fail because of the next token; -1. */
int unexpected(struct parser *p, const char *hint);

/* Take the token that belongs to what opens at opener; -1 if it's another. */
int expect(struct parser *p, int token, const char *name, uint32_t opener,
    const char *opens);

#endif
