/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/home.h"
#include "base/arena.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Where HOME names no folder, /etc/passwd does. */
static const char *
home(struct arena *a)
{
	const char *path = getenv("HOME");
	struct passwd *p;
	FILE *f;

	if (path && *path == '/')
		return path;
	path = "";
	f = fopen("/etc/passwd", "re");
	/* cppcheck-suppress fgetpwentCalled ; there are no threads */
	while (f && (p = fgetpwent(f)) != NULL) {
		if (p->pw_uid == geteuid() && *p->pw_dir == '/') {
			path = arena_strdup(a, p->pw_dir);
			break;
		}
	}
	if (f)
		fclose(f);
	return path;
}

const char *
home_folder(struct arena *a, const char *name, const char *rest)
{
	const char *base = getenv(name);

	if (base && *base == '/')
		return arena_printf(a, "%s/autotua", base);
	return arena_printf(a, "%s/%s/autotua", home(a), rest);
}

const char *
home_chroot(struct arena *a)
{
	if (geteuid() == 0)
		return "/var/lib/autotua/chroot";
	return arena_printf(
	    a, "%s/chroot", home_folder(a, "XDG_STATE_HOME", ".local/state"));
}
