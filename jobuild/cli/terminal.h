/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The caller's terminal lent to a shell in a jail: the jail gets the end of a
 * pseudo-terminal, a child process carries the bytes between that and the
 * real one, so that nothing in there has a descriptor of the real one. The
 * child has none of the caller's other descriptors.
 */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdbool.h>
#include <sys/types.h>

struct error;

struct terminal {
	int master, slave; /* slave is the jail's end; -1: not open */
	pid_t carrier;     /* 0: nobody carries */
};

/* Is it one that does more than print lines (TERM isn't "dumb")? */
bool terminal_is(int fd);

/* Is somebody there who can be asked: on standard input and error? */
bool terminal_answers(void);

/* Needs a terminal on standard input and standard error. */
int terminal_open(struct terminal *t, struct error *err);

/* Carry, until all holders of the jail's end have closed it. */
int terminal_carry(struct terminal *t, struct error *err);

/* Close the jail's end, wait for the carrier; the terminal is as before. */
void terminal_close(struct terminal *t);

#endif
