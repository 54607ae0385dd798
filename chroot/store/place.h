/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the state folder is. Root fills it, so nobody else may put another
 * folder into its place, or into that of a folder or link on the way to it:
 * the path is followed name by name, in open folders that have been looked at
 * before, and what is missing is made only then.
 */
#ifndef CHROOT_PLACE_H
#define CHROOT_PLACE_H

#include <stdbool.h>

struct error;

/*
 * The folder at path as a descriptor (O_PATH), made if missing: for its owner
 * alone, those above it for others to pass. For an ordinary user (users),
 * to whom the owners of most folders are unknown, only the last name is looked
 * at: it may be no link of somebody else's.
 */
int place_open(const char *path, bool users, struct error *err);

#endif
