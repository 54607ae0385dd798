/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The variables of the format as numbers, bits and lists. */
#include "recipe/list.h"
#include "recipe/names.h"
#include "base/arch.h"
#include "base/arena.h"
#include "base/conf.h"

#include <assert.h>
#include <string.h>

struct fields {
	struct arena *arena;
	struct metadata *m;
	struct diags *d;
	const struct variable *known[32]; /* by known_index() */
};

static const struct variable *
find(const struct fields *f, const char *name)
{
	static const struct variable none = {.value = ""};
	const struct variable *v;

	v = f->known[known_index(name, strlen(name))];
	return v ? v : &none;
}

static void
bad_word(struct fields *f, const struct variable *v, const char *word,
    const char *hint)
{
	struct diag *g;

	g = diag_error(f->d, v->at, "value", "%s: \"%s\" is not understood",
	    v->name, show(f->arena, word, strlen(word)));
	diag_hint(f->d, g, "%s", hint);
}

static const char **
words(struct fields *f, const char *name, const struct variable **v, size_t *n)
{
	*v = find(f, name);
	return words_of(f->arena, (*v)->value, (*v)->at, name, n, f->d);
}

/* Only these bytes, and at least one. */
static bool
made_of(const char *s, const char *bytes)
{
	return *s && s[strspn(s, bytes)] == '\0';
}

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static void
unknown_arch(struct fields *f, const struct variable *v, const char *word)
{
	const char *meant = arch_meant(word);
	struct diag *g;

	g = diag_warning(f->d, v->at, "unknown-arch",
	    "ARCH: no machine has the architecture %s", word);
	if (meant)
		diag_hint(f->d, g, "is %s meant?", meant);
	else
		diag_hint(
		    f->d, g, "name architectures as Debian does: amd64 arm64");
}

static void
read_arch(struct fields *f)
{
	const struct variable *v;
	size_t i;

	f->m->arch = words(f, "ARCH", &v, &f->m->narch);
	for (i = 0; i < f->m->narch; i++) {
		if (!made_of(f->m->arch[i], LOWER DIGITS "_-"))
			bad_word(f, v, f->m->arch[i],
			    "name architectures as Debian does: amd64 arm64");
		else if (!arch_is_known(f->m->arch[i]))
			unknown_arch(f, v, f->m->arch[i]);
	}
}

static void
read_requires(struct fields *f)
{
	struct requirement r;
	const struct variable *v;
	size_t i;

	f->m->requires = words(f, "REQUIRES", &v, &f->m->nrequires);
	for (i = 0; i < f->m->nrequires; i++)
		if (!requirement_parse(f->arena, f->m->requires[i], &r))
			bad_word(f, v, f->m->requires[i],
			    "write NAME or NAME>=1.2, for a package of "
			    "the stage stage:NAME>=1.2; blanks only between "
			    "them");
}

static void
read_properties(struct fields *f)
{
	static const struct {
		const char *word;
		unsigned bit;
	} known[] = {
	    {"network", PROPERTY_NETWORK},
	    {"network:job_setup", PROPERTY_NETWORK_SETUP},
	    {"exclusive", PROPERTY_EXCLUSIVE},
	    {"nest", PROPERTY_NEST},
	};
	const struct variable *v;
	const char **list;
	size_t i, j, n;

	list = words(f, "PROPERTIES", &v, &n);
	for (i = 0; i < n; i++) {
		for (j = 0; j < sizeof(known) / sizeof(*known); j++)
			if (strcmp(list[i], known[j].word) == 0)
				break;
		if (j == sizeof(known) / sizeof(*known))
			bad_word(f, v, list[i],
			    "network, network:job_setup, exclusive and nest "
			    "are known");
		else
			f->m->properties |= known[j].bit;
	}
}

/* master:NAME or slave:NAME, then =shared or nothing. */
static bool
lock_valid(const char *s)
{
	size_t n;

	if (strncmp(s, "master:", 7) == 0)
		s += 7;
	else if (strncmp(s, "slave:", 6) == 0)
		s += 6;
	else
		return false;
	n = strspn(s, LOWER UPPER DIGITS "_.+-");
	if (n == 0 || n > NAME_MAX_LEN)
		return false;
	return s[n] == '\0' || strcmp(s + n, "=shared") == 0;
}

static void
read_locks(struct fields *f)
{
	const struct variable *v;
	size_t i;

	f->m->locks = words(f, "LOCKS", &v, &f->m->nlocks);
	for (i = 0; i < f->m->nlocks; i++)
		if (!lock_valid(f->m->locks[i]))
			bad_word(f, v, f->m->locks[i],
			    "write master:NAME or slave:NAME, with =shared "
			    "after it for a shared lock");
}

static int64_t
parse_count(const char *s)
{
	int64_t v = 0;
	size_t n;

	for (n = 0; s[n] >= '0' && s[n] <= '9' && n < 9; n++)
		v = v * 10 + (s[n] - '0');
	return n > 0 && s[n] == '\0' ? v : -1;
}

static void
read_resources(struct fields *f)
{
	struct resources *r = &f->m->resources;
	const struct {
		const char *name;
		int64_t *to;
		int64_t (*parse)(const char *);
	} known[] = {
	    {"memory=", &r->memory, conf_parse_size},
	    {"disk=", &r->disk, conf_parse_size},
	    {"log=", &r->log, conf_parse_size},
	    {"cpus=", &r->cpus, parse_count},
	    {"pids=", &r->pids, parse_count},
	    {"time=", &r->time, conf_parse_duration},
	    {"silence=", &r->silence, conf_parse_duration},
	};
	const struct variable *v;
	size_t i, j, n, len;
	const char **list;

	list = words(f, "RESOURCES", &v, &n);
	for (i = 0; i < n; i++) {
		for (j = 0; j < sizeof(known) / sizeof(*known); j++) {
			len = strlen(known[j].name);
			if (strncmp(list[i], known[j].name, len) != 0 ||
			    *known[j].to)
				continue;
			*known[j].to = known[j].parse(list[i] + len);
			if (*known[j].to > 0)
				break;
		}
		if (j == sizeof(known) / sizeof(*known))
			bad_word(f, v, list[i],
			    "write each once: memory=2G cpus=2 disk=20G "
			    "pids=4096 time=2h silence=20m log=64M");
	}
}

static void
read_stage(struct fields *f)
{
	const struct variable *v = find(f, "STAGE");

	f->m->stage = v->value;
	if (*v->value &&
	    (!made_of(v->value, LOWER UPPER DIGITS "_.+-") ||
		strlen(v->value) > NAME_MAX_LEN || *v->value == '.' ||
		*v->value == '-'))
		bad_word(f, v, v->value,
		    "the name of one stage: letters, digits, _ . + and -");
}

void
fields_read(struct arena *a, struct metadata *m, struct diags *d)
{
	struct fields f = {.arena = a, .m = m, .d = d};
	const struct variable *v;
	size_t i;
	int k;

	assert(known_count <= sizeof(f.known) / sizeof(*f.known));
	for (i = 0; i < m->nvars; i++) {
		k = known_index(m->vars[i].name, strlen(m->vars[i].name));
		if (k >= 0)
			f.known[k] = &m->vars[i];
	}

	m->description = find(&f, "DESCRIPTION")->value;
	m->homepage = find(&f, "HOMEPAGE")->value;
	read_stage(&f);
	v = find(&f, "DEPEND");
	dep_list_parse(a, v->value, v->at, "DEPEND", &m->depend, d);
	v = find(&f, "SIDEPEND");
	dep_list_parse(a, v->value, v->at, "SIDEPEND", &m->sidepend, d);
	v = find(&f, "SRC_URI");
	sources_parse(
	    a, v->value, v->at, "SRC_URI", &m->sources, &m->nsources, d);
	v = find(&f, "PORTCONF_URI");
	sources_parse(
	    a, v->value, v->at, "PORTCONF_URI", &m->portconf, &m->nportconf, d);
	read_arch(&f);
	read_requires(&f);
	read_properties(&f);
	read_locks(&f);
	read_resources(&f);
}
