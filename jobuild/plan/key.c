/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/plan.h"

#include <stdlib.h>

/* Raised whenever what a layer holds for the same inputs changes. */
#define LAYER_FORMAT "autotua-layer-1"

static void
end(struct digest *d, char key[KEY_HEX])
{
	char hex[DIGEST_HEX_MAX];

	digest_end(d, hex);
	memcpy(key, hex, KEY_HEX);
}

void
plan_start_key(const char *arch, const char *stage_digest, char key[KEY_HEX])
{
	struct digest d;

	digest_init(&d, DIGEST_KEY);
	digest_field(&d, LAYER_FORMAT);
	digest_field(&d, arch);
	digest_field(&d, stage_digest);
	end(&d, key);
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void
plan_parameters_key(const char previous[KEY_HEX], const char *const *parameters,
    char key[KEY_HEX])
{
	const char **sorted;
	struct digest d;
	size_t i, n = 0;

	while (parameters[n])
		n++;
	sorted = calloc(n + 1, sizeof(*sorted));
	if (!sorted)
		abort();
	for (i = 0; i < n; i++)
		sorted[i] = parameters[i];
	qsort(sorted, n, sizeof(*sorted), by_text);
	digest_init(&d, DIGEST_KEY);
	digest_field(&d, "parameters");
	digest_field(&d, previous);
	for (i = 0; i < n; i++)
		digest_field(&d, sorted[i]);
	end(&d, key);
	free(sorted);
}

/* Only the properties that change what a step can do or see. */
static const char *
policy(unsigned properties)
{
	static const char *const names[] = {"", "network", "network:job_setup",
	    "network", "nest", "network nest", "network:job_setup nest",
	    "network nest"};

	return names[(properties & PROPERTY_NETWORK ? 1 : 0) +
	    (properties & PROPERTY_NETWORK_SETUP ? 2 : 0) +
	    (properties & PROPERTY_NEST ? 4 : 0)];
}

#define FIELDS_MAX 2048 /* bytes that are digested in one go */

/* Fields as digest_field() adds them; too many for the room go one by one. */
struct fields {
	struct digest d;
	bool open;
	size_t n;
	char room[FIELDS_MAX];
};

static void
add_field(struct fields *f, const char *s)
{
	uint64_t len = strlen(s);
	int i;

	if (!f->open && f->n + 8 + len > sizeof(f->room)) {
		digest_init(&f->d, DIGEST_KEY);
		digest_add(&f->d, f->room, f->n);
		f->open = true;
	}
	if (f->open) {
		digest_field(&f->d, s);
		return;
	}
	for (i = 0; i < 8; i++)
		f->room[f->n++] = (char)(len >> (8 * i));
	memcpy(f->room + f->n, s, len);
	f->n += len;
}

void
plan_next_key(const char previous[KEY_HEX], const struct metadata *meta,
    const struct plan_inputs *in, char key[KEY_HEX])
{
	char version[VERSION_MAX], hex[DIGEST_HEX_MAX];
	struct fields f;
	size_t i;

	f.open = false;
	f.n = 0;
	version_format(meta->id.ver, version);
	add_field(&f, "step");
	add_field(&f, previous);
	add_field(&f, meta->id.user);
	add_field(&f, meta->id.name);
	add_field(&f, version);
	add_field(&f, policy(meta->properties));
	for (i = 0; i < in->n; i++)
		add_field(&f, in->digests[i]);
	if (f.open)
		digest_end(&f.d, hex);
	else
		digest_of(DIGEST_KEY, f.room, f.n, hex);
	memcpy(key, hex, KEY_HEX);
}
