/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/jobs/wants.h"
#include "recipe/atom.h"

#include <string.h>

#define AMOUNT_MAX ((int64_t)1 << 48)

static const char *const *
words(const json_t *list, size_t *n, struct arena *a)
{
	const char **out, *s;
	json_t *v;
	size_t i;

	*n = 0;
	out = arena_array(a, json_array_size(list), const char *);
	json_array_foreach(list, i, v)
	{
		s = json_string_value(v);
		if (s)
			out[(*n)++] = s;
	}
	return out;
}

int64_t
wants_amount(const json_t *resources, const char *name)
{
	int64_t n = json_integer_value(json_object_get(resources, name));

	if (n < 0)
		return 0;
	return n < AMOUNT_MAX ? n : AMOUNT_MAX;
}

void
wants_read(
    const json_t *o, const char *arch, struct sched_wants *out, struct arena *a)
{
	const char *stage = json_string_value(json_object_get(o, "stage"));
	const json_t *r = json_object_get(o, "resources");

	memset(out, 0, sizeof(*out));
	out->arch = arch;
	out->stage = stage ? stage : "";
	out->exclusive = json_is_true(json_object_get(o, "exclusive"));
	out->requires =
	    words(json_object_get(o, "requires"), &out->nrequires, a);
	out->labels = words(json_object_get(o, "labels"), &out->nlabels, a);
	out->locks = words(json_object_get(o, "locks"), &out->nlocks, a);
	out->resources[SCHED_MEMORY] = wants_amount(r, "memory");
	out->resources[SCHED_CPUS] = wants_amount(r, "cpus");
	out->resources[SCHED_DISK] = wants_amount(r, "disk");
}

const char *
wants_package(struct arena *a, const char *atom)
{
	struct recipe_id id;

	if (!id_parse(a, atom, strlen(atom), &id))
		return atom;
	return arena_printf(a, "%s/%s", id.user, id.name);
}
