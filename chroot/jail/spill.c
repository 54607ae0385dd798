/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/jail/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

/* A disk that is full costs the tail, not the job. */
static bool
store(struct spill *s, const char *data, size_t n, uint64_t at)
{
	ssize_t w;

	while (n > 0) {
		w = pwrite(s->fd, data, n, (off_t)at);
		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return false;
		data += w;
		at += (uint64_t)w;
		n -= (size_t)w;
	}
	return true;
}

void
spill_add(struct spill *s, const char *data, size_t n)
{
	uint64_t at;
	size_t part;

	if (s->size > 0 && s->fd < 0) {
		s->fd =
		    openat(s->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		if (s->fd < 0)
			s->size = 0;
	}
	while (n > 0 && s->size > 0) {
		at = s->total % s->size;
		part = n < s->size - at ? n : (size_t)(s->size - at);
		if (!store(s, data, part, at)) {
			s->size = 0;
			break;
		}
		s->total += part;
		data += part;
		n -= part;
	}
	s->total += n;
}

uint64_t
spill_left_out(const struct spill *s)
{
	return s->total > s->size ? s->total - s->size : 0;
}

size_t
spill_read(struct spill *s, char *data, size_t n)
{
	uint64_t missing = spill_left_out(s), at, room;
	ssize_t got;

	if (missing > 0 && !s->told) {
		s->told = true;
		return (size_t)snprintf(data, n,
		    "\nautotua-chroot: %" PRIu64
		    " bytes of the log are left out here\n",
		    missing);
	}
	if (s->next < missing)
		s->next = missing;
	if (s->size == 0 || s->next >= s->total)
		return 0;
	at = s->next % s->size;
	room = s->size - at;
	if (room > s->total - s->next)
		room = s->total - s->next;
	if (n > room)
		n = (size_t)room;
	got = pread(s->fd, data, n, (off_t)at);
	if (got <= 0)
		return 0;
	s->next += (uint64_t)got;
	return (size_t)got;
}

void
spill_close(struct spill *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}
