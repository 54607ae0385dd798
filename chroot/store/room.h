/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much may still be added below the limit of all images' size, so that
 * not all of them are looked at for each one that comes: the file "room" of
 * the state folder, written when they were added up, and gone when that may
 * not hold any more. What is deleted meanwhile isn't known of; then they are
 * added up sooner than they had to be.
 */
#ifndef CHROOT_ROOM_H
#define CHROOT_ROOM_H

#include <stdbool.h>
#include <stdint.h>

struct state;

/*
 * A layer of this many bytes has come: is there certainly room for it below
 * this limit? With the state's lock, exclusively, as the next one.
 */
bool room_take(struct state *s, int64_t limit, uint64_t bytes);

/* They have been added up: so many bytes are left. */
void room_set(struct state *s, int64_t limit, int64_t left);

/*
 * Something else has been added, or may have been. It waits for the lock,
 * which the caller has not.
 */
void room_forget(struct state *s);

#endif
