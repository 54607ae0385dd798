/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything that a tree says, as text: layout, packages, each recipe with its
 * diagnostics, values, files and plan.
 */
#ifndef TESTS_SAYS_H
#define TESTS_SAYS_H

#include "plan/plan.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "tree/tree.h"
#include "repo.h"

#include <jansson.h>
#include <stdlib.h>

static struct arena heap;

static void
say_diags(struct buf *b, const struct diags *d)
{
	json_t *list = diags_json(d);
	char *text = json_dumps(list, JSON_COMPACT | JSON_SORT_KEYS);

	buf_addf(b, "%s\n", text);
	free(text);
	json_decref(list);
}

static void
say_place(struct buf *b, struct place at)
{
	buf_addf(b, " @%s:%u:%u", at.file ? at.file : "-", at.line, at.col);
}

static void
say_deps(struct buf *b, const struct dep *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (list[i].kind == DEP_ATOM) {
			buf_addf(b, " %s", atom_format(&heap, &list[i].atom));
		} else {
			buf_addf(b, " %d(", list[i].kind);
			say_deps(b, list[i].items, list[i].n);
			buf_adds(b, ")");
		}
		say_place(b, list[i].at);
	}
}

static void
say_sources(struct buf *b, const struct source *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		buf_addf(b, "source %s %s", list[i].uri, list[i].name);
		say_place(b, list[i].at);
	}
}

static void
say_words(struct buf *b, const char *const *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		buf_addf(b, " %s", list[i]);
	buf_adds(b, "\n");
}

static void
say_metadata(struct buf *b, const struct metadata *m)
{
	const struct resources *r = &m->resources;
	size_t i;

	buf_addf(b, "%s kind %d properties %x phases %x stage %s: %s %s\n",
	    id_format(&heap, &m->id), m->kind, m->properties, m->phases,
	    m->stage, m->description, m->homepage);
	for (i = 0; i < m->nvars; i++) {
		buf_addf(b, "%s=<%s>", m->vars[i].name, m->vars[i].value);
		say_place(b, m->vars[i].at);
	}
	for (i = 0; i < m->nfunctions; i++) {
		buf_addf(
		    b, "%s() %zu", m->functions[i].name, m->functions[i].link);
		say_place(b, m->functions[i].at);
	}
	say_deps(b, m->depend.items, m->depend.n);
	buf_adds(b, " beside");
	say_deps(b, m->sidepend.items, m->sidepend.n);
	say_sources(b, m->sources, m->nsources);
	say_sources(b, m->portconf, m->nportconf);
	say_words(b, m->arch, m->narch);
	say_words(b, m->requires, m->nrequires);
	say_words(b, m->locks, m->nlocks);
	buf_addf(b, "%lld %lld %lld\n", (long long)r->memory,
	    (long long)r->cpus, (long long)r->time);
}

static void
say_file(struct buf *b, struct tree *t, const struct tree_file *f)
{
	char hex[DIGEST_HEX_MAX];
	struct error err;

	if (tree_load(t, f, &err) < 0) {
		buf_addf(b, "%s\n", err.msg);
		return;
	}
	digest_of(DIGEST_KEY, f->text, f->len, hex);
	buf_addf(b, "%s %s %s %s %zu %s\n", f->path, f->user, f->blob,
	    f->digest, f->len, hex);
}

static void
say_files(
    struct buf *b, struct tree *t, struct tree_file *const *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		say_file(b, t, list[i]);
}

static void
say_plan(struct buf *b, struct tree *t, const struct recipe_id *id)
{
	struct plan_source src = plan_tree_source(&heap, t);
	struct plan_request req = {.root = {ATOM_EQ, *id}, .arch = "amd64"};
	struct plan *p;
	struct diags d;
	size_t i, k;

	diags_init(&d, &heap);
	req.default_stage = "any";
	p = plan_make(&heap, &src, &req, &d);
	say_diags(b, &d);
	for (i = 0; p && i < p->nunits; i++) {
		for (k = 0; k < p->units[i].nsteps; k++)
			buf_addf(b, "step %s\n", p->units[i].steps[k].key);
	}
}

static void
say_recipe(struct buf *b, struct tree *t, const struct recipe_id *id,
    enum recipe_kind kind)
{
	const struct tree_recipe *r;
	struct diags d;
	size_t i;
	bool good;

	diags_init(&d, &heap);
	good = tree_check_recipe(t, id, kind, &d);
	say_diags(b, &d);
	diags_init(&d, &heap);
	r = tree_recipe(t, id, kind, &d);
	say_diags(b, &d);
	buf_addf(b, "%d%d\n", good, r != NULL);
	diags_init(&d, &heap);
	tree_advise(t, id, kind, &d);
	say_diags(b, &d);
	if (!r)
		return;
	say_metadata(b, r->meta);
	say_files(b, t, r->chain, r->nchain);
	say_files(b, t, r->aux, r->naux);
	say_files(b, t, r->manifests, r->nmanifests);
	for (i = 0; i < r->ndist; i++) {
		buf_addf(b, "%s %lld %s %s", r->dist[i]->name,
		    (long long)r->dist[i]->size, r->dist[i]->blake2b,
		    r->dist[i]->sha512);
		say_place(b, r->dist[i]->at);
	}
	if (kind == RECIPE_JOBUILD)
		say_plan(b, t, id);
}

static void
say_all(struct buf *b, struct tree *t)
{
	const struct tree_package *p;
	struct recipe_id id;
	struct diags d;
	size_t i, k, n;

	diags_init(&d, &heap);
	tree_check_layout(t, &d);
	say_diags(b, &d);
	p = tree_packages(t, &n);
	for (i = 0; i < n; i++) {
		id = (struct recipe_id){p[i].user, p[i].name, {0, 0}};
		for (k = 0; k < p[i].nversions; k++) {
			id.ver = p[i].versions[k];
			say_recipe(b, t, &id, RECIPE_JOBUILD);
		}
		for (k = 0; k < p[i].ntemplates; k++) {
			id.ver = p[i].templates[k];
			say_recipe(b, t, &id, RECIPE_TEMPLATE);
		}
	}
	arena_release(&heap);
}

/*
 * With an index file (NULL: without) at a revision of the test's repository
 * (NULL: its work tree) and a time.
 */
static const char *
said(const char *rev, const char *index, time_t now)
{
	struct tree *t = open_tree(repo_path, rev);
	struct buf b;
	char *text;

	if (!t)
		return "";
	if (index)
		tree_use_index(t, index, now);
	buf_init(&b, 64 << 20);
	say_all(&b, t);
	tree_close(t);
	text = arena_strndup(&repo_arena, b.data, b.len);
	buf_release(&b);
	return text;
}

#endif
