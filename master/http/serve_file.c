/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/api/api.h"
#include "master/http/parse.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

void
api_file(struct request *r, const char *path, const char *type)
{
	int64_t from, to;
	struct error err;
	struct stat st;
	int fd, part;

	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		if (fd >= 0)
			close(fd);
		fail_errno(&err, "open %s", path);
		request_broken(r, &err);
		return;
	}
	part =
	    parse_range(request_get_header(r, "Range"), st.st_size, &from, &to);
	if (part < 0) {
		close(fd);
		request_problem(r, 416, "bad-range",
		    "the file has only %" PRId64 " bytes", (int64_t)st.st_size);
		return;
	}
	request_file(r, part ? 206 : 200, type, fd, from, to - from + 1);
	request_header(r, "Accept-Ranges", "bytes");
	if (part)
		request_header(r, "Content-Range",
		    arena_printf(&r->arena,
			"bytes %" PRId64 "-%" PRId64 "/%" PRId64, from, to,
			(int64_t)st.st_size));
}
