/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ids for a jail. Files on disk have the owners 0 to 65535 that a job sees;
 * its processes run as base to base + 65535, which nobody else on the machine
 * is: a user namespace translates for processes, and id-mapped mounts made
 * with that namespace translate for files. A range is taken by a lock on one
 * byte of STATE/ids and is free again when its holder is gone.
 */
#ifndef CHROOT_IDS_H
#define CHROOT_IDS_H

#include <stdint.h>

struct error;

#define IDS_COUNT 65536

struct ids {
	int lock; /* the open STATE/ids */
	int userns;
	uint32_t base;
};

/* Take a range and make its user namespace; state is the state folder. */
int ids_take(struct ids *ids, int state, struct error *err);
void ids_release(struct ids *ids);

/*
 * A copy of the mount at the open folder, attached nowhere, with the owners
 * translated and these MOUNT_ATTR_ besides.
 */
int ids_mount(int folder, int userns, uint64_t attributes, struct error *err);

#endif
