/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/pool.h"
#include "base/arena.h"
#include "base/buf.h"

#include <string.h>

void
pool_init(struct pool *p, struct arena *a, const struct plan_source *src,
    const char *arch, struct diags *d)
{
	memset(p, 0, sizeof(*p));
	p->arena = a;
	p->src = src;
	p->arch = arch;
	p->diags = d;
	map_init(&p->packages, a);
}

static struct package *
new_package(
    struct pool *p, const char *label, const char *user, const char *name)
{
	struct package *k = arena_new(p->arena, struct package);
	const struct version *versions = NULL;
	size_t i;

	k->label = label;
	k->n = p->src->versions(p->src->ctx, user, name, &versions);
	k->list = arena_array(p->arena, k->n, struct candidate);
	for (i = 0; i < k->n; i++) {
		k->list[i].package = k;
		k->list[i].id.user = user;
		k->list[i].id.name = name;
		k->list[i].id.ver = versions[i];
	}
	return k;
}

struct package *
pool_package(struct pool *p, const char *user, const char *name)
{
	char key[USER_MAX + NAME_MAX_LEN + 2];
	size_t nuser = strlen(user), nname = strlen(name);
	struct package *k;
	char *label;

	if (nuser + nname + 2 > sizeof(key)) /* no such name is valid */
		return new_package(
		    p, arena_printf(p->arena, "%s/%s", user, name), user, name);
	memcpy(key, user, nuser);
	key[nuser] = '/';
	memcpy(key + nuser + 1, name, nname + 1);
	k = map_get(&p->packages, key, nuser + 1 + nname);
	if (!k) {
		label = arena_strndup(p->arena, key, nuser + 1 + nname);
		k = new_package(p, label, user, name);
		*map_put(&p->packages, label, nuser + 1 + nname) = k;
	}
	return k;
}

static bool
runs_on(const struct metadata *m, const char *arch)
{
	size_t i;

	for (i = 0; i < m->narch; i++) {
		if (strcmp(m->arch[i], arch) == 0)
			return true;
	}
	return m->narch == 0;
}

enum candidate_state
pool_read(struct pool *p, struct candidate *c)
{
	size_t errors = p->diags->errors;

	if (c->state != CANDIDATE_UNREAD)
		return c->state;
	c->meta = p->src->metadata(p->src->ctx, &c->id, p->diags);
	if (!c->meta) {
		c->state = CANDIDATE_BROKEN;
		c->untold = p->diags->errors == errors;
		p->broken++;
	} else if (!runs_on(c->meta, p->arch)) {
		c->state = CANDIDATE_OTHER_ARCH;
	} else {
		c->state = CANDIDATE_READY;
	}
	return c->state;
}

const char *
candidate_name(struct arena *a, const struct candidate *c)
{
	return id_format(a, &c->id);
}

bool
candidate_fits(const struct candidate *c, const struct atom *atom)
{
	return atom->op == ATOM_ANY || atom_matches(atom, c->id.ver);
}

struct place
metadata_place(const struct metadata *m, const char *variable)
{
	struct place none = {0};
	size_t i;

	for (i = 0; i < m->nvars; i++) {
		if (strcmp(m->vars[i].name, variable) == 0)
			return m->vars[i].at;
	}
	return none;
}

#define PATH_FIRST 3 /* shown of a long path, and */
#define PATH_LAST  5

static void
add_step(struct buf *b, struct arena *a, const struct path *p)
{
	if (b->len > 0)
		buf_adds(b, p->side ? " => " : " -> ");
	buf_adds(b, candidate_name(a, p->cand));
}

const char *
path_text(struct arena *a, const struct path *p)
{
	const struct path *at, *shown[PATH_FIRST + PATH_LAST];
	const char *text;
	size_t n = 0, i, k = 0;
	struct buf b;

	for (at = p; at; at = at->up)
		n++;
	buf_init(&b, 4096);
	for (at = p, i = n; at; at = at->up) {
		i--;
		if (i < PATH_FIRST || i + PATH_LAST >= n)
			shown[k++] = at;
	}
	while (k-- > 0) {
		add_step(&b, a, shown[k]);
		if (n > PATH_FIRST + PATH_LAST && k == PATH_LAST)
			buf_addf(&b, " -> ... %zu more ...",
			    n - PATH_FIRST - PATH_LAST);
	}
	text = arena_strndup(a, b.data, b.len);
	buf_release(&b);
	return text;
}
