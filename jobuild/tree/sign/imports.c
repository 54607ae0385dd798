/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file each, with the digest of what is in it in front: one that a power cut
 * has spoilt, or that has another key's name, is none.
 */
#include "imports.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "imports"

static void
seal_of(const char *digest, const void *p, size_t n, char hex[DIGEST_HEX_MAX])
{
	struct digest d;

	digest_init(&d, DIGEST_KEY);
	digest_field(&d, "import");
	digest_field(&d, digest);
	digest_add(&d, p, n);
	digest_end(&d, hex);
}

static int
open_own(int folder)
{
	return openat(
	    folder, FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

bool
imports_get(int folder, const char *digest, struct buf *out)
{
	char seal[DIGEST_HEX_MAX];
	struct error none;
	struct buf b;
	bool good = false;
	int dir = open_own(folder);

	buf_init(&b, KEY_HEX + IMPORTS_SIZE_MAX);
	if (dir >= 0 && file_read_at(dir, digest, &b, &none) == 0 &&
	    b.len > KEY_HEX) {
		seal_of(digest, b.data + KEY_HEX, b.len - KEY_HEX, seal);
		good = memcmp(b.data, seal, KEY_HEX - 1) == 0 &&
		    buf_add(out, b.data + KEY_HEX, b.len - KEY_HEX) == 0;
	}
	buf_release(&b);
	if (dir >= 0)
		close(dir);
	return good;
}

/* Are there so many that most must be of keys that nobody has any more? */
static bool
is_crowded(int folder)
{
	int fd = open_own(folder);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	size_t n = 0;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while (readdir(dir))
		n++;
	closedir(dir);
	return n > IMPORTS_MAX;
}

void
imports_put(int folder, const char *digest, const void *p, size_t n)
{
	char seal[DIGEST_HEX_MAX];
	struct error none;
	struct buf b;
	int dir;

	if (n > IMPORTS_SIZE_MAX)
		return;
	if (is_crowded(folder))
		(void)file_remove_tree(folder, FOLDER, &none);
	if (mkdirat(folder, FOLDER, 0700) < 0 && errno != EEXIST)
		return;
	dir = open_own(folder);
	if (dir < 0)
		return;
	seal_of(digest, p, n, seal);
	buf_init(&b, KEY_HEX + IMPORTS_SIZE_MAX);
	/* what can't be kept is made again */
	if (buf_addf(&b, "%.64s\n", seal) == 0 && buf_add(&b, p, n) == 0)
		(void)file_replace_at(dir, digest, b.data, b.len, 0600, &none);
	buf_release(&b);
	close(dir);
}
