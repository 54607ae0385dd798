/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/settings.h"
#include "base/arch.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/home.h"
#include "base/network.h"
#include "run/where.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define TEXT(name, member)                                                     \
	{                                                                      \
		name, CONF_TEXT, offsetof(struct settings, member), NULL       \
	}

const struct conf_option settings_table[] = {
    TEXT("master", master),
    TEXT("ca", ca),
    TEXT("user", user),
    TEXT("key", key),
    TEXT("tree", tree),
    TEXT("keyring", keyring),
    TEXT("arch", arch),
    TEXT("stage", stage),
    TEXT("state", state),
    TEXT("chroot", chroot),
    TEXT("helpers", helpers),
    TEXT("store", store),
    TEXT("network", network),
    TEXT("runs", runs),
    TEXT("runs-age", runs_age),
    TEXT("layers-max", layers_max),
    TEXT("allow-rootful", rootful),
    {"mirror", CONF_LIST, offsetof(struct settings, mirror), NULL},
    {0},
};

static const struct {
	const char *variable, *help;
} about[] = {
    {"AUTOTUA_MASTER_URL", "the master, https://host:port"},
    {"AUTOTUA_CA", "file with the certificate of the master's CA"},
    {"AUTOTUA_USER", "your name in the tree"},
    {"AUTOTUA_KEY", "fingerprint of the key to sign with"},
    {"AUTOTUA_TREE", "the master's name of the tree"},
    {"AUTOTUA_KEYRING", "file with trusted users and fingerprints"},
    {"AUTOTUA_ARCH", "architecture to plan and run for"},
    {"AUTOTUA_STAGE", "stage to start chroots from"},
    {"AUTOTUA_STATE", "state folder of autotua-chroot"},
    {"AUTOTUA_CHROOT", "the program autotua-chroot"},
    {"AUTOTUA_HELPERS", "folder with jobuild.sh"},
    {"AUTOTUA_STORE", "folder of fetched files"},
    {"AUTOTUA_NETWORK",
	"what phases that ask for the network get: host, private or no"},
    {"AUTOTUA_RUNS", "how many old runs, and failed ones, are kept"},
    {"AUTOTUA_RUNS_AGE", "how long runs are kept, as in 30d; 0: any time"},
    {"AUTOTUA_LAYERS_MAX", "size of stages and layers, as in 20G; 0: no limit"},
    {"AUTOTUA_ALLOW_ROOTFUL",
	"yes: run jobs whose root is this machine's, if it must be"},
    {"AUTOTUA_MIRROR", "NAME BASE-URL of a mirror://NAME/"},
};

_Static_assert(sizeof(about) / sizeof(about[0]) == SETTINGS, "one each");
_Static_assert(
    sizeof(settings_table) / sizeof(settings_table[0]) == SETTINGS + 1,
    "one each and an end");

#define ETC "/etc/autotua/config"

/* Origins that are no file. */
static const char built_in[] = "built in", environment[] = "environment",
		  option[] = "option";

const char *
settings_variable(size_t i)
{
	return about[i].variable;
}

const char *
settings_help(size_t i)
{
	return about[i].help;
}

bool
settings_rootful(const struct settings *s)
{
	return strcmp(s->rootful, "yes") == 0;
}

static const char *
named(void)
{
	const char *path = getenv("AUTOTUA_CONFIG");

	return path && *path ? path : NULL;
}

const char *
settings_file(struct arena *a)
{
	if (named())
		return named();
	return arena_printf(
	    a, "%s/config", home_folder(a, "XDG_CONFIG_HOME", ".config"));
}

static const char *
machine(struct arena *a)
{
	struct utsname u;
	const char *name;

	if (uname(&u) < 0)
		return NULL;
	name = arch_of_machine(u.machine);
	return name ? name : arena_strdup(a, u.machine);
}

static void
set_built_in(struct settings *s, struct arena *a)
{
	memset(s, 0, sizeof(*s));
	s->arch = machine(a);
	s->state = home_chroot(a);
	s->chroot = where_program(a, "autotua-chroot");
	s->helpers = where_helpers(a);
	s->network = "host";
	s->runs = "10";
	s->runs_age = "30d";
	s->layers_max = "20G";
	s->rootful = "no";
}

static int
read_environment(struct settings *s, struct arena *a, struct error *err)
{
	const char *value, *end;
	size_t i;

	memset(s, 0, sizeof(*s));
	for (i = 0; i < SETTINGS; i++) {
		value = getenv(about[i].variable);
		/* a list has one entry a line */
		for (; value && *value; value = *end ? end + 1 : end) {
			end = settings_table[i].type == CONF_LIST
			    ? strchrnul(value, '\n')
			    : value + strlen(value);
			if (conf_set(settings_table, settings_table[i].name,
				arena_strndup(a, value, (size_t)(end - value)),
				s, a, err) < 0)
				return fail_in(err, "%s", about[i].variable);
		}
	}
	return 0;
}

/* What over says wins; its mirrors come before those that are there. */
static void
lay_over(struct settings *s, const struct settings *over, const char *where,
    const char *origin[SETTINGS], struct arena *a)
{
	const char *value;
	struct conf_list both = {0};
	size_t i, k;

	for (i = 0; i < SETTINGS; i++) {
		if (settings_table[i].type == CONF_LIST)
			continue;
		memcpy(&value, (const char *)over + settings_table[i].offset,
		    sizeof(value));
		if (!value)
			continue;
		memcpy((char *)s + settings_table[i].offset, &value,
		    sizeof(value));
		origin[i] = where;
	}
	if (over->mirror.n == 0)
		return;
	both.items = arena_array(a, over->mirror.n + s->mirror.n, const char *);
	for (k = 0; k < over->mirror.n; k++)
		both.items[both.n++] = over->mirror.items[k];
	for (k = 0; k < s->mirror.n; k++)
		both.items[both.n++] = s->mirror.items[k];
	s->mirror = both;
	origin[SETTINGS - 1] = origin[SETTINGS - 1]
	    ? arena_printf(a, "%s, %s", where, origin[SETTINGS - 1])
	    : where;
}

/* Root's downloads are where its chroots look for them. */
static void
place_store(struct settings *s, const char *origin[SETTINGS], struct arena *a)
{
	struct settings layer = {0};

	if (s->store)
		return;
	layer.store = arena_printf(a, "%s/distfiles",
	    geteuid() == 0 ? s->state
			   : home_folder(a, "XDG_CACHE_HOME", ".cache"));
	lay_over(s, &layer, built_in, origin, a);
}

static bool
is_network(const char *s)
{
	return network_parse(s) >= 0;
}

static bool
is_count(const char *s)
{
	return strlen(s) <= 6 && s[strspn(s, "0123456789")] == '\0';
}

static bool
is_size(const char *s)
{
	return conf_parse_size(s) >= 0;
}

static bool
is_duration(const char *s)
{
	return conf_parse_duration(s) >= 0;
}

static bool
is_answer(const char *s)
{
	return strcmp(s, "yes") == 0 || strcmp(s, "no") == 0;
}

static const struct {
	const char *name;
	bool (*is)(const char *value);
	const char *form;
} forms[] = {
    {"network", is_network, "host, private or no"},
    {"runs", is_count, "a number of runs to keep"},
    {"layers-max", is_size, "a size, as in 20G"},
    {"runs-age", is_duration, "a duration, as in 30d"},
    {"allow-rootful", is_answer, "yes or no"},
};

static int
check_text(
    const char *name, const char *value, const char *origin, struct error *err)
{
	size_t i;

	if (!*value)
		return fail(err, "%s \"\": expected a value%s", name,
		    origin == option ? "" : "; leave the line out to set none");
	if (*value == '~')
		return fail(err,
		    "%s: \"%s\": \"~\" is not expanded here: write the whole "
		    "path",
		    name, value);
	if (strcmp(name, "arch") == 0 && arch_check(value, err) < 0)
		return fail_in(err, "%s", name);
	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (strcmp(forms[i].name, name) == 0 && !forms[i].is(value))
			return fail(err, "%s \"%s\": expected %s", name, value,
			    forms[i].form);
	}
	return 0;
}

/* Put before the message who has set entry i. */
static int
fail_from(const char *origin, size_t i, struct error *err)
{
	if (origin == environment)
		return fail_in(err, "%s", about[i].variable);
	return origin == option ? -1 : conf_fail_there(origin, err);
}

static int
check(const struct settings *s, const char *origin[SETTINGS], struct error *err)
{
	const char *name, *value;
	size_t i;

	for (i = 0; i < SETTINGS; i++) {
		if (settings_table[i].type != CONF_TEXT ||
		    origin[i] == built_in)
			continue;
		memcpy(&value, (const char *)s + settings_table[i].offset,
		    sizeof(value));
		name = settings_table[i].name;
		if (value && check_text(name, value, origin[i], err) < 0)
			return fail_from(origin[i], i, err);
	}
	return 0;
}

/* Of each that sets some: they add up, so that all of them count. */
static int
check_mirrors(
    const struct settings *layer, const char *origin, struct error *err)
{
	const char *mirror;
	size_t i;

	for (i = 0; i < layer->mirror.n; i++) {
		mirror = layer->mirror.items[i];
		if (strchr(mirror, ' '))
			continue;
		fail(err, "mirror \"%s\": expected \"NAME BASE-URL\"", mirror);
		return fail_from(origin, SETTINGS - 1, err);
	}
	return 0;
}

static int
add_layer(struct settings *s, const struct settings *layer, const char *where,
    const char *origin[SETTINGS], struct arena *a, struct error *err)
{
	if (check_mirrors(layer, where, err) < 0)
		return -1;
	lay_over(s, layer, where, origin, a);
	return 0;
}

static int
add_file(struct settings *s, const char *path, const char *origin[SETTINGS],
    struct arena *a, struct error *err)
{
	struct settings layer = {0};

	if (conf_read(path, settings_table, &layer, a, err) < 0)
		return -1;
	return add_layer(s, &layer, path, origin, a, err);
}

/* A file to read; what wins over it is behind it. */
struct source {
	const char *path;
	struct stat st;
	struct source *over;
};

/* Put it before those that win over it, unless it is one of them. */
static struct source *
add_source(struct source *over, const char *path, bool must, struct arena *a)
{
	struct source *s;
	struct stat st = {0};

	if (stat(path, &st) < 0 && !must)
		return over;
	for (s = over; s; s = s->over) {
		if (s->st.st_dev == st.st_dev && s->st.st_ino == st.st_ino)
			return over;
	}
	s = arena_new(a, struct source);
	*s = (struct source){.path = path, .st = st, .over = over};
	return s;
}

/* The user's, then the machine's: the first folder of the list wins. */
static struct source *
find_sources(struct arena *a)
{
	struct source *s =
	    add_source(NULL, settings_file(a), named() != NULL, a);
	const char *list = getenv("XDG_CONFIG_DIRS"), *p;
	size_t n;

	if (!list || !*list)
		list = "/etc/xdg";
	for (p = list; *p; p += n + (p[n] == ':')) {
		n = strcspn(p, ":");
		if (*p == '/')
			s = add_source(s,
			    arena_printf(a, "%.*s/autotua/config", (int)n, p),
			    false, a);
	}
	return add_source(s, ETC, false, a);
}

static int
add_files(struct settings *s, const char *origin[SETTINGS], struct arena *a,
    struct error *err)
{
	const struct source *f;

	for (f = find_sources(a); f; f = f->over) {
		if (add_file(s, f->path, origin, a, err) < 0)
			return -1;
	}
	return 0;
}

int
settings_load(struct settings *out, const char *origin[SETTINGS],
    const struct settings *flags, struct arena *a, struct error *err)
{
	struct settings layer;

	memset(out, 0, sizeof(*out));
	memset(origin, 0, SETTINGS * sizeof(origin[0]));
	set_built_in(&layer, a);
	lay_over(out, &layer, built_in, origin, a);
	if (add_files(out, origin, a, err) < 0 ||
	    read_environment(&layer, a, err) < 0 ||
	    add_layer(out, &layer, environment, origin, a, err) < 0 ||
	    add_layer(out, flags, option, origin, a, err) < 0)
		return -1;
	place_store(out, origin, a);
	return check(out, origin, err);
}
