/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/jail/disk.h"
#include "chroot/jail/jail.h"
#include "chroot/sys/sys.h"
#include "chroot/sys/walk.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define SECOND     1000000000LL
#define GIB        ((int64_t)1 << 30)
#define WALK_EVERY (30 * SECOND)
#define WALK_SHARE 20 /* it may take a twentieth of the time */

int64_t
disk_free(int fd)
{
	struct statvfs v;

	if (fstatvfs(fd, &v) < 0)
		return INT64_MAX;
	return (int64_t)v.f_bavail * (int64_t)v.f_frsize;
}

int64_t
disk_reserve(int fd, int64_t asked)
{
	struct statvfs v;
	int64_t tenth;

	if (asked >= 0 || fstatvfs(fd, &v) < 0)
		return asked < 0 ? 0 : asked;
	tenth = (int64_t)v.f_blocks * (int64_t)v.f_frsize / 10;
	return tenth < 5 * GIB ? tenth : 5 * GIB;
}

void
disk_begin(struct disk *d, int run, int64_t limit, int64_t reserve)
{
	*d = (struct disk){.run = run, .limit = limit};
	d->reserve = disk_reserve(run, reserve);
	d->free = d->begin = disk_free(run);
	d->next = jail_now() + WALK_EVERY;
}

/* Add up one of the folders that the job writes to. */
static int64_t
used_in(int run, const char *name)
{
	struct walk_size size = {0, 0};
	int fd = sys_open_beneath(run, name, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return 0;
	walk_size_live(fd, &size);
	close(fd);
	return (int64_t)size.bytes;
}

static void
add_up(struct disk *d)
{
	int64_t begin = jail_now(), took;

	d->free = disk_free(d->run);
	d->used =
	    used_in(d->run, "upper") + used_in(d->run, "home") - d->copied;
	took = (jail_now() - begin) * WALK_SHARE;
	d->next = jail_now() + (took > WALK_EVERY ? took : WALK_EVERY);
}

void
disk_copied(struct disk *d)
{
	d->copied = used_in(d->run, "upper");
	d->free = d->begin = disk_free(d->run);
}

bool
disk_exceeded(struct disk *d, bool final)
{
	int64_t now_free = disk_free(d->run), gone = d->free - now_free;

	/* others may have freed meanwhile what the run has taken */
	if (d->limit > 0 &&
	    (final || d->used + gone >= d->limit || jail_now() >= d->next)) {
		add_up(d);
		if (d->used >= d->limit)
			return true;
	}
	if (now_free >= d->reserve)
		return false;
	add_up(d);
	d->met = now_free;
	d->low = d->used < (d->begin - d->met) / 2;
	return true;
}

void
disk_settle(struct disk *d)
{
	/* at once: what others free later is not the run's */
	int64_t freed = disk_free(d->run) - d->met;

	if (d->low)
		d->low = d->used + freed < (d->begin - d->met) / 2;
}
