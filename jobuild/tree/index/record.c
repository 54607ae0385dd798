/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record.h"
#include "recipe/list.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#define KEY_RAW ((KEY_HEX - 1) / 2)
#define SUM_RAW ((DIGEST_HEX_MAX - 1) / 2) /* BLAKE2B and SHA512 */

enum hashes { HAS_BLAKE2B = 1, HAS_SHA512 = 2 };

/* ---- writing ---- */

void
write_number(struct buf *b, uint64_t n)
{
	char out[10];
	size_t i = 0;

	for (; n > 127; n >>= 7)
		out[i++] = (char)(n | 128);
	out[i++] = (char)n;
	buf_add(b, out, i);
}

void
write_text(struct buf *b, const char *s)
{
	size_t n = strlen(s);

	write_number(b, n);
	buf_add(b, s, n + 1);
}

static int
digit(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* Hexadecimal as bytes. */
static void
write_hex(struct buf *b, const char *hex, size_t raw)
{
	char out[SUM_RAW];
	size_t i;

	for (i = 0; i < raw; i++)
		out[i] = (char)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
	buf_add(b, out, raw);
}

void
record_write_file(struct buf *b, const struct tree_file *f)
{
	write_hex(b, f->blob, GIT_OID_RAWSZ);
	write_hex(b, f->digest, KEY_RAW);
	write_number(b, f->len);
}

/* Line and column; the file is known from elsewhere. */
static void
write_spot(struct buf *b, struct place at)
{
	write_number(b, at.line);
	write_number(b, at.col);
}

static size_t
link_of(const struct tree_recipe *r, const char *file)
{
	size_t i;

	for (i = 0; i + 1 < r->nchain; i++) {
		if (file && strcmp(r->chain[i]->path, file) == 0)
			break;
	}
	return i;
}

static void
write_values(struct buf *b, const struct tree_recipe *r)
{
	const struct metadata *m = r->meta;
	size_t i;

	write_number(b, m->nvars);
	for (i = 0; i < m->nvars; i++) {
		write_text(b, m->vars[i].name);
		write_text(b, m->vars[i].value);
		write_number(b, link_of(r, m->vars[i].at.file));
		write_spot(b, m->vars[i].at);
	}
	write_number(b, m->nfunctions);
	for (i = 0; i < m->nfunctions; i++) {
		write_text(b, m->functions[i].name);
		write_number(b, m->functions[i].link);
		write_spot(b, m->functions[i].at);
	}
	write_number(b, m->phases);
}

static void
write_dist(
    struct buf *b, const struct tree_recipe *r, const struct manifest_entry *e)
{
	unsigned has =
	    (e->blake2b[0] ? HAS_BLAKE2B : 0) | (e->sha512[0] ? HAS_SHA512 : 0);
	size_t i;

	for (i = 0; i + 1 < r->nmanifests; i++) {
		if (strcmp(r->manifests[i]->path, e->at.file) == 0)
			break;
	}
	write_number(b, i);
	write_spot(b, e->at);
	write_text(b, e->name);
	write_number(b, (uint64_t)e->size);
	write_number(b, has);
	if (has & HAS_BLAKE2B)
		write_hex(b, e->blake2b, SUM_RAW);
	if (has & HAS_SHA512)
		write_hex(b, e->sha512, SUM_RAW);
}

void
record_write(
    struct buf *b, const struct tree_recipe *r, const struct witnesses *w)
{
	size_t i;

	write_number(b, w->n);
	for (i = 0; i < w->n; i++) {
		write_text(b, w->list[i].path);
		buf_add(b, w->list[i].folder.id, GIT_OID_RAWSZ);
		buf_add(b, w->list[i].manifest.id, GIT_OID_RAWSZ);
	}
	write_number(b, r->nchain);
	for (i = 0; i < r->nchain; i++) {
		write_text(b, i + 1 < r->nchain ? r->chain[i]->path : "");
		record_write_file(b, r->chain[i]);
	}
	write_values(b, r);
	write_number(b, r->nmanifests);
	for (i = 0; i < r->nmanifests; i++) {
		write_text(b, r->manifests[i]->path);
		record_write_file(b, r->manifests[i]);
	}
	write_number(b, r->ndist);
	for (i = 0; i < r->ndist; i++)
		write_dist(b, r, r->dist[i]);
}

/* ---- reading ---- */

const char *
read_raw(struct cursor *c, size_t n)
{
	const char *p = c->p;

	if (c->bad || (size_t)(c->end - c->p) < n) {
		c->bad = true;
		return NULL;
	}
	c->p += n;
	return p;
}

uint64_t
read_number(struct cursor *c)
{
	uint64_t n = 0;
	unsigned shift = 0, part;

	for (;; shift += 7) {
		if (c->bad || c->p == c->end || shift > 63) {
			c->bad = true;
			return 0;
		}
		part = (unsigned char)*c->p++;
		n |= (uint64_t)(part & 127) << shift;
		if (part < 128)
			return n;
	}
}

const char *
read_text(struct cursor *c)
{
	uint64_t n = read_number(c);
	const char *s;

	if (c->bad || n >= (size_t)(c->end - c->p)) {
		c->bad = true;
		return "";
	}
	s = read_raw(c, (size_t)n + 1);
	if (memchr(s, '\0', (size_t)n + 1) == s + n)
		return s;
	c->bad = true;
	return "";
}

size_t
read_count(struct cursor *c, size_t size)
{
	uint64_t n = read_number(c);

	if (c->bad || n > (size_t)(c->end - c->p) / size) {
		c->bad = true;
		return 0;
	}
	return (size_t)n;
}

/* A number below limit. */
static size_t
read_below(struct cursor *c, size_t limit)
{
	uint64_t n = read_number(c);

	if (n < limit)
		return (size_t)n;
	c->bad = true;
	return 0;
}

static void
read_hex(struct cursor *c, char *hex, size_t raw)
{
	static const char digits[] = "0123456789abcdef";
	const char *p = read_raw(c, raw);
	size_t i;

	for (i = 0; p && i < raw; i++) {
		hex[2 * i] = digits[(unsigned char)p[i] >> 4];
		hex[2 * i + 1] = digits[p[i] & 15];
	}
	hex[2 * raw] = '\0';
}

void
record_read_file(struct cursor *c, struct tree_file *f)
{
	read_hex(c, f->blob, GIT_OID_RAWSZ);
	read_hex(c, f->digest, KEY_RAW);
	f->len = (size_t)read_number(c);
}

static git_oid
read_oid(struct cursor *c)
{
	const char *p = read_raw(c, GIT_OID_RAWSZ);
	git_oid oid = {{0}};

	if (p)
		memcpy(oid.id, p, GIT_OID_RAWSZ);
	return oid;
}

static void
read_witnesses(struct cursor *c, struct witnesses *w)
{
	size_t i;

	w->n = read_below(c, RECIPE_CHAIN_MAX);
	for (i = 0; i < w->n; i++) {
		w->list[i].path = read_text(c);
		w->list[i].folder = read_oid(c);
		w->list[i].manifest = read_oid(c);
	}
}

int
record_head(const struct bytes *record, struct record_head *out)
{
	struct cursor c = {record->data, record->data + record->len, false};
	size_t i;

	read_witnesses(&c, &out->witnesses);
	out->nchain = read_below(&c, RECIPE_CHAIN_MAX + 1);
	for (i = 0; i < out->nchain; i++) {
		out->chain[i].path = read_text(&c);
		out->chain[i].blob = read_oid(&c);
		read_raw(&c, KEY_RAW);
		read_number(&c);
		if (!*out->chain[i].path)
			out->chain[i].path = NULL;
	}
	return c.bad || out->nchain == 0 ? -1 : 0;
}

/* A record that is being read. */
struct reading {
	struct cursor c;
	struct arena *arena, *scratch;
	struct map *names;
	struct tree_recipe *r;
	struct metadata *m;
};

static struct tree_file *
read_file(struct reading *k, const char *own)
{
	struct tree_file *f = arena_new(k->arena, struct tree_file);
	size_t user;

	f->path = read_text(&k->c);
	if (!*f->path)
		f->path = own;
	user = strcspn(f->path, "/");
	if (user > USER_MAX)
		k->c.bad = true;
	else
		f->user = name_once(
		    k->names, arena_strndup(k->scratch, f->path, user));
	record_read_file(&k->c, f);
	return f;
}

static struct place
read_spot(struct reading *k, const char *file)
{
	struct place at = {.file = file};

	at.line = (uint32_t)read_number(&k->c);
	at.col = (uint32_t)read_number(&k->c);
	return at;
}

static void
read_chain(struct reading *k, const char *own)
{
	struct tree_recipe *r = k->r;
	size_t i;

	r->nchain = read_below(&k->c, RECIPE_CHAIN_MAX + 1);
	if (r->nchain == 0)
		k->c.bad = true;
	for (i = 0; i < r->nchain; i++)
		r->chain[i] = read_file(k, own);
}

static void
read_values(struct reading *k)
{
	struct metadata *m = k->m;
	struct variable *v;
	struct function *f;
	size_t i, link;

	m->nvars = read_count(&k->c, 7);
	m->vars = arena_array(k->arena, m->nvars, struct variable);
	for (i = 0; i < m->nvars && !k->c.bad; i++) {
		v = &m->vars[i];
		v->name = read_text(&k->c);
		v->value = read_text(&k->c);
		link = read_below(&k->c, k->r->nchain);
		if (k->c.bad)
			return;
		v->at = read_spot(k, k->r->chain[link]->path);
		if (i > 0 && strcmp(v[-1].name, v->name) >= 0)
			k->c.bad = true;
	}
	m->nfunctions = read_count(&k->c, 5);
	m->functions = arena_array(k->arena, m->nfunctions, struct function);
	for (i = 0; i < m->nfunctions && !k->c.bad; i++) {
		f = &m->functions[i];
		f->name = read_text(&k->c);
		f->link = read_below(&k->c, k->r->nchain);
		if (!k->c.bad)
			f->at = read_spot(k, k->r->chain[f->link]->path);
	}
	m->phases = (unsigned)read_below(&k->c, 1u << PHASES);
}

static const struct manifest_entry *
read_dist(struct reading *k, const char *name)
{
	struct manifest_entry *e = arena_new(k->arena, struct manifest_entry);
	size_t manifest = read_below(&k->c, k->r->nmanifests);
	unsigned has;

	if (k->c.bad)
		return NULL;
	e->tag = MANIFEST_DIST;
	e->at = read_spot(k, k->r->manifests[manifest]->path);
	e->name = read_text(&k->c);
	e->size = (int64_t)(read_number(&k->c) & INT64_MAX);
	has = (unsigned)read_below(&k->c, 4);
	if (has & HAS_BLAKE2B)
		read_hex(&k->c, e->blake2b, SUM_RAW);
	if (has & HAS_SHA512)
		read_hex(&k->c, e->sha512, SUM_RAW);
	if (has == 0 || strcmp(e->name, name) != 0)
		k->c.bad = true;
	return e;
}

static void
read_sources(struct reading *k)
{
	struct tree_recipe *r = k->r;
	const struct metadata *m = k->m;
	size_t i;

	r->nmanifests = read_below(&k->c, RECIPE_CHAIN_MAX + 1);
	r->manifests = arena_array(k->arena, r->nmanifests, struct tree_file *);
	for (i = 0; i < r->nmanifests; i++)
		r->manifests[i] = read_file(k, "");
	r->ndist = read_count(&k->c, 1);
	if (r->ndist !=
	    (r->kind == RECIPE_TEMPLATE ? 0 : m->nsources + m->nportconf))
		k->c.bad = true;
	if (k->c.bad)
		return;
	r->dist =
	    arena_array(k->arena, r->ndist, const struct manifest_entry *);
	for (i = 0; i < r->ndist && !k->c.bad; i++)
		r->dist[i] = read_dist(k,
		    i < m->nsources ? m->sources[i].name
				    : m->portconf[i - m->nsources].name);
}

/* ---- from scratch to as little room as need be ---- */

const char *
name_once(struct map *names, const char *name)
{
	const char *known = map_gets(names, name);

	if (known)
		return known;
	known = arena_strdup(names->arena, name);
	*map_puts(names, known) = (void *)(uintptr_t)known;
	return known;
}

static struct dep *
copy_deps(struct reading *k, const struct dep *from, size_t n)
{
	struct dep *to = NULL;
	size_t i;

	if (n > 0)
		to = arena_array(k->arena, n, struct dep);
	for (i = 0; i < n; i++) {
		to[i] = from[i];
		if (from[i].kind == DEP_ATOM) {
			to[i].atom.id.user =
			    name_once(k->names, from[i].atom.id.user);
			to[i].atom.id.name =
			    name_once(k->names, from[i].atom.id.name);
		} else {
			/* not deeper than the parser allows */
			to[i].items = copy_deps(k, from[i].items, from[i].n);
		}
	}
	return to;
}

static struct source *
copy_sources(struct reading *k, const struct source *from, size_t n)
{
	struct source *to = NULL;
	size_t i;

	if (n > 0)
		to = arena_array(k->arena, n, struct source);
	for (i = 0; i < n; i++) {
		to[i] = from[i];
		to[i].uri = arena_strdup(k->arena, from[i].uri);
		to[i].name = arena_strdup(k->arena, from[i].name);
	}
	return to;
}

static const char **
copy_words(struct reading *k, const char *const *from, size_t n)
{
	const char **to = NULL;
	size_t i;

	if (n > 0)
		to = arena_array(k->arena, n, const char *);
	for (i = 0; i < n; i++)
		to[i] = name_once(k->names, from[i]);
	return to;
}

/* What the variables mean, as at the first evaluation. */
static void
read_fields(struct reading *k)
{
	struct metadata *m = k->m, all = *m;
	struct diags d;

	diags_init(&d, k->scratch);
	fields_read(k->scratch, &all, &d);
	if (d.errors > 0)
		k->c.bad = true;
	*m = all;
	m->depend.items = copy_deps(k, all.depend.items, all.depend.n);
	m->sidepend.items = copy_deps(k, all.sidepend.items, all.sidepend.n);
	m->sources = copy_sources(k, all.sources, all.nsources);
	m->portconf = copy_sources(k, all.portconf, all.nportconf);
	m->arch = copy_words(k, all.arch, all.narch);
	m->requires = copy_words(k, all.requires, all.nrequires);
	m->locks = copy_words(k, all.locks, all.nlocks);
}

int
record_read(const struct bytes *record, struct arena *a, struct arena *scratch,
    struct map *names, const char *path, struct tree_recipe *r)
{
	struct reading k = {.arena = a, .scratch = scratch, .names = names};
	struct witnesses w;

	k.c = (struct cursor){record->data, record->data + record->len, false};
	k.r = r;
	k.m = arena_new(a, struct metadata);
	k.m->id = r->id;
	k.m->kind = r->kind;
	read_witnesses(&k.c, &w);
	read_chain(&k, path);
	if (!k.c.bad)
		read_values(&k);
	if (!k.c.bad)
		read_fields(&k);
	if (!k.c.bad)
		read_sources(&k);
	r->meta = k.m;
	return k.c.bad || k.c.p != k.c.end ? -1 : 0;
}
