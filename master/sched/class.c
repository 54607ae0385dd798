/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/sched/inside.h"

#include <inttypes.h>
#include <string.h>

enum { FITS_UNKNOWN, FITS_NOT, FITS };

static const char *
add_words(struct arena *a, const char *key, const char *const *words, size_t n)
{
	size_t i;

	key = arena_printf(a, "%s %zu", key, n);
	for (i = 0; i < n; i++)
		key = arena_printf(a, "%s %s", key, words[i]);
	return key;
}

static const char *
class_key(struct arena *a, const struct sched_wants *w)
{
	const char *key;

	key = arena_printf(a, "%s %s %d %" PRId64 " %" PRId64 " %" PRId64,
	    w->arch, w->stage, w->exclusive, w->resources[SCHED_MEMORY],
	    w->resources[SCHED_CPUS], w->resources[SCHED_DISK]);
	key = add_words(a, key, w->requires, w->nrequires);
	return add_words(a, key, w->labels, w->nlabels);
}

static struct sched_class *
class_new(struct sched *s, const struct sched_wants *w)
{
	struct sched_class *c = arena_new(&s->arena, struct sched_class);
	struct arena *a = &s->arena;
	size_t i;

	c->arch = arena_strdup(a, w->arch);
	c->stage = arena_strdup(a, w->stage);
	c->exclusive = w->exclusive;
	memcpy(c->resources, w->resources, sizeof(c->resources));
	c->nlabels = w->nlabels;
	c->labels = arena_array(a, c->nlabels, const char *);
	for (i = 0; i < c->nlabels; i++)
		c->labels[i] = arena_strdup(a, w->labels[i]);
	c->nrequires = w->nrequires;
	c->words = arena_array(a, c->nrequires, const char *);
	c->requires = arena_array(a, c->nrequires, struct requirement);
	for (i = 0; i < c->nrequires; i++) {
		c->words[i] = arena_strdup(a, w->requires[i]);
		if (!requirement_parse(a, c->words[i], &c->requires[i])) {
			/* not of the right form: a name that nobody has */
			c->requires[i].name = c->words[i];
			c->requires[i].stage = false;
		}
		if (c->requires[i].stage)
			c->home = sched_stage(s, w->stage);
	}
	return c;
}

static void
remember_more(struct sched *s, struct sched_class *c, size_t n)
{
	unsigned char *grown = arena_array(&s->arena, n, unsigned char);

	if (c->nfits > 0)
		memcpy(grown, c->fits, c->nfits);
	c->fits = grown;
	c->nfits = n;
}

void
class_reset(struct sched_class *c)
{
	if (c->nfits > 0)
		memset(c->fits, FITS_UNKNOWN, c->nfits);
}

bool
class_open(const struct sched *s, struct sched_class *c)
{
	const struct sched_slave *sl;

	for (sl = s->slaves; sl; sl = sl->next) {
		if (sl->open && class_fits(c, sl))
			return true;
	}
	return false;
}

/*
 * A class that nobody is in is kept, as it may be wanted again, but what
 * walks over all classes doesn't see it. So nothing that it remembers of
 * slaves is true any more.
 */
static void
class_link(struct sched *s, struct sched_class *c)
{
	if (c->nfits < s->nslaves)
		remember_more(s, c, 2 * s->nslaves + 64);
	class_reset(c);
	c->open = class_open(s, c);
	c->prev = NULL;
	c->next = s->classes;
	if (c->next)
		c->next->prev = c;
	s->classes = c;
}

void
class_drop(struct sched *s, struct sched_class *c)
{
	if (--c->nunits > 0)
		return;
	if (c->prev)
		c->prev->next = c->next;
	else
		s->classes = c->next;
	if (c->next)
		c->next->prev = c->prev;
}

struct sched_class *
class_enter(struct sched *s, struct sched_class *c)
{
	if (c->nunits++ == 0)
		class_link(s, c);
	return c;
}

struct sched_class *
class_of(struct sched *s, const struct sched_wants *w)
{
	struct arena tmp = {0};
	const char *key = class_key(&tmp, w);
	struct sched_class *c = map_gets(&s->class_map, key);

	if (!c) {
		c = class_new(s, w);
		*map_puts(&s->class_map, arena_strdup(&s->arena, key)) = c;
	}
	arena_release(&tmp);
	return class_enter(s, c);
}

bool
class_arch(const struct sched_class *c, const struct sched_slave *sl)
{
	size_t i;

	for (i = 0; i < sl->narches; i++) {
		if (strcmp(sl->arches[i], c->arch) == 0)
			return true;
	}
	return false;
}

bool
class_requirement(
    const struct sched_class *c, size_t i, const struct sched_slave *sl)
{
	const char *version;

	if (c->requires[i].stage)
		return stage_fulfils(c->home, &c->requires[i]);
	version = map_gets(&sl->capabilities, c->requires[i].name);
	return version && requirement_matches(&c->requires[i], version);
}

bool
class_label(const struct sched_class *c, size_t i, const struct sched_slave *sl)
{
	return map_gets(&sl->labels, c->labels[i]) != NULL;
}

int64_t
class_takes(const struct sched_class *c, size_t k, const struct sched_slave *sl)
{
	if (c->resources[k] > 0)
		return c->resources[k];
	/* disk is what nobody counts before it is used */
	return k == SCHED_DISK || sl->slots == 0 ? 0 : sl->offer[k] / sl->slots;
}

bool
class_resource(
    const struct sched_class *c, size_t k, const struct sched_slave *sl)
{
	return sl->offer[k] == 0 || class_takes(c, k, sl) <= sl->offer[k];
}

bool
class_asks(const struct sched_class *c, const char *label)
{
	size_t i;

	for (i = 0; i < c->nlabels; i++) {
		if (strcmp(c->labels[i], label) == 0)
			return true;
	}
	return false;
}

/* A mandatory label of the slave keeps away who doesn't ask for it. */
static size_t
mandatory_asked(const struct sched_class *c, const struct sched_slave *sl)
{
	const bool *mandatory;
	size_t i, n = 0;

	for (i = 0; i < c->nlabels; i++) {
		mandatory = map_gets(&sl->labels, c->labels[i]);
		n += mandatory && *mandatory;
	}
	return n;
}

/* Has the slave all that is wanted, whoever it works for? */
static bool
has_all(const struct sched_class *c, const struct sched_slave *sl)
{
	size_t i;

	if (sl->retired || !class_arch(c, sl))
		return false;
	for (i = 0; i < c->nrequires; i++) {
		if (!class_requirement(c, i, sl))
			return false;
	}
	for (i = 0; i < c->nlabels; i++) {
		if (!class_label(c, i, sl))
			return false;
	}
	for (i = 0; i < SCHED_RESOURCES; i++) {
		if (!class_resource(c, i, sl))
			return false;
	}
	return true;
}

static bool
find_fit(const struct sched_class *c, const struct sched_slave *sl)
{
	return mandatory_asked(c, sl) >= sl->nmandatory && has_all(c, sl);
}

bool
class_barred(const struct sched_class *c, const struct sched_slave *sl)
{
	return mandatory_asked(c, sl) < sl->nmandatory && has_all(c, sl);
}

bool
class_fits(struct sched_class *c, const struct sched_slave *sl)
{
	/* one that never said what it has */
	if (sl->index >= c->nfits)
		return false;
	if (c->fits[sl->index] == FITS_UNKNOWN)
		c->fits[sl->index] = find_fit(c, sl) ? FITS : FITS_NOT;
	return c->fits[sl->index] == FITS;
}

void
class_forget(struct sched *s, const struct sched_slave *sl)
{
	struct sched_class *c;

	for (c = s->classes; c; c = c->next) {
		if (sl->index >= c->nfits)
			remember_more(s, c, 2 * sl->index + 64);
		c->fits[sl->index] = FITS_UNKNOWN;
	}
}

enum class_lack
class_lacks(const struct sched_class *c, const struct sched_slave *sl)
{
	size_t k;

	if (c->exclusive && sl->leased > 0)
		return LACKS_IDLENESS;
	if (sl->leased >= sl->slots)
		return LACKS_SLOT;
	if (sl->alone)
		return LACKS_COMPANY;
	for (k = 0; k < SCHED_RESOURCES && sl->leased > 0; k++) {
		if (sl->offer[k] > 0 &&
		    sl->used[k] + class_takes(c, k, sl) > sl->offer[k])
			return LACKS_RESOURCE + k;
	}
	return LACKS_NOTHING;
}

bool
class_room(const struct sched_class *c, const struct sched_slave *sl)
{
	return class_lacks(c, sl) == LACKS_NOTHING;
}
