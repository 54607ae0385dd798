/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which Manifest entries a recipe's sources and its files/ have. */
#include "private.h"
#include "base/digest.h"

#include <stdlib.h>
#include <string.h>

/* Has the file what its AUX line says? */
static void
check_file(const struct tree_file *f, const struct manifest_entry *e,
    const char *package, struct diags *d)
{
	char hex[DIGEST_HEX_MAX];
	struct diag *g = NULL;

	if (e->size != (int64_t)f->len)
		g = diag_error(d, e->at, "aux",
		    "files/%s has %zu bytes, its AUX line says %lld", e->name,
		    f->len, (long long)e->size);
	if (!g && e->blake2b[0]) {
		digest_of(DIGEST_BLAKE2B, f->text, f->len, hex);
		if (strcmp(hex, e->blake2b) != 0)
			g = diag_error(d, e->at, "aux",
			    "files/%s has another BLAKE2B than its AUX line",
			    e->name);
	}
	if (!g && e->sha512[0]) {
		digest_of(DIGEST_SHA512, f->text, f->len, hex);
		if (strcmp(hex, e->sha512) != 0)
			g = diag_error(d, e->at, "aux",
			    "files/%s has another SHA512 than its AUX line",
			    e->name);
	}
	if (g)
		diag_hint(d, g, "if the change is meant: jobuild manifest %s",
		    package);
}

/* A file of files/ against its AUX line. */
static void
check_aux(const struct tree_file *f, const struct manifest *m,
    const char *package, size_t prefix, struct diags *d)
{
	const struct manifest_entry *e =
	    m ? manifest_find(m, MANIFEST_AUX, f->path + prefix) : NULL;
	struct diag *g;

	if (e) {
		check_file(f, e, package, d);
		return;
	}
	g = diag_error(d, (struct place){f->path, 0, 0}, "aux",
	    "has no AUX line in %s/Manifest", package);
	diag_hint(d, g, "jobuild manifest %s", package);
}

/* Read and check one after another: all of them may be a gigabyte. */
static int
read_files(struct tree *t, struct package *p, const struct files_list *list,
    const struct manifest *m, struct diags *d)
{
	struct support *s = &p->support;
	size_t i, prefix = strlen(p->path) + strlen("/files/");
	struct arena one = {0};
	struct tree_file *f;
	struct error err;
	struct node *n;
	int rc = -1;

	s->files = arena_array(&t->leaf, list->n, struct tree_file *);
	for (i = 0; i < list->n; i++) {
		arena_reset(&one);
		n = node_read(t, &one, list->paths[i], FILE_MAX, &err);
		if (!n) {
			diag_error(d, (struct place){list->paths[i], 0, 0},
			    "files", "%s", err.msg);
			goto out;
		}
		if (!t->drafted)
			check_aux(&n->file, m, p->path, prefix, d);
		if (d->errors == 0)
			file_digest(&n->file);
		f = arena_new(&t->leaf, struct tree_file);
		*f = n->file;
		f->path = list->paths[i];
		f->user = p->list.user;
		f->text = NULL;
		s->files[s->n++] = f;
	}
	rc = 0;
out:
	arena_release(&one);
	return rc;
}

static bool
has_file(const struct support *s, const char *name, size_t prefix)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		if (strcmp(s->files[i]->path + prefix, name) == 0)
			return true;
	}
	return false;
}

static void
check_lines(struct support *s, const struct manifest *m, const char *package,
    size_t prefix, struct diags *d)
{
	struct diag *g;
	size_t i;

	for (i = 0; i < m->n; i++) {
		if (m->entries[i].tag != MANIFEST_AUX ||
		    has_file(s, m->entries[i].name, prefix))
			continue;
		g = diag_error(d, m->entries[i].at, "aux",
		    "%s/files/%s does not exist", package, m->entries[i].name);
		diag_hint(
		    d, g, "if it was removed: jobuild manifest %s", package);
	}
}

static int
by_path(const void *a, const void *b)
{
	const struct tree_file *x = *(struct tree_file *const *)a;
	const struct tree_file *y = *(struct tree_file *const *)b;

	return strcmp(x->path, y->path);
}

/* The files for as long as the tree. */
static void
keep_files(struct tree *t, struct package *p)
{
	struct support *s = &p->support;
	struct tree_file **list =
	    arena_array(&t->arena, s->n, struct tree_file *);
	size_t i;

	for (i = 0; i < s->n; i++) {
		list[i] = arena_new(&t->arena, struct tree_file);
		*list[i] = *s->files[i];
		list[i]->path = arena_strdup(&t->arena, list[i]->path);
	}
	s->files = list;
	if (s->n > 1)
		qsort(list, s->n, sizeof(*list), by_path);
}

static void
prepare_support(struct tree *t, struct package *p, struct diags *d)
{
	const char *files = path_join(&t->leaf, p->path, "files");
	const char *path = path_join(&t->leaf, p->path, "Manifest");
	struct files_list list = {.arena = &t->leaf};
	const struct manifest *m = NULL;
	struct support *s = &p->support;
	struct node *manifest;

	if (files_check(t, files, &list, d) < 0)
		return;
	if (node_exists(t, path)) {
		manifest = node_manifest(t, path, d);
		if (!manifest)
			return;
		m = manifest->manifest;
	}
	if (read_files(t, p, &list, m, d) < 0)
		return;
	if (m && !t->drafted)
		check_lines(s, m, p->path, strlen(files) + 1, d);
	s->good = d->errors == 0;
	if (s->good && s->n > 0)
		keep_files(t, p);
}

const struct support *
support_get(struct tree *t, struct package *p, struct diags *d)
{
	struct support *s = &p->support;
	struct diags found;

	package_wake(t, p);
	if (!s->known) {
		diags_init(&found, &t->leaf);
		diags_init(&s->trouble, &t->arena);
		prepare_support(t, p, &found);
		tell(&found, &s->trouble);
		s->known = true;
		if (!s->good) {
			s->files = NULL;
			s->n = 0;
		}
	}
	tell(&s->trouble, d);
	return s->good ? s : NULL;
}

/* The Manifests of a chain's packages, leaf's first; some may be absent. */
struct shelf {
	struct node *nodes[RECIPE_CHAIN_MAX];
	bool used[RECIPE_CHAIN_MAX];
	size_t n;
};

static int
fill_shelf(struct tree *t, const struct tree_recipe *r, struct shelf *shelf,
    struct diags *d)
{
	const char *path;
	struct node *n;
	size_t i, k;

	for (i = r->nchain; i-- > 0;) {
		path = r->chain[i]->path;
		path = arena_strndup(
		    &t->leaf, path, (size_t)(strrchr(path, '/') - path));
		path = path_join(&t->leaf, path, "Manifest");
		for (k = 0; k < shelf->n; k++) {
			if (strcmp(shelf->nodes[k]->file.path, path) == 0)
				break;
		}
		if (k < shelf->n || !node_exists(t, path))
			continue;
		n = node_manifest(t, path, d);
		if (!n)
			return -1;
		shelf->nodes[shelf->n++] = n;
	}
	return 0;
}

static bool
is_same(const struct manifest_entry *a, const struct manifest_entry *b)
{
	if (a->size != b->size)
		return false;
	if (a->blake2b[0] && b->blake2b[0] &&
	    strcmp(a->blake2b, b->blake2b) != 0)
		return false;
	return !a->sha512[0] || !b->sha512[0] ||
	    strcmp(a->sha512, b->sha512) == 0;
}

/* Where a file that is written in the chain's text stands there. */
static void
add_source_line(const struct tree_recipe *r, struct diags *d, struct diag *g)
{
	size_t i;

	for (i = 0; g->at.file && i < r->nchain; i++) {
		if (strcmp(r->chain[i]->path, g->at.file) == 0)
			diag_source(d, g, r->chain[i]->text, r->chain[i]->len);
	}
}

/* The line that it will have when it is measured, with other numbers. */
static const struct manifest_entry *
make_up(struct tree *t, const struct tree_recipe *r, struct shelf *shelf,
    const char *name)
{
	struct manifest_entry *e = arena_new(&t->leaf, struct manifest_entry);
	struct node *n;

	if (shelf->n == 0) {
		n = arena_new(&t->leaf, struct node);
		n->file.path = arena_printf(
		    &t->leaf, "%s/%s/Manifest", r->id.user, r->id.name);
		n->file.user = r->id.user;
		n->file.text = "";
		n->manifest = arena_new(&t->leaf, struct manifest);
		map_init(&n->manifest->names[MANIFEST_DIST], &t->leaf);
		map_init(&n->manifest->names[MANIFEST_AUX], &t->leaf);
		memset(n->file.blob, '0', sizeof(n->file.blob) - 1);
		shelf->nodes[shelf->n++] = n;
	}
	shelf->used[0] = true;
	e->name = name;
	e->at.file = shelf->nodes[0]->file.path;
	memset(e->blake2b, '0', sizeof(e->blake2b) - 1);
	return e;
}

static const struct manifest_entry *
find_dist(struct tree *t, struct tree_recipe *r, struct shelf *shelf,
    const struct source *s, struct diags *d)
{
	const struct manifest_entry *found = NULL, *e;
	struct diag *g;
	size_t i;

	for (i = 0; i < shelf->n; i++) {
		e = manifest_find(
		    shelf->nodes[i]->manifest, MANIFEST_DIST, s->name);
		if (!e)
			continue;
		if (found && !is_same(found, e)) {
			g = diag_error(d, e->at, "dist-differs",
			    "\"%s\" has another size or digest in %s:%u",
			    s->name, found->at.file, found->at.line);
			diag_hint(d, g,
			    "give one of the two files another name with "
			    "\"URI -> name\"");
			return NULL;
		}
		if (!found) {
			found = e;
			shelf->used[i] = true;
		}
	}
	if (found)
		return found;
	if (t->drafted)
		return make_up(t, r, shelf, s->name);
	g = diag_error(d, s->at, "no-dist",
	    "\"%s\" has no DIST line in %s/%s/Manifest%s", s->name, r->id.user,
	    r->id.name, r->nchain > 1 ? " nor its parents'" : "");
	add_source_line(r, d, g);
	diag_hint(d, g, "\"jobuild manifest %s/%s\" fetches it and writes one",
	    r->id.user, r->id.name);
	return NULL;
}

static int
find_all(
    struct tree *t, struct tree_recipe *r, struct shelf *shelf, struct diags *d)
{
	const struct metadata *m = r->meta;
	const struct source *s;
	struct diag *g;
	size_t i;
	int rc = 0;

	r->ndist = m->nsources + m->nportconf;
	r->dist =
	    arena_array(&t->leaf, r->ndist, const struct manifest_entry *);
	for (i = 0; i < r->ndist; i++) {
		s = i < m->nsources ? &m->sources[i]
				    : &m->portconf[i - m->nsources];
		if (strncmp(s->uri, "git+", 4) == 0) {
			g = diag_error(d, s->at, "git-source",
			    "sources out of git repositories are not fetched");
			add_source_line(r, d, g);
			diag_hint(d, g,
			    "use a release tarball, which a DIST line can pin");
			rc = -1;
			continue;
		}
		r->dist[i] = find_dist(t, r, shelf, s, d);
		if (!r->dist[i])
			rc = -1;
	}
	return rc;
}

int
recipe_sources(
    struct tree *t, struct package *p, struct tree_recipe *r, struct diags *d)
{
	const char *own = path_join(&t->leaf, p->path, "Manifest");
	const struct support *s = support_get(t, p, d);
	struct shelf shelf = {.n = 0};
	size_t i;

	/* what is wrong with files/ hides nothing of the sources */
	if (fill_shelf(t, r, &shelf, d) < 0 || find_all(t, r, &shelf, d) < 0 ||
	    !s)
		return -1;
	r->aux = s->files;
	r->naux = s->n;
	r->manifests = arena_array(&t->leaf, shelf.n, struct tree_file *);
	for (i = 0; i < shelf.n; i++) {
		if (shelf.used[i] ||
		    (r->naux && strcmp(shelf.nodes[i]->file.path, own) == 0))
			r->manifests[r->nmanifests++] = &shelf.nodes[i]->file;
	}
	if (r->nmanifests)
		qsort(r->manifests, r->nmanifests, sizeof(*r->manifests),
		    by_path);
	return 0;
}
