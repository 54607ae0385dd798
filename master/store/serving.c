/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/store/serving.h"
#include "master/store/state.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

int
serving_turn(const struct state *st, struct error *err)
{
	int fd = openat(st->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd;

	while (rc >= 0 && (rc = flock(fd, LOCK_EX)) < 0 && errno == EINTR)
		rc = 0;
	if (rc == 0)
		return fd;
	fail_errno(err, "lock %s", st->path);
	if (fd >= 0)
		close(fd);
	return -1;
}

int
serving_lock(const struct state *st, bool make, struct error *err)
{
	int flags = O_RDWR | O_CLOEXEC | (make ? O_CREAT : 0);
	int fd = openat(st->dir, "lock", flags, 0600);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	fail_errno(err, "%s/lock", st->path);
	if (fd >= 0)
		close(fd);
	return -1;
}

bool
serving_now(const struct state *st)
{
	struct error err;
	int turn = serving_turn(st, &err), lock;
	bool busy;

	if (turn < 0)
		return false;
	lock = serving_lock(st, false, &err);
	busy = lock < 0 && err.code == EWOULDBLOCK;
	if (lock >= 0)
		close(lock);
	close(turn);
	return busy;
}
