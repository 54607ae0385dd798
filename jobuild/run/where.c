/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/where.h"
#include "run/folder.h"
#include "base/arena.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

/* The folder of the running program, or NULL. */
static const char *
own_folder(struct arena *a)
{
	char path[PATH_MAX], *slash;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path));

	if (n <= 0 || n == (ssize_t)sizeof(path))
		return NULL;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		return NULL;
	return arena_strndup(a, path, (size_t)(slash - path));
}

/* dir/rest/name if it can be accessed so, else NULL. */
static const char *
look(struct arena *a, const char *dir, const char *rest, const char *name,
    int mode)
{
	const char *path;

	if (!dir)
		return NULL;
	path = arena_printf(a, "%s/%s%s", dir, rest, name);
	return access(path, mode) == 0 ? path : NULL;
}

const char *
where_program(struct arena *a, const char *name)
{
	static const char *const below[] = {"", "../sbin/", "../bin/"};
	const char *own = own_folder(a), *path;
	size_t i;

	for (i = 0; i < sizeof(below) / sizeof(below[0]); i++) {
		path = look(a, own, below[i], name, X_OK);
		if (path)
			return path;
	}
	return look(a, LIBEXEC, "", name, X_OK);
}

const char *
where_lacks(struct arena *a, const char *folder)
{
	size_t i;

	for (i = 0; i < HELPERS; i++) {
		if (!look(a, folder, "", folder_helpers[i], R_OK))
			return folder_helpers[i];
	}
	return NULL;
}

const char *
where_helpers(struct arena *a)
{
	const char *own = own_folder(a), *folders[4];
	size_t i;

	folders[0] = arena_printf(a, "%s/../share/autotua", own ? own : ".");
	folders[1] = arena_printf(a, "%s/../libexec/autotua", own ? own : ".");
	folders[2] = SHAREDIR;
	folders[3] = LIBEXEC;
	for (i = own ? 0 : 2; i < 4; i++) {
		if (!where_lacks(a, folders[i]))
			return folders[i];
	}
	return NULL;
}
