/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of packs share: packs by git, and taking them. */
#ifndef TESTS_PACKS_H
#define TESTS_PACKS_H

#include "repo.h"

static int
unpack_of(const char *path, const char *commit_, const char *id,
    const struct buf *b, struct error *err)
{
	struct recipe_id ids[] = {id_of(id)};
	const char *file = below("in.pack");
	int fd, rc;

	err->msg[0] = '\0';
	(void)file_write(file, b->data, b->len, 0600, err);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	rc = tree_unpack(path, commit_, ids, 1, fd, err);
	close(fd);
	return rc;
}

/* Number of entries in the repository's pack folder. */
static int
packs(const char *path)
{
	const char *argv[] = {"ls", NULL, NULL};
	struct error err;
	struct buf b;
	int n = 0;

	buf_init(&b, 1 << 20);
	argv[1] = arena_printf(&repo_arena, "%s/objects/pack", path);
	if (proc_run(argv, &b, &err) == 0) {
		for (size_t i = 0; i < b.len; i++)
			n += b.data[i] == '\n';
	}
	buf_release(&b);
	return n;
}

/* A pack by git of these objects (ids on a line each). */
static void
git_pack(struct buf *out, const char *ids, const char *options)
{
	const char *script = arena_printf(&repo_arena,
	    "cd %s && printf '%%s' '%s' | git pack-objects -q --stdout %s",
	    repo_path, ids, options);
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};
	struct error err;

	out->len = 0;
	if (proc_run(argv, out, &err) < 0)
		printf("# %s\n", err.msg);
}

#endif
