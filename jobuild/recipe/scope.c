/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recipe/value.h"
#include "base/arena.h"

#include <string.h>

#define BUFFER_MIN 256 /* bytes that most values fit in */

void
scope_init(struct scope *s, struct arena *a, struct diags *d)
{
	memset(s, 0, sizeof(*s));
	s->arena = a;
	s->diags = d;
	s->work = WORK_MAX;
	s->cap = BUFFER_MIN;
	s->buf = arena_alloc(a, s->cap, 1);
	map_init(&s->names, a);
}

struct scope_variable *
scope_get(const struct scope *s, const char *name, size_t len)
{
	return map_get(&s->names, name, len);
}

struct scope_variable *
scope_put(struct scope *s, const char *name, size_t len)
{
	void **slot = map_put(&s->names, name, len);
	struct scope_variable *v = *slot;

	if (!v) {
		v = *slot = arena_new(s->arena, struct scope_variable);
		v->name = arena_strndup(s->arena, name, len);
	}
	return v;
}

void
scope_append(
    struct scope *s, struct scope_variable *v, const char *text, size_t len)
{
	char *to;

	if (v->len + len + 1 > v->cap) {
		v->cap = (v->len + len + 1) * 2;
		to = arena_alloc(s->arena, v->cap, 1);
		memcpy(to, v->value, v->len);
		v->buf = to;
		v->value = to;
	}
	memcpy(v->buf + v->len, text, len + 1);
	v->len += len;
}
