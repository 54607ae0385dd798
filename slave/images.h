/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stages and layers that are in the state folder of autotua-chroot, read as
 * it leaves them: stages/ID/ok and layers/KEY/ok, whose time is that of the
 * last use. A cheap look without a process; who runs something in them holds
 * them by autotua-chroot all the same.
 */
#ifndef SLAVE_IMAGES_H
#define SLAVE_IMAGES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* folder is "stages" or "layers"; the ids, last used first, at most max. */
json_t *images_list(const char *state, const char *folder, size_t max);

bool images_has(const char *state, const char *folder, const char *id);

#endif
