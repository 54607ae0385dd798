/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/store/room.h"
#include "chroot/store/state.h"
#include "base/error.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

struct room {
	int64_t limit, left; /* bytes */
};

bool
room_take(struct state *s, int64_t limit, uint64_t bytes)
{
	struct room r;
	bool fits = false;
	int fd = openat(s->fd, "room", O_RDWR | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (pread(fd, &r, sizeof(r), 0) == (ssize_t)sizeof(r) &&
	    r.limit == limit && r.left >= 0 && (uint64_t)r.left >= bytes) {
		r.left -= (int64_t)bytes;
		fits = pwrite(fd, &r, sizeof(r), 0) == (ssize_t)sizeof(r);
	}
	close(fd);
	return fits;
}

void
room_set(struct state *s, int64_t limit, int64_t left)
{
	struct room r = {limit, left};
	int fd = openat(
	    s->fd, "room", O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return;
	/* half of it is refused by its size */
	if (pwrite(fd, &r, sizeof(r), 0) != (ssize_t)sizeof(r))
		(void)unlinkat(s->fd, "room", 0);
	close(fd);
}

void
room_forget(struct state *s)
{
	struct error none;

	if (state_lock(s, LOCK_EX, &none) < 0)
		return;
	(void)unlinkat(s->fd, "room", 0);
	flock(s->fd, LOCK_UN);
}
