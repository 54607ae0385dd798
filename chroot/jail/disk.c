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
#define FILES_MAX  ((int64_t)1 << 18)
#define WALK_SHARE 20 /* it may take a twentieth of the time */

struct space
disk_free(int fd)
{
	struct statvfs v;

	if (fstatvfs(fd, &v) < 0)
		return (struct space){INT64_MAX, INT64_MAX};
	return (struct space){(int64_t)v.f_bavail * (int64_t)v.f_frsize,
	    v.f_files > 0 ? (int64_t)v.f_favail : INT64_MAX};
}

static int64_t
smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

struct space
disk_reserve(int fd, int64_t asked)
{
	struct space keep = {asked, 0};
	struct statvfs v;

	if (asked < 0)
		keep.bytes = 0;
	if (asked == 0 || fstatvfs(fd, &v) < 0)
		return keep;
	if (asked < 0)
		keep.bytes = smaller(
		    (int64_t)v.f_blocks * (int64_t)v.f_frsize / 10, 5 * GIB);
	keep.files = smaller((int64_t)(v.f_files / 10), FILES_MAX);
	return keep;
}

void
disk_begin(struct disk *d, int run, int64_t limit, int64_t reserve)
{
	*d = (struct disk){.run = run, .limit = limit};
	d->reserve = disk_reserve(run, reserve);
	d->begin = disk_free(run);
	d->free = d->begin.bytes;
	d->next = jail_now() + WALK_EVERY;
}

/* Add up one of the folders that the job writes to. */
static struct space
used_in(int run, const char *name)
{
	struct walk_size size = {0, 0};
	int fd = sys_open_beneath(run, name, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return (struct space){0, 0};
	walk_size_live(fd, &size);
	close(fd);
	return (struct space){(int64_t)size.bytes, (int64_t)size.files};
}

static void
add_up(struct disk *d)
{
	int64_t begin = jail_now(), took;
	struct space upper, home;

	d->free = disk_free(d->run).bytes;
	upper = used_in(d->run, "upper");
	home = used_in(d->run, "home");
	d->used.bytes = upper.bytes + home.bytes - d->copied.bytes;
	d->used.files = upper.files + home.files - d->copied.files;
	took = (jail_now() - begin) * WALK_SHARE;
	d->next = jail_now() + (took > WALK_EVERY ? took : WALK_EVERY);
}

void
disk_copied(struct disk *d)
{
	d->copied = used_in(d->run, "upper");
	d->begin = disk_free(d->run);
	d->free = d->begin.bytes;
}

/* Is less than half of what has gone the run's? freed: by its end. */
static bool
is_others(const struct disk *d, struct space freed)
{
	if (d->files)
		return d->used.files + freed.files <
		    (d->begin.files - d->met.files) / 2;
	return d->used.bytes + freed.bytes <
	    (d->begin.bytes - d->met.bytes) / 2;
}

bool
disk_exceeded(struct disk *d, bool final)
{
	struct space left = disk_free(d->run);

	/* others may have freed meanwhile what the run has taken */
	if (d->limit > 0 &&
	    (final || d->used.bytes + d->free - left.bytes >= d->limit ||
		jail_now() >= d->next)) {
		add_up(d);
		if (d->used.bytes >= d->limit)
			return true;
	}
	d->files = left.files < d->reserve.files;
	if (!d->files && left.bytes >= d->reserve.bytes)
		return false;
	add_up(d);
	d->met = left;
	d->low = is_others(d, (struct space){0, 0});
	return true;
}

void
disk_settle(struct disk *d)
{
	struct space now = disk_free(d->run);

	/* at once: what others free later is not the run's */
	if (d->low)
		d->low = is_others(d,
		    (struct space){
			now.bytes - d->met.bytes, now.files - d->met.files});
}
