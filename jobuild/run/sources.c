/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/unit.h"
#include "net/store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Files that are to be fetched, and for which step each is. */
struct wanted {
	struct unit_run *run;
	struct fetch_item *items;
	size_t *steps;
	size_t n;
};

const struct tree_recipe *
sources_recipe(struct unit_run *r, size_t step, struct error *err)
{
	const struct metadata *m = unit_meta(r, step);
	const struct tree_recipe *recipe;
	struct diags d;

	diags_init(&d, r->arena);
	recipe = tree_recipe(r->tree, &m->id, m->kind, &d);
	if (!recipe) {
		fail(err, "%s: %s", unit_atom(r, step),
		    d.n > 0 ? d.list[0].text : "is broken in this revision");
		return NULL;
	}
	if (recipe->ndist != m->nsources + m->nportconf) {
		fail(err, "%s: the tree and the plan differ",
		    unit_atom(r, step));
		return NULL;
	}
	return recipe;
}

static size_t
step_of(const struct wanted *w, const struct fetch_item *item)
{
	return w->steps[item - w->items];
}

static void
note(void *ctx, const struct fetch_item *item, const char *text)
{
	const struct wanted *w = ctx;

	report_log(
	    w->run, step_of(w, item), "fetch: %s: %s", item->entry->name, text);
}

static void
progress(void *ctx, const struct fetch_item *item, int64_t bytes, bool done)
{
	const struct wanted *w = ctx;
	const struct run_watch *watch = w->run->watch;

	if (watch && watch->fetched)
		watch->fetched(
		    watch->ctx, item->entry->name, bytes, item->entry->size);
	if (done)
		report_log(
		    w->run, step_of(w, item), "have %s", item->entry->name);
}

static bool
cancelled(void *ctx)
{
	const struct run_watch *watch =
	    ((const struct wanted *)ctx)->run->watch;

	return watch && watch->cancelled && watch->cancelled(watch->ctx);
}

/* All files of one step. */
static int
want(struct wanted *w, size_t step, struct error *err)
{
	const struct tree_recipe *recipe = sources_recipe(w->run, step, err);
	const struct metadata *m = unit_meta(w->run, step);
	struct arena *a = w->run->arena;
	size_t i;

	if (!recipe)
		return -1;
	for (i = 0; i < recipe->ndist; i++) {
		w->items = arena_grow(a, w->items, w->n, sizeof(*w->items));
		w->steps = arena_grow(a, w->steps, w->n, sizeof(*w->steps));
		w->items[w->n].entry = recipe->dist[i];
		w->items[w->n].source = i < m->nsources
		    ? &m->sources[i]
		    : &m->portconf[i - m->nsources];
		w->steps[w->n++] = step;
	}
	if (recipe->ndist > 0)
		unit_state(w->run, step, STEP_FETCHING);
	return 0;
}

/* The step of the file that err names; else of the first that is missing. */
static size_t
whose(const struct wanted *w, const struct error *err)
{
	size_t i, len, first = w->n;
	char name[STORE_NAME_MAX];

	for (i = 0; i < w->n; i++) {
		if (store_find(
			w->run->conf->fetch.store, w->items[i].entry, name))
			continue;
		len = strlen(w->items[i].entry->name);
		if (strncmp(err->msg, w->items[i].entry->name, len) == 0 &&
		    strchr(": ", err->msg[len]))
			return w->steps[i];
		if (first == w->n)
			first = i;
	}
	return first < w->n ? w->steps[first] : w->run->prefix;
}

int
sources_fetch(struct unit_run *r, size_t *step, struct error *err)
{
	struct wanted w = {.run = r};
	struct fetch_progress p = {
	    .tell = progress, .ctx = &w, .note = note, .cancelled = cancelled};
	size_t i;

	for (i = r->prefix; i < r->unit->nsteps; i++) {
		if (unit_is_meta(unit_meta(r, i)))
			continue;
		*step = i;
		if (want(&w, i, err) < 0)
			return -1;
	}
	if (fetch_all(&r->conf->fetch, w.items, w.n, &p, err) == 0)
		return 0;
	*step = whose(&w, err);
	return -1;
}

int
sources_records(struct unit_run *r, const struct tree_recipe *recipe,
    struct request_record *records, struct error *err)
{
	const struct metadata *m = recipe->meta;
	struct request_record *out;
	char name[STORE_NAME_MAX];
	size_t i;

	for (i = 0; i < recipe->ndist; i++) {
		out = &records[i];
		if (!store_find(r->conf->fetch.store, recipe->dist[i], name) ||
		    strlen(name) >= sizeof(out->stored))
			return fail(err, "%s: is no longer in the store",
			    recipe->dist[i]->name);
		snprintf(out->stored, sizeof(out->stored), "%.143s", name);
		out->kind = i < m->nsources ? RECORD_SOURCE : RECORD_CONF;
		if (out->kind == RECORD_CONF)
			continue;
		if (strlen(m->sources[i].name) >= sizeof(out->name))
			return fail(err, "%s: its name is too long",
			    m->sources[i].name);
		snprintf(
		    out->name, sizeof(out->name), "%s", m->sources[i].name);
	}
	return (int)recipe->ndist;
}
