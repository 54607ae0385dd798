/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/pool.h"
#include "plan/resolve.h"
#include "base/arena.h"
#include "base/buf.h"

#include <string.h>

void
pool_init(struct pool *p, struct arena *a, const struct plan_source *src,
    const char *arch)
{
	memset(p, 0, sizeof(*p));
	p->arena = a;
	p->src = src;
	p->arch = arch;
	map_init(&p->cycles, a);
}

void
pool_begin(struct pool *p, struct arena *work, struct diags *d)
{
	p->work = work;
	p->diags = d;
	p->broken = 0;
	p->told = NULL;
	p->ntold = 0;
}

void
pool_end(struct pool *p)
{
	struct candidate *c;
	size_t i;

	for (i = 0; i < p->ntold; i++) {
		c = p->told[i];
		c->untold = false;
		if (c->state == CANDIDATE_BROKEN) {
			c->state = CANDIDATE_UNREAD;
		} else if (!c->peeked) {
			c->peeked = true;
			p->npeeked++;
		}
	}
	p->work = NULL;
	p->diags = NULL;
}

static struct package *
new_package(struct pool *p, const struct recipe_id *id)
{
	size_t nuser = strlen(id->user), nname = strlen(id->name), i;
	struct package *k = arena_alloc(p->arena, 1,
	    offsetof(struct package, label) + 2 * nuser + nname + 3);
	char *user = k->label + nuser + nname + 2;

	memcpy(k->label, id->user, nuser);
	k->label[nuser] = '/';
	memcpy(k->label + nuser + 1, id->name, nname);
	k->user = memcpy(user, id->user, nuser);
	k->nuser = (uint32_t)nuser;
	k->n = (uint32_t)p->src->versions(
	    p->src->ctx, id->user, id->name, &k->versions);
	__builtin_prefetch(k->versions);
	k->list = arena_array(p->arena, k->n, struct candidate);
	for (i = 0; i < k->n; i++)
		k->list[i].package = k;
	return k;
}

/* The end of what text and the name have in common, if that is all of it. */
static const char *
skip_name(const char *text, const char *name)
{
	while (*name && *text == *name) {
		text++;
		name++;
	}
	return *name ? NULL : text;
}

static bool
is_called(const struct package *k, const struct recipe_id *id)
{
	const char *at = skip_name(k->label, id->user);

	if (!at || *at != '/')
		return false;
	at = skip_name(at + 1, id->name);
	return at && !*at;
}

/* Where the package is, or where it would go. */
static struct slot *
find_slot(const struct pool *p, const struct recipe_id *id, uint32_t hash)
{
	uint32_t i = hash & (p->nslots - 1);
	const struct slot *s;

	for (;; i = (i + 1) & (p->nslots - 1)) {
		s = &p->slots[i];
		if (!s->package ||
		    (s->hash == hash && is_called(s->package, id)))
			return &p->slots[i];
	}
}

static void
grow_slots(struct pool *p)
{
	uint32_t old = p->nslots, i, at;
	struct slot *slots = p->slots;

	p->nslots = old ? old * 4 : 64;
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

uint32_t
pool_hash(const struct pool *p, const struct dep *d)
{
	uint32_t hash = d->hash ? d->hash : id_hash(&d->atom.id);

	if (p->nslots > 0)
		__builtin_prefetch(&p->slots[hash & (p->nslots - 1)]);
	return hash;
}

void
pool_expect(const struct pool *p, uint32_t hash)
{
	const struct package *k;
	uint32_t i = hash;

	if (p->nslots == 0)
		return;
	while ((k = p->slots[i & (p->nslots - 1)].package) &&
	    p->slots[i & (p->nslots - 1)].hash != hash)
		i++;
	if (!k)
		return;
	__builtin_prefetch(&k->round, 1);
	__builtin_prefetch(&k->label[4]);
}

struct package *
pool_find(struct pool *p, const struct recipe_id *id, uint32_t hash)
{
	struct slot *s;

	if (p->npackages >= p->nslots / 2)
		grow_slots(p);
	s = find_slot(p, id, hash);
	if (!s->package) {
		s->package = new_package(p, id);
		s->hash = hash;
		p->npackages++;
	}
	return s->package;
}

struct package *
pool_package(struct pool *p, const struct dep *d)
{
	return pool_find(p, &d->atom.id, pool_hash(p, d));
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

struct version
candidate_version(const struct candidate *c)
{
	return c->package->versions[c - c->package->list];
}

static struct recipe_id
candidate_id(const struct candidate *c)
{
	const struct package *k = c->package;

	return (struct recipe_id){
	    k->user, k->label + k->nuser + 1, candidate_version(c)};
}

static void
read_metadata(struct pool *p, struct candidate *c, struct diags *d)
{
	const struct recipe_id id = candidate_id(c);

	c->meta = p->src->metadata(p->src->ctx, &id, d);
	if (c->meta && p->src->reads)
		p->src->reads(p->src->reader, c->meta);
}

static void
note_told(struct pool *p, struct candidate *c)
{
	p->told =
	    arena_grow(p->work, p->told, p->ntold, sizeof(struct candidate *));
	p->told[p->ntold++] = c;
}

/* The source says again what it said when nobody listened. */
static void
tell(struct pool *p, struct candidate *c)
{
	c->peeked = false;
	p->npeeked--;
	note_told(p, c);
	read_metadata(p, c, p->diags);
}

void
pool_ask(struct pool *p, struct candidate *c)
{
	struct diags unheard;

	if (c->meta)
		return;
	diags_init(&unheard, p->work);
	read_metadata(p, c, &unheard);
	c->peeked = c->meta && unheard.n > 0;
	p->npeeked += c->peeked;
}

enum candidate_state
pool_peek(struct pool *p, struct candidate *c)
{
	if (c->state != CANDIDATE_UNREAD)
		return c->state;
	pool_ask(p, c);
	if (!c->meta)
		return CANDIDATE_BROKEN;
	c->state =
	    runs_on(c->meta, p->arch) ? CANDIDATE_READY : CANDIDATE_OTHER_ARCH;
	return c->state;
}

void
pool_tell(struct pool *p, const struct closure *c)
{
	size_t i;

	for (i = 0; i < c->nsteps && p->npeeked > 0; i++) {
		if (c->steps[i].cand->peeked)
			tell(p, c->steps[i].cand);
	}
}

enum candidate_state
pool_read(struct pool *p, struct candidate *c)
{
	size_t errors = p->diags->errors, said = p->diags->n;

	if (c->peeked)
		tell(p, c);
	if (c->state != CANDIDATE_UNREAD)
		return c->state;
	if (!c->meta)
		read_metadata(p, c, p->diags);
	if (!c->meta) {
		c->state = CANDIDATE_BROKEN;
		c->untold = p->diags->errors == errors;
		p->broken++;
	} else if (!runs_on(c->meta, p->arch)) {
		c->state = CANDIDATE_OTHER_ARCH;
	} else {
		c->state = CANDIDATE_READY;
	}
	if (c->state == CANDIDATE_BROKEN || p->diags->n > said)
		note_told(p, c);
	return c->state;
}

const char *
candidate_name(struct arena *a, const struct candidate *c)
{
	const struct recipe_id id = candidate_id(c);

	return id_format(a, &id);
}

/* The first of the versions, newest first, that isn't above v, or n. */
static uint32_t
first_not_above(const struct package *k, struct version v, bool nor_equal)
{
	uint32_t from = 0, end = k->n, middle;
	int order;

	while (from < end) {
		middle = from + (end - from) / 2;
		order = version_compare(k->versions[middle], v);
		if (order > 0 || (order == 0 && nor_equal))
			from = middle + 1;
		else
			end = middle;
	}
	return from;
}

struct range
package_range(const struct package *k, const struct atom *atom)
{
	const struct version v = atom->id.ver;
	struct range all = {0, k->n};

	switch (atom->op) {
	case ATOM_ANY:
		break;
	case ATOM_EQ:
		all.first = first_not_above(k, v, false);
		all.end = first_not_above(k, v, true);
		break;
	case ATOM_GE:
		all.end = first_not_above(k, v, true);
		break;
	case ATOM_GT:
		all.end = first_not_above(k, v, false);
		break;
	case ATOM_LE:
		all.first = first_not_above(k, v, false);
		break;
	case ATOM_LT:
		all.first = first_not_above(k, v, true);
		break;
	}
	return all;
}

bool
candidate_fits(const struct candidate *c, const struct atom *atom)
{
	return atom->op == ATOM_ANY || atom_matches(atom, candidate_version(c));
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
