/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A backup of anybody's making: the list's text, and a tar's members. */
#include "master/backup/saved.h"
#include "master/backup/saved_tar.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define TOTAL_MAX (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
hold(bool good)
{
	if (!good)
		abort();
}

/* With a last line that is right, so that the others are looked at. */
static void
look_at_list(const char *data, size_t size)
{
	struct error err = {0, ""};
	char hex[DIGEST_HEX_MAX];
	struct arena a = {0};
	struct saved s;
	struct buf b;
	size_t i;

	saved_init(&s, &a);
	buf_init(&b, SAVED_LIST_MAX);
	digest_of(DIGEST_KEY, data, size, hex);
	if (buf_add(&b, data, size) < 0 || buf_addf(&b, "end %s\n", hex) < 0)
		abort();
	if (saved_parse(&s, &b, "list", &err) < 0)
		hold(err.msg[0] != '\0');
	else
		hold(s.folder && s.name && saved_is_inside(s.folder));
	for (i = 0; err.msg[0] == '\0' && i < s.n; i++)
		hold(saved_is_inside(s.files[i].path) && s.files[i].size >= 0);
	buf_release(&b);
	arena_release(&a);
}

static int
place(void *ctx, const char *name, int64_t size, struct error *err)
{
	(void)ctx;
	hold(size >= 0);
	(void)err;
	hold(*name != '/' && saved_is_inside(name) && !strchr(name, '\n'));
	return -1;
}

static int
seen(void *ctx, const char *name, int64_t size, const char *digest, int fd,
    struct error *err)
{
	int64_t *total = ctx;

	hold(*name && fd == -1 && strlen(digest) == 64 && size >= 0);
	*total += size;
	return *total > TOTAL_MAX ? fail(err, "enough") : 0;
}

static void
look_at_tar(const uint8_t *data, size_t size)
{
	struct error err = {0, ""};
	int64_t total = 0;
	struct saved_tar_reader reader = {place, seen, &total};
	int fd = memfd_create("tar", MFD_CLOEXEC);
	char path[32];

	hold(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (saved_tar_read(path, &reader, &err) < 0)
		hold(err.msg[0] != '\0');
	else
		hold(total <= (int64_t)size);
	close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	look_at_list((const char *)data, size);
	look_at_tar(data, size);
	return 0;
}
