/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recipes that are nowhere written, for tests of plan/. A recipe's place is
 * user/name/name-ver.jobuild: DEPEND in line 2, SIDEPEND in line 3, STAGE in
 * line 4, ARCH in line 5.
 */
#ifndef TESTS_FAKE_H
#define TESTS_FAKE_H

#include "base/arena.h"
#include "base/map.h"
#include "plan/plan.h"

#include <assert.h>

struct fake_package {
	const char *label;
	struct version *versions; /* newest first */
	struct fake_recipe **recipes;
	size_t n;
	bool is_template;
};

struct fake_recipe {
	struct metadata meta;
	bool broken; /* and says so */
	bool mute;   /* broken, and says nothing */
	const char *content;
	char content_key[KEY_HEX];
};

struct fake {
	struct arena *arena;
	struct diags diags; /* of dependency lists */
	struct map packages;
	const char **names;
};

__attribute__((unused)) static void
fake_init(struct fake *f, struct arena *a)
{
	memset(f, 0, sizeof(*f));
	f->arena = a;
	diags_init(&f->diags, a);
	map_init(&f->packages, a);
}

static struct fake_package *
fake_package(struct fake *f, const char *user, const char *name)
{
	char label[128];
	struct fake_package *p;

	snprintf(label, sizeof(label), "%s/%s", user, name);
	p = map_gets(&f->packages, label);
	if (!p) {
		p = arena_new(f->arena, struct fake_package);
		p->label = arena_strdup(f->arena, label);
		*map_puts(&f->packages, p->label) = p;
	}
	return p;
}

/* Keep versions sorted, newest first. */
static void
fake_insert(struct fake *f, struct fake_package *p, struct fake_recipe *r)
{
	size_t i;

	p->versions =
	    arena_grow(f->arena, p->versions, p->n, sizeof(*p->versions));
	p->recipes = arena_grow(
	    f->arena, p->recipes, p->n, sizeof(struct fake_recipe *));
	for (i = p->n++; i > 0; i--) {
		if (version_compare(p->versions[i - 1], r->meta.id.ver) > 0)
			break;
		p->versions[i] = p->versions[i - 1];
		p->recipes[i] = p->recipes[i - 1];
	}
	p->versions[i] = r->meta.id.ver;
	p->recipes[i] = r;
}

static void
fake_variable(struct fake *f, struct fake_recipe *r, const char *name,
    const char *value, struct place at)
{
	struct metadata *m = &r->meta;

	m->vars = arena_grow(f->arena, m->vars, m->nvars, sizeof(*m->vars));
	m->vars[m->nvars].name = name;
	m->vars[m->nvars].value = value;
	m->vars[m->nvars].at = at;
	m->nvars++;
}

/* Set a variable of a recipe; false when the value is wrong. */
__attribute__((unused)) static bool
fake_set(
    struct fake *f, struct fake_recipe *r, const char *name, const char *value)
{
	struct metadata *m = &r->meta;
	struct place at = {.line = 1, .col = 1};

	at.file = arena_printf(f->arena, "%s/%s/%s-%u.%u.jobuild", m->id.user,
	    m->id.name, m->id.name, m->id.ver.major, m->id.ver.minor);
	diags_init(&f->diags, f->arena);
	if (strcmp(name, "DEPEND") == 0) {
		at.line = 2;
		return dep_list_parse(f->arena, value, at, name, &m->depend,
			   &f->diags) == 0;
	}
	if (strcmp(name, "SIDEPEND") == 0) {
		at.line = 3;
		return dep_list_parse(f->arena, value, at, name, &m->sidepend,
			   &f->diags) == 0;
	}
	if (strcmp(name, "STAGE") == 0) {
		at.line = 4;
		m->stage = value;
	} else if (strcmp(name, "ARCH") == 0) {
		at.line = 5;
		m->arch =
		    arena_grow(f->arena, m->arch, m->narch, sizeof(*m->arch));
		m->arch[m->narch++] = value;
	} else if (strcmp(name, "CONTENT") == 0) {
		r->content = value;
	} else {
		return false;
	}
	fake_variable(f, r, name, value, at);
	return true;
}

/* A new recipe of this id, "user/name-ver"; NULL when it isn't one. */
__attribute__((unused)) static struct fake_recipe *
fake_add(struct fake *f, const char *id)
{
	struct fake_recipe *r = arena_new(f->arena, struct fake_recipe);

	if (!id_parse(f->arena, id, strlen(id), &r->meta.id))
		return NULL;
	r->meta.kind = RECIPE_JOBUILD;
	r->meta.description = r->meta.homepage = r->meta.stage = "";
	r->content = id;
	fake_insert(f, fake_package(f, r->meta.id.user, r->meta.id.name), r);
	return r;
}

static size_t
fake_versions(
    void *ctx, const char *user, const char *name, const struct version **out)
{
	const struct fake_package *p = fake_package(ctx, user, name);

	*out = p->versions;
	return p->n;
}

static struct fake_recipe *
fake_find(struct fake *f, const struct recipe_id *id)
{
	const struct fake_package *p = fake_package(f, id->user, id->name);
	size_t i;

	for (i = 0; i < p->n; i++) {
		if (version_compare(p->versions[i], id->ver) == 0)
			return p->recipes[i];
	}
	return NULL;
}

static const struct metadata *
fake_metadata(void *ctx, const struct recipe_id *id, struct diags *d)
{
	const struct fake_recipe *r = fake_find(ctx, id);
	struct place at = {NULL, 7, 1};

	if (!r->broken && !r->mute)
		return &r->meta;
	at.file = arena_printf(d->arena, "%s/%s/%s-%u.%u.jobuild", id->user,
	    id->name, id->name, id->ver.major, id->ver.minor);
	if (!r->mute)
		diag_error(d, at, "syntax", "quote is not closed");
	return NULL;
}

static const char *
fake_content(void *ctx, const struct metadata *meta)
{
	struct fake_recipe *r = fake_find(ctx, &meta->id);

	plan_content_key(meta, &r->content, 1, r->content_key);
	return r->content_key;
}

static const char *const *
fake_names(void *ctx)
{
	struct fake *f = ctx;
	const struct fake_package *p;
	size_t i, n = 0;

	f->names = arena_array(f->arena, f->packages.n + 1, const char *);
	for (i = 0; i < f->packages.n; i++) {
		p = f->packages.items[i].value;
		if (p->n > 0)
			f->names[n++] = p->label;
	}
	return f->names;
}

static bool
fake_is_template(void *ctx, const char *user, const char *name)
{
	return fake_package(ctx, user, name)->is_template;
}

__attribute__((unused)) static struct plan_source
fake_source(struct fake *f)
{
	struct plan_source s = {
	    .ctx = f,
	    .versions = fake_versions,
	    .metadata = fake_metadata,
	    .content = fake_content,
	    .names = fake_names,
	    .is_template = fake_is_template,
	};

	return s;
}

#endif
