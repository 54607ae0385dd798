/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packs are a cache: emptied when serve starts (so they needn't be synced),
 * made again when a slave asks. Their name says what is in them.
 */
#include "master/jobs/validate.h"
#include "master/serve/loop.h"
#include "tree/tree.h"
#include "base/arena.h"
#include "base/digest.h"
#include "base/error.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void
pack_name(
    const char *revision, const char *const *atoms, size_t n, char name[65])
{
	char hex[DIGEST_HEX_MAX];
	struct digest d;
	size_t i;

	digest_init(&d, DIGEST_KEY);
	digest_field(&d, revision);
	for (i = 0; i < n; i++)
		digest_field(&d, atoms[i]);
	digest_end(&d, hex);
	memcpy(name, hex, 65);
}

static const struct tree_recipe **
find_recipes(const struct pack_job *p, struct tree *t, struct error *err)
{
	const struct tree_recipe **list =
	    arena_array(p->arena, p->n, const struct tree_recipe *);
	struct recipe_id id;
	struct diags d;
	size_t i;

	diags_init(&d, p->arena);
	for (i = 0; i < p->n; i++) {
		if (id_parse(p->arena, p->atoms[i], strlen(p->atoms[i]), &id))
			list[i] = tree_recipe(t, &id, RECIPE_JOBUILD, &d);
		if (!list[i]) {
			fail(err, "%s is not in revision %s", p->atoms[i],
			    p->revision);
			return NULL;
		}
	}
	return list;
}

static int
write_pack(const struct pack_job *p, struct tree *t, struct error *err)
{
	const struct tree_recipe **list = find_recipes(p, t, err);
	const char *path, *tmp;
	int fd, rc;

	if (!list)
		return -1;
	path = arena_printf(p->arena, "%s/%s", p->packs, p->name);
	tmp = arena_printf(p->arena, "%s.%ld", path, (long)getpid());
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail_errno(err, "create %s", tmp);
	rc = tree_pack(t, list, p->n, fd, err);
	close(fd);
	if (rc == 0 && rename(tmp, path) < 0)
		rc = fail_errno(err, "rename %s", tmp);
	if (rc < 0)
		unlink(tmp);
	return rc;
}

int
pack_make(const struct pack_job *p, struct tree *t, struct error *err)
{
	struct tree *own = NULL;
	int rc;

	if (access(arena_printf(p->arena, "%s/%s", p->packs, p->name), F_OK) ==
	    0)
		return 0;
	if (!t && tree_open(&own, p->mirror, p->revision, err) < 0)
		return -1;
	rc = write_pack(p, t ? t : own, err);
	if (own)
		tree_close(own);
	return rc;
}

void
pack_work(void *ctx, int out)
{
	struct error err = {0};

	if (pack_make(ctx, NULL, &err) < 0)
		child_fail(out, &err);
}
