/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One idiom for failures: a function that may fail returns int (0 or -1) or a
 * pointer (NULL), and takes a struct error of its caller as the last argument.
 * The place that detects the failure fills it with fail() or fail_errno(); a
 * caller may put context in front with fail_in(). There is nothing to free.
 * What is wrong with a recipe, a tree or a request is no error but a
 * diagnostic: see diag.h.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdbool.h>

struct error {
	int code; /* errno value, 0 when there is none */
	char msg[512];
};

/* Fill err with the text and return -1, so that "return fail(err, ...)". */
int fail(struct error *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* As fail(), keeps errno as the code and adds ": " and its text. */
int fail_errno(struct error *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Put the text and ": " in front of what err says; the code stays. -1. */
int fail_in(struct error *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Is it for want of room, on the disk or of what its user may have of it? */
bool error_is_full(const struct error *err);

/* Will it be over some day: that, or an answer that didn't come (EAGAIN)? */
bool error_may_pass(const struct error *err);

#ifdef __clang_analyzer__ /* it sees one source at a time: tell it */
#define fail(...)       (fail(__VA_ARGS__), -1)
#define fail_errno(...) (fail_errno(__VA_ARGS__), -1)
#define fail_in(...)    (fail_in(__VA_ARGS__), -1)
#endif

#endif
