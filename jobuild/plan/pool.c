/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/pool.h"
#include "plan/resolve.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"

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
}

static struct package *
new_package(struct pool *p, const char *label, size_t len, const char *user,
    const char *name)
{
	struct package *k = arena_alloc(p->arena, 1, sizeof(*k) + len + 1);
	const struct version *versions = NULL;
	size_t i;

	memcpy(k->label, label, len);
	k->nlabel = (uint32_t)len;
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

#define LABEL_MAX (USER_MAX + NAME_MAX_LEN + 2)

/* Where the package is, or where it would go. */
static struct slot *
find_slot(const struct pool *p, const char *label, size_t len, uint32_t hash)
{
	uint32_t i = hash & (p->nslots - 1);
	const struct slot *s;

	for (;; i = (i + 1) & (p->nslots - 1)) {
		s = &p->slots[i];
		if (!s->package ||
		    (s->hash == hash && s->package->nlabel == len &&
			memcmp(s->package->label, label, len) == 0))
			return &p->slots[i];
	}
}

static void
grow_slots(struct pool *p)
{
	uint32_t old = p->nslots, i, at;
	struct slot *slots = p->slots;

	p->nslots = old ? old * 2 : 64;
	p->slots = arena_array(p->arena, p->nslots, struct slot);
	for (i = 0; i < old; i++) {
		if (!slots[i].package)
			continue;
		at = slots[i].hash & (p->nslots - 1);
		while (p->slots[at].package)
			at = (at + 1) & (p->nslots - 1);
		p->slots[at] = slots[i];
	}
}

/* "user/name" into label; its length, or 0 for what is nothing's name. */
static size_t
make_label(char label[LABEL_MAX], const char *user, const char *name)
{
	size_t nuser = strlen(user), nname = strlen(name);

	if (nuser > USER_MAX || nname > NAME_MAX_LEN)
		return 0;
	memcpy(label, user, nuser);
	label[nuser] = '/';
	memcpy(label + nuser + 1, name, nname);
	return nuser + 1 + nname;
}

uint32_t
pool_hash(const struct pool *p, const struct recipe_id *id)
{
	char label[LABEL_MAX];
	size_t len = make_label(label, id->user, id->name);
	uint32_t hash = (uint32_t)map_hash(label, len);

	if (p->nslots > 0)
		__builtin_prefetch(&p->slots[hash & (p->nslots - 1)]);
	return hash;
}

void
pool_expect(const struct pool *p, uint32_t hash)
{
	if (p->nslots > 0)
		__builtin_prefetch(p->slots[hash & (p->nslots - 1)].package);
}

struct package *
pool_find(struct pool *p, const struct recipe_id *id, uint32_t hash)
{
	char label[LABEL_MAX];
	size_t len = make_label(label, id->user, id->name);
	struct slot *s;

	if (len == 0)
		return new_package(p,
		    arena_printf(p->arena, "%s/%s", id->user, id->name),
		    strlen(id->user) + 1 + strlen(id->name), id->user,
		    id->name);
	if (p->npackages >= p->nslots / 2)
		grow_slots(p);
	s = find_slot(p, label, len, hash);
	if (!s->package) {
		s->package = new_package(p, label, len, id->user, id->name);
		s->hash = hash;
		p->npackages++;
	}
	return s->package;
}

struct package *
pool_package(struct pool *p, const struct recipe_id *id)
{
	return pool_find(p, id, pool_hash(p, id));
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

/* The source says again what it said when nobody listened. */
static void
tell(struct pool *p, struct candidate *c)
{
	c->peeked = false;
	p->src->metadata(p->src->ctx, &c->id, p->diags);
}

enum candidate_state
pool_peek(struct pool *p, struct candidate *c)
{
	struct diags unheard;

	if (c->state != CANDIDATE_UNREAD)
		return c->state;
	diags_init(&unheard, p->arena);
	c->meta = p->src->metadata(p->src->ctx, &c->id, &unheard);
	if (!c->meta)
		return CANDIDATE_BROKEN;
	c->peeked = unheard.n > 0;
	c->state =
	    runs_on(c->meta, p->arch) ? CANDIDATE_READY : CANDIDATE_OTHER_ARCH;
	return c->state;
}

void
pool_tell(struct pool *p, const struct closure *c)
{
	size_t i;

	for (i = 0; i < c->nsteps; i++) {
		if (c->steps[i].cand->peeked)
			tell(p, c->steps[i].cand);
	}
}

enum candidate_state
pool_read(struct pool *p, struct candidate *c)
{
	size_t errors = p->diags->errors;

	if (c->peeked)
		tell(p, c);
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
