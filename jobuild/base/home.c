/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/home.h"
#include "base/arena.h"

#include <stdlib.h>
#include <unistd.h>

const char *
home_folder(struct arena *a, const char *name, const char *rest)
{
	const char *base = getenv(name), *home = getenv("HOME");

	if (base && *base == '/')
		return arena_printf(a, "%s/autotua", base);
	if (!home || *home != '/')
		home = "/";
	return arena_printf(a, "%s/%s/autotua", home, rest);
}

const char *
home_chroot(struct arena *a)
{
	if (geteuid() == 0)
		return "/var/lib/autotua/chroot";
	return arena_printf(
	    a, "%s/chroot", home_folder(a, "XDG_STATE_HOME", ".local/state"));
}
