/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/wants.h"
#include "recipe/atom.h"

#include <string.h>

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

static int64_t
amount(const json_t *o, const char *name)
{
	return json_integer_value(
	    json_object_get(json_object_get(o, "resources"), name));
}

void
wants_read(
    const json_t *o, const char *arch, struct sched_wants *out, struct arena *a)
{
	const char *stage = json_string_value(json_object_get(o, "stage"));

	memset(out, 0, sizeof(*out));
	out->arch = arch;
	out->stage = stage ? stage : "";
	out->exclusive = json_is_true(json_object_get(o, "exclusive"));
	out->requires =
	    words(json_object_get(o, "requires"), &out->nrequires, a);
	out->labels = words(json_object_get(o, "labels"), &out->nlabels, a);
	out->locks = words(json_object_get(o, "locks"), &out->nlocks, a);
	out->resources[SCHED_MEMORY] = amount(o, "memory");
	out->resources[SCHED_CPUS] = amount(o, "cpus");
	out->resources[SCHED_DISK] = amount(o, "disk");
}

const char *
wants_package(struct arena *a, const char *atom)
{
	struct recipe_id id;

	if (!id_parse(a, atom, strlen(atom), &id))
		return atom;
	return arena_printf(a, "%s/%s", id.user, id.name);
}
