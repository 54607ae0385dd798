/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/where.h"
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
where_helpers(struct arena *a)
{
	static const char *const below[] = {
	    "../share/autotua", "../libexec/autotua"};
	const char *own = own_folder(a);
	size_t i;

	for (i = 0; i < sizeof(below) / sizeof(below[0]); i++) {
		if (look(a, own, below[i], "/jobuild.sh", R_OK))
			return arena_printf(a, "%s/%s", own, below[i]);
	}
	if (look(a, SHAREDIR, "", "jobuild.sh", R_OK))
		return SHAREDIR;
	if (look(a, LIBEXEC, "", "jobuild.sh", R_OK))
		return LIBEXEC;
	return NULL;
}
