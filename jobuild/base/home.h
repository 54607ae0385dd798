/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a user's files are: XDG's base folders. */
#ifndef BASE_HOME_H
#define BASE_HOME_H

struct arena;

/*
 * $NAME/autotua, or ~/REST/autotua when it isn't set; ~ is $HOME, or the user's
 * folder by /etc/passwd when that is empty or no absolute path.
 */
const char *home_folder(struct arena *a, const char *name, const char *rest);

/*
 * The state folder of autotua-chroot: the machine's for root, one of their own
 * for all others.
 */
const char *home_chroot(struct arena *a);

#endif
