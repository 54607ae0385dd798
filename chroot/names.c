/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stages and layers of a state folder for a shell that completes a
 * command line: only looked at, and nothing is said when it can't be.
 */
#include "chroot/sys/id.h"
#include "chroot/manage.h"
#include "base/arena.h"
#include "base/home.h"
#include "base/usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The name that a stage was given. */
static void
offer_name(const struct usage_asked *asked, int stages, const char *id)
{
	char path[NAME_MAX + 8], name[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/name", id);
	fd = openat(stages, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, name, sizeof(name) - 1);
	close(fd);
	name[n > 0 ? n : 0] = '\0';
	if (id_is_name(name))
		usage_offer(asked, name);
}

static void
offer_images(const struct usage_asked *asked, const char *state,
    const char *folder, bool names)
{
	char path[4096];
	struct dirent *e;
	DIR *dir;

	if (snprintf(path, sizeof(path), "%s/%s", state, folder) >=
	    (int)sizeof(path))
		return;
	dir = opendir(path);
	if (!dir)
		return;
	while ((e = readdir(dir)) != NULL) {
		if (!id_is_key(e->d_name))
			continue;
		if (names)
			offer_name(asked, dirfd(dir), e->d_name);
		else
			usage_offer(asked, e->d_name);
	}
	closedir(dir);
}

void
manage_names(const struct usage_asked *asked)
{
	bool name = strcmp(asked->name, "NAME") == 0;
	struct arena a = {0};
	const char *state;

	if (strncmp(asked->form, "import", 6) == 0)
		return;
	state = usage_value(asked, "-s", NULL, home_chroot(&a));
	if (name || strcmp(asked->name, "ID") == 0)
		offer_images(asked, state, "stages", name);
	if (strcmp(asked->name, "KEY") == 0 || strcmp(asked->name, "ID") == 0)
		offer_images(asked, state, "layers", false);
	arena_release(&a);
}
