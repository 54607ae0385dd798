/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/scratch.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static void
shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void
scratch_init(struct scratch *s, const char *path)
{
	*s = (struct scratch){.path = path, .fd = -1, .recipe = -1, .out = -1};
}

static int
make(int dir, const char *name, struct error *err)
{
	int fd;

	if (mkdirat(dir, name, 0755) < 0)
		return fail_errno(err, "create folder %s", name);
	fd = openat(dir, name, FOLDER);
	if (fd < 0)
		return fail_errno(err, "open folder %s", name);
	return fd;
}

static int
begin(struct scratch *s, struct error *err)
{
	if (file_remove_tree(AT_FDCWD, s->path, err) < 0)
		return -1;
	memset(&s->content, 0, sizeof(s->content));
	s->fd = make(AT_FDCWD, s->path, err);
	if (s->fd >= 0)
		s->recipe = make(s->fd, "recipe", err);
	return s->recipe < 0 ? -1 : 0;
}

int
scratch_take(struct scratch *s, struct error *err)
{
	if (s->recipe < 0 && begin(s, err) < 0)
		return -1;
	if (s->out < 0)
		s->out = make(s->fd, "out", err);
	return s->out < 0 ? -1 : 0;
}

int
scratch_keep(struct scratch *s, int dir, const char *name, struct error *err)
{
	if (s->out < 0 || file_is_empty(s->out))
		return 0;
	shut(&s->out);
	if (renameat(s->fd, "out", dir, name) < 0)
		return fail_errno(err, "rename to %s", name);
	return 0;
}

void
scratch_release(struct scratch *s)
{
	struct error err;

	if (s->fd >= 0 && file_remove_tree(AT_FDCWD, s->path, &err) < 0)
		log_warn("%s", err.msg);
	shut(&s->out);
	shut(&s->recipe);
	shut(&s->fd);
}
