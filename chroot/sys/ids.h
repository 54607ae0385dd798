/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ids for a jail. Files on disk have the owners 0 to 65535 that a job sees;
 * its processes run as base to base + 65535, which nobody else on the machine
 * is: a user namespace translates for processes, and id-mapped mounts made
 * with that namespace translate for files. A range is taken by a lock on one
 * byte of a file in /run, or where none can be written there of STATE/ids, and
 * is free again when its holder is gone.
 *
 * An ordinary user's jailer (subid.h) has one range, ids 1 to 65536 of its own
 * user namespace, and no such mounts: all its jobs run with them, and files on
 * disk have them as owners.
 */
#ifndef CHROOT_IDS_H
#define CHROOT_IDS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct error;

#define IDS_COUNT 65536
#define IDS_TRIAL 0x6fff0000u /* the range below those of jobs */

struct ids {
	int lock; /* that file; -1: there are no ranges */
	int userns;
	uint32_t base;
	bool mapped; /* mounts translate owners */
};

/* Take a range and make its user namespace; state is the state folder. */
int ids_take(struct ids *ids, int state, bool users, struct error *err);
void ids_release(struct ids *ids);

/* A new user namespace of count ids from base on; its descriptor, or -1. */
int ids_namespace(uint32_t base, uint32_t count, struct error *err);

/* Are we in an ordinary user's namespace? */
bool ids_is_users(void);

/* Who must own a file on disk so that it is root's in the jail. */
uid_t ids_root(const struct ids *ids);

/*
 * A copy of the mount at the open folder, attached nowhere, with the owners
 * translated (userns -1: as they are) and these MOUNT_ATTR_ besides.
 */
int ids_mount(int folder, int userns, uint64_t attributes, struct error *err);

/*
 * The same with all mounts below it and owners as they are. The kernel gives
 * an ordinary user's namespace no copy without those it can't take off.
 */
int ids_mount_all(int folder, uint64_t attributes, struct error *err);

/* Can a job have ids of its own, with files in the open folder? */
bool ids_possible(int state, int folder, bool users);

#endif
