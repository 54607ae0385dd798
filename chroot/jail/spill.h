/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tail of a log that is too long: once its head is full, the last bytes
 * are kept in a file without a name, written round and round.
 */
#ifndef CHROOT_SPILL_H
#define CHROOT_SPILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spill {
	int dir;        /* where the file is made, when it is needed */
	int fd;         /* -1: not made yet */
	uint64_t size;  /* so much of the tail is kept */
	uint64_t total; /* bytes added */
	uint64_t next;  /* byte that is read next */
	bool told;      /* how much is missing */
};

void spill_add(struct spill *s, const char *data, size_t n);

/* Bytes that were added and aren't kept. */
uint64_t spill_left_out(const struct spill *s);

/*
 * What is kept, piece by piece, after a line that says how much is missing;
 * 0 at its end. n is at least 128. Nothing is added afterwards.
 */
size_t spill_read(struct spill *s, char *data, size_t n);

void spill_close(struct spill *s);

#endif
