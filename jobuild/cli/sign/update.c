/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/sign/update.h"
#include "base/arena.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

static void
append(struct update *u, const struct manifest_entry *e)
{
	struct manifest *m = &u->made;

	m->entries =
	    arena_grow(u->wants.arena, m->entries, m->n, sizeof(*m->entries));
	m->entries[m->n++] = *e;
}

static void
note(struct update *u, enum change_kind kind, const struct manifest_entry *e,
    bool known)
{
	u->changes = arena_grow(
	    u->wants.arena, u->changes, u->nchanges, sizeof(*u->changes));
	u->changes[u->nchanges++] =
	    (struct change){kind, e->tag, e->name, known ? e->size : -1};
}

/* Is the line to be made anew, whatever it says? */
static bool
is_forced(struct update *u, const char *name)
{
	size_t i;

	for (i = 0; i < u->force.n; i++) {
		if (strcmp(u->force.items[i], name) != 0)
			continue;
		u->forced[i] = true;
		return true;
	}
	return false;
}

/* Upstream has other bytes than the line says: never taken silently. */
static int
differs(struct update *u, const struct manifest_entry *old,
    const struct manifest_entry *now)
{
	bool b = old->blake2b[0] != '\0';
	struct diag *g;

	g = diag_error(u->wants.diags, old->at, "source-changed",
	    "\"%s\" is not what this line says: fetched %lld bytes with %s "
	    "%s, the line has %lld bytes with %s %s",
	    old->name, (long long)now->size, b ? "BLAKE2B" : "SHA512",
	    b ? now->blake2b : now->sha512, (long long)old->size,
	    b ? "BLAKE2B" : "SHA512", b ? old->blake2b : old->sha512);
	diag_hint(u->wants.diags, g,
	    "look at what upstream changed; to take what it has: jobuild "
	    "manifest --force %s %s/%s, or remove the line",
	    old->name, u->package->user, u->package->name);
	return -1;
}

static int
fetch(struct update *u, const struct source *s, struct manifest_entry *out)
{
	struct error err = {0};
	int rc;

	if (u->fetching)
		u->fetching(u->ctx, s->name, true);
	rc = distfile_fetch(&u->fetch, s, out, &err);
	if (u->fetching)
		u->fetching(u->ctx, s->name, false);
	if (rc == 0)
		return 0;
	diag_error(u->wants.diags, s->at, "fetch", "%s", err.msg);
	return -1;
}

static int
take_new(struct update *u, const struct source *s)
{
	struct manifest_entry e = {.tag = MANIFEST_DIST, .name = s->name};

	if (u->fetch_new && fetch(u, s, &e) < 0)
		return -1;
	note(u, CHANGE_ADDED, &e, u->fetch_new);
	append(u, &e);
	return 0;
}

static int
take_source(struct update *u, const struct source *s)
{
	const struct manifest_entry *old;
	struct manifest_entry now;
	bool force = is_forced(u, s->name);

	old = manifest_find(u->old, MANIFEST_DIST, s->name);
	if (!old)
		return take_new(u, s);
	if (!force && !u->fetch_all) {
		u->kept++;
		append(u, old);
		return 0;
	}
	if (fetch(u, s, &now) < 0)
		return -1;
	if (manifest_same(old, &now)) {
		u->kept++;
		append(u, old);
		return 0;
	}
	if (!force)
		return differs(u, old, &now);
	note(u, CHANGE_CHANGED, &now, true);
	append(u, &now);
	return 0;
}

static int
take_folder(struct update *u, const char *top)
{
	struct manifest found = {0};
	const struct manifest_entry *old;
	struct error err = {0};
	const char *path;
	size_t i;

	path = arena_printf(u->wants.arena, "%s/%s/%s/files", top,
	    u->package->user, u->package->name);
	if (distfile_folder(u->wants.arena, path, &found, &err) < 0) {
		diag_error(u->wants.diags,
		    (struct place){path + strlen(top) + 1, 0, 0}, "files", "%s",
		    err.msg);
		return -1;
	}
	for (i = 0; i < found.n; i++) {
		old =
		    manifest_find(u->old, MANIFEST_AUX, found.entries[i].name);
		if (old && manifest_same(old, &found.entries[i])) {
			u->kept++;
			append(u, old);
			continue;
		}
		note(u, old ? CHANGE_CHANGED : CHANGE_ADDED, &found.entries[i],
		    true);
		append(u, &found.entries[i]);
	}
	return 0;
}

static void
drop_rest(struct update *u)
{
	const struct manifest_entry *e;
	size_t i;

	for (i = 0; i < u->old->n; i++) {
		e = &u->old->entries[i];
		if (!manifest_find(&u->made, e->tag, e->name))
			note(u, CHANGE_REMOVED, e, true);
	}
}

static int
compare(const void *a, const void *b)
{
	const struct change *x = a, *y = b;
	int c;

	if (x->tag != y->tag)
		return x->tag == MANIFEST_AUX ? -1 : 1;
	c = strcmp(x->name, y->name);
	return c ? c : (int)x->kind - (int)y->kind;
}

int
update_package(struct update *u, const struct tree_package *p, const char *top)
{
	size_t i;
	int rc = 0;

	u->package = p;
	memset(&u->made, 0, sizeof(u->made));
	u->changes = NULL;
	u->nchanges = u->kept = 0;
	if (!u->forced)
		u->forced = arena_array(u->wants.arena, u->force.n + 1, bool);
	if (wants_package(&u->wants, p) < 0)
		return -1;
	u->old = wants_manifest(&u->wants, p->user, p->name);
	if (!u->old)
		return -1;
	for (i = 0; i < u->wants.sources.n; i++) {
		if (take_source(u, u->wants.sources.items[i].value) < 0)
			rc = -1;
	}
	if (take_folder(u, top) < 0)
		rc = -1;
	if (rc < 0)
		return -1;
	drop_rest(u);
	if (u->nchanges > 0)
		qsort(u->changes, u->nchanges, sizeof(*u->changes), compare);
	return 0;
}
