/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The architectures that there are: Debian's names, as in recipes' ARCH, and
 * what uname(2) and others call them.
 */
#ifndef BASE_ARCH_H
#define BASE_ARCH_H

#include <stdbool.h>
#include <stddef.h>

struct error;

/* Name i, in their order; NULL after the last. */
const char *arch_name(size_t i);

/* Is it one of the names? */
bool arch_is_known(const char *name);

/* The name of a machine as uname(2) calls it; NULL when unknown. */
const char *arch_of_machine(const char *machine);

/* Is it this machine's own? */
bool arch_is_own(const char *name);

/* The name that was meant, or NULL. */
const char *arch_meant(const char *word);

/* 0 if it is one of the names, else err says what was meant or is there. */
int arch_check(const char *word, struct error *err);

#endif
