/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The server's next run, as a child that has prepared what does not depend on
 * the job (prepare_ahead()) and waits for the request at a socket. It has
 * nothing of any client's but the kinds of limits that the last run had, is
 * for one run, and ends when the server does: then it clears away what it has
 * made. A run is the same without it, only later. This is the server's side.
 */
#ifndef CHROOT_SPARE_H
#define CHROOT_SPARE_H

#include <stdbool.h>
#include <sys/types.h>

struct message;

struct spare {
	pid_t pid;  /* 0: there is none */
	int socket; /* -1: there is none */
	bool never; /* one could not be prepared: no more are */
};
#define SPARE_NONE ((struct spare){0, -1, false})

/* Is it time to make one? */
bool spare_is_wanted(const struct spare *s);

/* Make the socket; returns the child's end, or -1. */
int spare_open(struct spare *s);

/* Give it the message: its pid, which is the caller's then; 0: it can't. */
pid_t spare_give(struct spare *s, const struct message *m);

/* In another child: it is not ours. */
void spare_close(struct spare *s);

/* It has ended by itself or could not be started. */
void spare_fail(struct spare *s);

#endif
