/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/jail/ready.h"
#include "chroot/jail/disk.h"
#include "base/error.h"
#include "base/file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Percent of the last ten seconds; 0 if the kernel doesn't tell. */
static double
pressure_of(const char *what)
{
	char path[64], text[256];
	const char *full;

	snprintf(path, sizeof(path), "/proc/pressure/%s", what);
	file_read_text(AT_FDCWD, path, text, sizeof(text));
	full = strstr(text, "full avg10=");
	return full ? strtod(full + strlen("full avg10="), NULL) : 0;
}

int
ready(int fd, int64_t reserve, int64_t pressure, struct error *err)
{
	static const char *const kinds[] = {"memory", "io"};
	struct space free = disk_free(fd), wanted = disk_reserve(fd, reserve);
	double now;
	size_t i;

	if (free.bytes < wanted.bytes)
		return fail(err,
		    "the disk of the state folder has %" PRId64
		    " MiB free, and %" PRId64
		    " MiB are to stay free (--reserve): remove stages or "
		    "layers",
		    free.bytes >> 20, wanted.bytes >> 20);
	if (free.files < wanted.files)
		return fail(err,
		    "the disk of the state folder has %" PRId64
		    " inodes free, and %" PRId64
		    " are to stay free (unless --reserve is 0): remove stages "
		    "or layers",
		    free.files, wanted.files);
	for (i = 0; pressure > 0 && i < 2; i++) {
		now = pressure_of(kinds[i]);
		if (now > (double)pressure)
			return fail(err,
			    "pressure: work stood still for %.0f %% of the "
			    "last seconds for want of %s, more than %" PRId64
			    " %% (--pressure)",
			    now, kinds[i], pressure);
	}
	return 0;
}
