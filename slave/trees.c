/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slave/trees.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

const char *
trees_key(struct arena *a, const char *revision, const struct recipe_id *ids,
    size_t n)
{
	char hex[DIGEST_HEX_MAX];
	struct digest d;
	size_t i;

	digest_init(&d, DIGEST_KEY);
	digest_field(&d, "tree of a unit");
	digest_field(&d, revision);
	for (i = 0; i < n; i++)
		digest_field(&d, id_format(a, &ids[i]));
	digest_end(&d, hex);
	return arena_strdup(a, hex);
}

static const char *
folder_of(struct arena *a, const char *state)
{
	return arena_printf(a, "%s/trees", state);
}

static const char *
path_of(struct arena *a, const char *state, const char *key)
{
	return arena_printf(a, "%s/%s.pack", folder_of(a, state), key);
}

bool
trees_get(const char *state, const char *key, struct buf *pack)
{
	struct arena a = {0};
	const char *path = path_of(&a, state, key);
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), rc = -1;
	struct error err;

	if (fd >= 0) {
		/* when it was used last */
		(void)futimens(fd, NULL);
		rc = buf_read(pack, fd, &err);
		if (rc < 0)
			log_warn("%s %s", path, err.msg);
		close(fd);
	}
	arena_release(&a);
	return rc == 0;
}

int
trees_keep(const char *state, const char *key, const struct buf *pack,
    struct error *err)
{
	struct arena a = {0};
	int rc = file_mkdirs(folder_of(&a, state), 0700, err);

	if (rc == 0)
		rc = file_replace_at(AT_FDCWD, path_of(&a, state, key),
		    pack->data, pack->len, 0600, err);
	arena_release(&a);
	return rc;
}

static void
prune(int dir, const char *name, time_t before)
{
	struct error err;
	struct stat st;

	if (name[0] == '.' && (name[1] == '\0' || name[1] == '.'))
		return;
	/* a folder or a lock, too, as older versions have left them */
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_mtime < before && file_remove_tree(dir, name, &err) < 0)
		log_warn("trees: %s", err.msg);
}

void
trees_prune(const char *state, long seconds)
{
	struct arena a = {0};
	DIR *dir = opendir(folder_of(&a, state));
	time_t before = time(NULL) - seconds;
	struct dirent *e;

	arena_release(&a);
	while (dir && (e = readdir(dir)) != NULL)
		prune(dirfd(dir), e->d_name, before);
	if (dir)
		closedir(dir);
}
