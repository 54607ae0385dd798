/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/plan.h"
#include "base/blake2b.h"

#include <stdio.h>
#include <stdlib.h>

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
	char format[32];
	struct digest d;

	snprintf(format, sizeof(format), "autotua-key-%d", KEY_FORMAT);
	digest_init(&d, DIGEST_KEY);
	digest_field(&d, format);
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

void
plan_content_key(const struct metadata *meta, const char *const *digests,
    size_t n, char key[KEY_HEX])
{
	char version[VERSION_MAX];
	struct digest d;
	size_t i;

	version_format(meta->id.ver, version);
	digest_init(&d, DIGEST_KEY);
	digest_field(&d, "step");
	digest_field(&d, meta->id.user);
	digest_field(&d, meta->id.name);
	digest_field(&d, version);
	digest_field(&d, policy(meta->properties));
	for (i = 0; i < n; i++)
		digest_field(&d, digests[i]);
	end(&d, key);
}

/* Both have one length; together they are one block of BLAKE2b. */
void
plan_next_key(const char previous[KEY_HEX], const char content[KEY_HEX],
    char key[KEY_HEX])
{
	struct blake2b b;

	blake2b_init(&b);
	blake2b_add(&b, previous, KEY_HEX - 1);
	blake2b_add(&b, content, KEY_HEX - 1);
	blake2b_end(&b, key);
}
