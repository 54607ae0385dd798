/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slave/images.h"
#include "base/arena.h"
#include "base/digest.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct image {
	char id[KEY_HEX];
	struct timespec used;
};

static int
later_first(const void *x, const void *y)
{
	const struct image *a = x, *b = y;

	if (a->used.tv_sec != b->used.tv_sec)
		return a->used.tv_sec < b->used.tv_sec ? 1 : -1;
	if (a->used.tv_nsec != b->used.tv_nsec)
		return a->used.tv_nsec < b->used.tv_nsec ? 1 : -1;
	return strcmp(a->id, b->id);
}

static struct image *
read_all(DIR *dir, struct arena *a, size_t *n)
{
	struct image *list = NULL;
	struct dirent *e;
	struct stat st;
	char ok[KEY_HEX + 3];

	*n = 0;
	while ((e = readdir(dir)) != NULL) {
		if (strlen(e->d_name) != KEY_HEX - 1 ||
		    !is_hex(e->d_name, KEY_HEX - 1))
			continue;
		snprintf(ok, sizeof(ok), "%.64s/ok", e->d_name);
		if (fstatat(dirfd(dir), ok, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		list = arena_grow(a, list, *n, sizeof(*list));
		memcpy(list[*n].id, e->d_name, KEY_HEX);
		list[(*n)++].used = st.st_mtim;
	}
	return list;
}

json_t *
images_list(const char *state, const char *folder, size_t max)
{
	struct arena a = {0};
	json_t *out = json_array();
	struct image *list = NULL;
	size_t i, n = 0;
	DIR *dir = opendir(arena_printf(&a, "%s/%s", state, folder));

	if (dir) {
		list = read_all(dir, &a, &n);
		closedir(dir);
	}
	if (n > 0)
		qsort(list, n, sizeof(*list), later_first);
	for (i = 0; i < n && i < max; i++)
		json_array_append_new(out, json_string(list[i].id));
	arena_release(&a);
	return out;
}

bool
images_has(const char *state, const char *folder, const char *id)
{
	struct arena a = {0};
	bool has = access(arena_printf(&a, "%s/%s/%s/ok", state, folder, id),
		       F_OK) == 0;

	arena_release(&a);
	return has;
}
