/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packs are a cache: emptied when serve starts (so they needn't be synced),
 * made again when a slave asks. Their name says what is in them. Those that
 * were not asked for in a day are removed.
 */
#include "master/jobs/validate.h"
#include "master/serve/loop.h"
#include "tree/tree.h"
#include "base/arena.h"
#include "base/digest.h"
#include "base/error.h"

#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MOMENT (CLOCKS_PER_SEC / 20) /* for packs that nobody waits for */

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
			    tree_commit(t));
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

static bool
is_there(const struct pack_job *p)
{
	return access(arena_printf(p->arena, "%s/%s", p->packs, p->name),
		   F_OK) == 0;
}

int
pack_make(const struct pack_job *p, struct tree *t, struct error *err)
{
	return is_there(p) ? 0 : write_pack(p, t, err);
}

/* ---- on demand ----------------------------------------------------------- */

/* The atoms of the unit's steps; its revision, or NULL. */
static const char *
read_capsule(struct pack_job *p, const char *capsule)
{
	json_t *o = json_loads(capsule, 0, NULL), *step;
	const json_t *steps = json_object_get(o, "steps");
	const char **atoms, *s;
	size_t i;

	p->n = json_array_size(steps);
	atoms = arena_array(p->arena, p->n, const char *);
	json_array_foreach(steps, i, step)
	{
		s = json_string_value(json_object_get(step, "atom"));
		atoms[i] = arena_strdup(p->arena, s ? s : "");
	}
	p->atoms = atoms;
	s = json_string_value(json_object_get(o, "revision"));
	s = s && p->n > 0 ? arena_strdup(p->arena, s) : NULL;
	json_decref(o);
	return s;
}

/* t: what is open, of another revision perhaps; or NULL. */
static int
make(const struct packs_job *w, const struct pack_of *what, struct tree **t,
    struct error *err)
{
	struct pack_job p = {
	    .arena = w->arena, .packs = w->packs, .name = what->name};
	const char *revision;

	if (is_there(&p))
		return 0;
	revision = read_capsule(&p, what->capsule);
	if (!revision)
		return fail(err, "the capsule is not usable");
	if (*t && strcmp(tree_commit(*t), revision) != 0) {
		tree_close(*t);
		*t = NULL;
	}
	if (!*t && tree_open(t, w->mirror, revision, err) < 0)
		return -1;
	return write_pack(&p, *t, err);
}

void
packs_make(const struct packs_job *w, int out)
{
	clock_t until = clock() + MOMENT;
	struct error err = {0}, first = {0};
	struct tree *t = NULL;
	bool bad = false;
	size_t i;

	for (i = 0; i < w->n && (i < w->nasked || clock() < until); i++) {
		if (make(w, &w->list[i], &t, &err) == 0 || bad ||
		    i >= w->nasked)
			continue;
		bad = true;
		first = err;
		fail_in(&first, "unit %" PRId64, w->list[i].unit);
	}
	if (bad)
		child_fail(out, &first);
	if (t)
		tree_close(t);
}
