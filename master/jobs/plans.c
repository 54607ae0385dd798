/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/jobs/plans.h"
#include "master/jobs/validate.h"
#include "base/arena.h"
#include "base/digest.h"

#include <stdlib.h>
#include <string.h>

#define KEEP     ((int64_t)300 * 1000000)
#define TEXT_MAX ((size_t)2 << 20)

void
plans_release(struct plans *p)
{
	size_t i;

	for (i = 0; i < PLANS; i++)
		buf_release(&p->list[i].text);
}

static void
add_parameters(struct digest *d, const json_t *parameters)
{
	char *text = parameters
	    ? json_dumps(parameters, JSON_COMPACT | JSON_SORT_KEYS)
	    : NULL;

	digest_field(d, text ? text : "");
	free(text);
}

bool
plans_key(const struct validation *v, char key[65])
{
	char hex[DIGEST_HEX_MAX];
	struct arena a = {0};
	struct digest d;
	size_t i;

	if (strlen(v->revision) != 40 || !is_hex(v->revision, 40))
		return false;
	digest_init(&d, DIGEST_KEY);
	digest_field(&d, v->tree);
	digest_field(&d, v->revision);
	digest_field(&d, atom_format(&a, &v->root));
	digest_field(&d, v->stage);
	for (i = 0; i < v->narches; i++)
		digest_field(&d, v->arches[i]);
	digest_field(&d, "");
	for (i = 0; i < v->nstages; i++) {
		digest_field(&d, v->stages[i].name);
		digest_field(&d, v->stages[i].digest);
	}
	digest_field(&d, "");
	for (i = 0; i < v->nkeys; i++) {
		digest_field(&d, v->keys[i].user);
		digest_field(&d, v->keys[i].fingerprint);
	}
	digest_field(&d, "");
	add_parameters(&d, v->parameters);
	digest_end(&d, hex);
	memcpy(key, hex, 65);
	arena_release(&a);
	return true;
}

const struct buf *
plans_get(struct plans *p, const char *key, int64_t now)
{
	size_t i;

	for (i = 0; i < PLANS; i++) {
		if (p->list[i].until > now && strcmp(p->list[i].key, key) == 0)
			return &p->list[i].text;
	}
	return NULL;
}

void
plans_put(struct plans *p, const char *key, const struct buf *text, int64_t now)
{
	size_t i = p->next;

	if (text->len > TEXT_MAX || plans_get(p, key, now))
		return;
	p->next = (i + 1) % PLANS;
	buf_release(&p->list[i].text);
	buf_init(&p->list[i].text, TEXT_MAX);
	buf_add(&p->list[i].text, text->data, text->len);
	memcpy(p->list[i].key, key, 65);
	p->list[i].until = now + KEEP;
}
