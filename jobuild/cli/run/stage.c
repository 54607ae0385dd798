/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/run/stage.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/proc.h"
#include "cli/steps.h"

#include <string.h>

#define LIST_MAX (16 << 20)

static void
take(struct arena *a, const json_t *images, struct stage_list *out)
{
	struct stage *s;
	const json_t *o;
	size_t i;

	json_array_foreach(images, i, o)
	{
		if (strcmp(member(o, "kind"), "stage") != 0 ||
		    !is_hex(member(o, "id"), KEY_HEX - 1))
			continue;
		out->items =
		    arena_grow(a, out->items, out->n, sizeof(*out->items));
		s = &out->items[out->n++];
		s->id = arena_strdup(a, member(o, "id"));
		s->name = arena_strdup(a, member(o, "name"));
	}
}

int
stage_list(struct arena *a, const char *chroot, const char *state,
    struct stage_list *out, struct error *err)
{
	const char *argv[] = {chroot, "-s", state, "list", "--json", NULL};
	json_error_t why;
	struct buf b;
	json_t *doc;

	memset(out, 0, sizeof(*out));
	buf_init(&b, LIST_MAX);
	if (proc_run(argv, &b, err) < 0) {
		buf_release(&b);
		return fail_in(err, "list of stages");
	}
	doc = json_loadb(
	    b.data ? b.data : "", b.len, JSON_REJECT_DUPLICATES, &why);
	buf_release(&b);
	if (!doc)
		return fail(err, "%s list --json: %s", chroot, why.text);
	take(a, doc, out);
	json_decref(doc);
	if (out->n == 0)
		return fail(err,
		    "there is no stage in %s: import one with "
		    "\"autotua-chroot -s %s import -n NAME TARBALL\"",
		    state, state);
	return 0;
}

const char *
stage_find(const struct stage_list *l, const char *name)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		if (strcmp(l->items[i].name, name) == 0 ||
		    strcmp(l->items[i].id, name) == 0)
			return l->items[i].id;
	}
	return NULL;
}

const char *
stage_names(struct arena *a, const struct stage_list *l)
{
	const char *out = "", *name;
	size_t i;

	for (i = 0; i < l->n; i++) {
		name = *l->items[i].name ? l->items[i].name : l->items[i].id;
		out = i ? arena_printf(a, "%s, %s", out, name) : name;
	}
	return out;
}
