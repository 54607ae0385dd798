/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slave/conf.h"
#include "slave/hours.h"
#include "slave/probe.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "run/run.h"
#include "run/where.h"
#include "tree/sign/keyring.h"
#include "tree/sign/notary.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CPUS_MAX  10000
#define PIDS_MAX  4194304 /* the kernel's */
#define YEAR      ((int64_t)365 * 24 * 3600)
#define MIB       ((int64_t)1 << 20)
#define PROBE_MAX 128
#define LABEL_MAX 64
#define TREE_MAX  64
#define PORT_MAX  65535
#define NAMES_MAX 512
#define LABEL_BYTES                                                            \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-"

#define TREE_BYTES                                                             \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

#define AT(member) offsetof(struct slave_conf, member)

static const struct conf_option table[] = {
    {"state", CONF_TEXT, AT(state), NULL},
    {"url", CONF_TEXT, AT(url), NULL},
    {"chroot", CONF_TEXT, AT(chroot), NULL},
    {"chroot-state", CONF_TEXT, AT(chroot_state), NULL},
    {"helpers", CONF_TEXT, AT(helpers), NULL},
    {"keyring", CONF_TEXT, AT(keyring), NULL},
    {"user", CONF_TEXT, AT(user), "autotua-slave"},
    {"allow-root", CONF_BOOL, AT(allow_root), "no"},
    {"slots", CONF_NUMBER, AT(slots), "1"},
    {"jobs", CONF_NUMBER, AT(jobs), NULL},
    {"time", CONF_DURATION, AT(time), NULL},
    {"silence", CONF_DURATION, AT(silence), NULL},
    {"log-max", CONF_SIZE, AT(log_max), NULL},
    {"memory", CONF_SIZE, AT(memory), NULL},
    {"disk", CONF_SIZE, AT(disk), NULL},
    {"cpus", CONF_NUMBER, AT(cpus), NULL},
    {"pids", CONF_NUMBER, AT(pids), NULL},
    {"artifacts-max", CONF_SIZE, AT(artifacts_max), NULL},
    {"artifacts-files", CONF_NUMBER, AT(artifacts_files), NULL},
    {"pressure", CONF_NUMBER, AT(pressure), "30"},
    {"nest", CONF_BOOL, AT(nest), "no"},
    {"allow-rootful", CONF_BOOL, AT(allow_rootful), "no"},
    {"network", CONF_TEXT, AT(network_word), "no"},
    {"hours", CONF_TEXT, AT(hours), NULL},
    {"at-close", CONF_TEXT, AT(at_close), "stop"},
    {"on-battery", CONF_BOOL, AT(on_battery), "no"},
    {"layers-max", CONF_SIZE, AT(layers_max), "20G"},
    {"disk-reserve", CONF_SIZE, AT(disk_reserve), "512M"},
    {"traffic", CONF_SIZE, AT(traffic), NULL},
    {"tree", CONF_LIST, AT(trees), NULL},
    {"label", CONF_LIST, AT(labels), NULL},
    {"mirror", CONF_LIST, AT(mirrors), NULL},
    {"probe", CONF_LIST, AT(probes), NULL},
    {NULL, CONF_TEXT, 0, NULL},
};

const char *
conf_path(const struct slave_conf *c, struct arena *a, const char *name)
{
	return arena_printf(a, "%s/%s", c->state, name);
}

/* The master's URL as enroll left it, or NULL. */
static const char *
enrolled_url(const struct slave_conf *c, struct arena *a)
{
	const char *url = NULL;
	struct error none;
	struct buf b;

	buf_init(&b, 4096);
	if (file_read(conf_path(c, a, "url"), &b, &none) == 0 && b.data)
		url = arena_strndup(a, b.data, strcspn(b.data, "\r\n"));
	buf_release(&b);
	return url;
}

/* Three quarters of the machine's memory, divided by the slots. */
static int64_t
memory_share(int64_t slots)
{
	return (int64_t)sysconf(_SC_PHYS_PAGES) / 4 * 3 / slots *
	    sysconf(_SC_PAGESIZE);
}

int
conf_label(const char *option, char *name, size_t size, bool *mandatory,
    struct error *err)
{
	size_t n = strcspn(option, " \t");
	const char *rest = option + n + strspn(option + n, " \t");

	*mandatory = strcmp(rest, "mandatory") == 0;
	if (n == 0 || n >= size || n > LABEL_MAX || (*rest && !*mandatory) ||
	    strspn(option, LABEL_BYTES) < n)
		return fail(err,
		    "label \"%s\": write NAME or NAME mandatory, with letters, "
		    "digits and . _ + - in the name",
		    option);
	snprintf(name, size, "%.*s", (int)n, option);
	return 0;
}

/* The second line of one name would undo what the first asks for. */
static int
check_labels(const struct slave_conf *c, struct error *err)
{
	const char *const *labels = c->labels.items;
	char name[LABEL_MAX + 1];
	bool mandatory;
	size_t i, j, n;

	for (i = 0; i < c->labels.n; i++) {
		if (conf_label(labels[i], name, sizeof(name), &mandatory, err) <
		    0)
			return -1;
		n = strlen(name);
		for (j = 0; j < i; j++) {
			if (strcspn(labels[j], " \t") == n &&
			    strncmp(labels[j], name, n) == 0)
				return fail(err,
				    "label \"%s\": there is a line for %s "
				    "already",
				    labels[i], name);
		}
	}
	return 0;
}

static int
check_contract(struct slave_conf *c, struct arena *a, struct error *err)
{
	const char *tree;
	size_t i, n;
	int network;

	if (c->hours && hours_parse(&c->lent, c->hours, a, err) < 0)
		return -1;
	network = network_parse(c->network_word);
	if (network < 0)
		return fail(err, "network \"%s\": write host, private or no",
		    c->network_word);
	c->network = (enum network)network;
	c->finish = strcmp(c->at_close, "finish") == 0;
	if (!c->finish && strcmp(c->at_close, "stop") != 0)
		return fail(
		    err, "at-close \"%s\": write stop or finish", c->at_close);
	for (i = 0; i < c->trees.n; i++) {
		tree = c->trees.items[i];
		n = strlen(tree);
		if (n < 1 || n > TREE_MAX || strspn(tree, TREE_BYTES) < n ||
		    strchr("._-", *tree))
			return fail(err,
			    "tree \"%s\": a name has letters, digits and . _ -, "
			    "begins with one of the first two and has at most "
			    "%d",
			    tree, TREE_MAX);
	}
	return check_labels(c, err);
}

/*
 * With less no jobuild at all comes to its end, which would be the limit of a
 * job, and is a letter forgotten here: "memory = 1". More the jailer refuses.
 */
static int
check_ranges(const struct slave_conf *c, struct error *err)
{
	const struct {
		const char *name, *least_text, *most_text;
		int64_t value, least, most; /* most 0: none */
	} ranges[] = {
	    {"memory", "16M", "", c->memory, 16 * MIB, 0},
	    {"disk", "16M", "", c->disk, 16 * MIB, 0},
	    {"log-max", "64K", "", c->log_max, MIB / 16, 0},
	    {"pids", "16", "4194304", c->pids, 16, PIDS_MAX},
	    {"cpus", "1", "10000", c->cpus, 1, CPUS_MAX},
	    {"time", "1s", "365d", c->time, 1, YEAR},
	    {"silence", "1s", "365d", c->silence, 1, YEAR},
	    {"artifacts-files", "1", "2147483647", c->artifacts_files, 1,
		INT32_MAX},
	    {"pressure", "1", "100, a percentage", c->pressure, 1, 100},
	};
	size_t i;

	for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (ranges[i].value != 0 && ranges[i].value < ranges[i].least)
			return fail(err, "%s must be at least %s",
			    ranges[i].name, ranges[i].least_text);
		if (ranges[i].most != 0 && ranges[i].value > ranges[i].most)
			return fail(err, "%s must be at most %s",
			    ranges[i].name, ranges[i].most_text);
	}
	if (c->slots < 1 || c->slots > SLOTS_MAX)
		return fail(err, "slots must be 1 to %d", SLOTS_MAX);
	return 0;
}

static int
check_probes(const struct slave_conf *c, struct error *err)
{
	const char *module;
	char name[PROBE_MAX];
	size_t i;

	for (i = 0; i < c->probes.n; i++) {
		if (probe_split(c->probes.items[i], name, sizeof(name), &module,
			err) < 0)
			return -1;
	}
	return 0;
}

/* Root does what it says: nobody else may have written it. */
static int
check_writer(const struct slave_conf *c, const char *file, struct error *err)
{
	struct stat st;

	if (!c->by_root || lstat(file, &st) < 0 || st.st_uid == 0)
		return 0;
	return fail(err,
	    "%s: belongs to user %u, and root would do what it says: look at "
	    "it and chown 0:0 it",
	    file, (unsigned)st.st_uid);
}

/* One that can't be looked at is there: its reader says why. */
static bool
is_absent(const char *file)
{
	return access(file, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR);
}

/* What nobody has said follows from the machine and the rest. */
static void
complete(struct slave_conf *c, struct arena *a)
{
	if (c->pids == 0)
		c->pids = RUN_PIDS;
	if (c->memory == 0)
		c->memory = memory_share(c->slots);
	if (!c->url)
		c->url = enrolled_url(c, a);
	if (!c->chroot_state)
		c->chroot_state = conf_path(c, a, "chroot");
	if (!c->chroot)
		c->chroot = where_program(a, "autotua-chroot");
	if (!c->helpers)
		c->helpers = where_helpers(a);
}

static int
load(struct slave_conf *c, struct arena *a, struct error *err)
{
	struct slave_conf *written = arena_new(a, struct slave_conf);
	const char *file = c->path;

	if (conf_defaults(table, c, a, err) < 0)
		return -1;
	if (!file)
		file = c->folder ? arena_printf(a, "%s/slave.conf", c->folder)
				 : CONF_DEFAULT;
	c->file = file;
	/* the clock of files' times */
	clock_gettime(CLOCK_REALTIME_COARSE, &c->begun);
	if (check_writer(c, file, err) < 0)
		return -1;
	c->there = !is_absent(file);
	if ((c->path || c->there) && conf_read(file, table, c, a, err) < 0)
		return -1;
	if (c->folder)
		c->state = c->folder;
	if (!c->state)
		c->state = STATE_DEFAULT;
	if (check_ranges(c, err) < 0 || check_contract(c, a, err) < 0 ||
	    check_probes(c, err) < 0)
		return conf_fail_there(file, err);
	*written = *c;
	c->written = written;
	complete(c, a);
	return 0;
}

int
conf_load(struct slave_conf *c, const char *path, const char *folder,
    struct arena *a, struct error *err)
{
	*c = (struct slave_conf){
	    .path = path, .folder = folder, .by_root = geteuid() == 0};
	return load(c, a, err);
}

/* Is this what may follow a host: nothing, ":PORT", a path behind them? */
static bool
is_port(const char *s)
{
	char *end = NULL;
	long port;

	if (*s != ':')
		return *s == '\0' || *s == '/';
	if (s[1] < '0' || s[1] > '9')
		return false;
	port = strtol(s + 1, &end, 10);
	return port >= 1 && port <= PORT_MAX && (*end == '\0' || *end == '/');
}

/* Of a master, as enroll is given it; an address may stand in brackets. */
static int
check_url(const char *url, struct error *err)
{
	static const char scheme[] = "https://";
	const char *host;
	size_t n;

	if (strncmp(url, scheme, strlen(scheme)) == 0 &&
	    !url[strcspn(url, " \t\"<>")]) {
		host = url + strlen(scheme);
		n = *host == '[' ? strcspn(host, "]") : 0;
		n += strcspn(host + n, ":/");
		if (n > 0 && (*host != '[' || strchr(host, ']')) &&
		    is_port(host + n))
			return 0;
	}
	return fail(
	    err, "url \"%s\": write https://HOST or https://HOST:PORT", url);
}

static int
check_mirrors(const struct slave_conf *c, struct error *err)
{
	size_t i;

	for (i = 0; i < c->mirrors.n; i++) {
		if (!strstr(c->mirrors.items[i], "://") ||
		    !strpbrk(c->mirrors.items[i], " \t"))
			return fail(err,
			    "mirror \"%s\": write NAME BASE-URL, as in "
			    "\"debian https://host/debian\"",
			    c->mirrors.items[i]);
	}
	return 0;
}

static int
check_keyring(const struct slave_conf *c, struct arena *a, struct error *err)
{
	struct keyring k;

	if (!c->keyring)
		return 0;
	keyring_init(&k, a);
	if (keyring_read(&k, c->keyring, err) < 0)
		return fail_in(err, "keyring");
	return 0;
}

int
conf_check(const struct slave_conf *c, struct arena *a, struct error *err)
{
	static const char *const files[] = {"key.pem", "cert.pem", "ca.pem"};
	const char *lacks;
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (!c->url || access(conf_path(c, a, files[i]), R_OK) < 0)
			return fail(err,
			    "%s: not enrolled (no %s); run \"autotua-slave "
			    "enroll URL TOKEN\" with a token of the master",
			    c->state, c->url ? files[i] : "url");
	}
	if (!c->chroot || access(c->chroot, X_OK) < 0)
		return fail(err,
		    "autotua-chroot is not %s; set the option \"chroot\"",
		    c->chroot ? c->chroot : "beside this program");
	lacks = c->helpers ? where_lacks(a, c->helpers) : "jobuild.sh";
	if (lacks)
		return fail(err, "no %s in %s; set the option \"helpers\"",
		    lacks, c->helpers ? c->helpers : "its usual folders");
	if (check_url(c->url, err) < 0 || check_mirrors(c, err) < 0)
		return -1;
	return check_keyring(c, a, err);
}

struct notary *
conf_notary(const struct slave_conf *c)
{
	struct arena a = {0};
	struct notary *n = notary_open(conf_path(c, &a, "notary"));

	if (notary_trouble(n))
		log_warn("verdicts aren't remembered: %s", notary_trouble(n));
	arena_release(&a);
	return n;
}

/* ---- again, while it runs ------------------------------------------------ */

static void
note(struct buf *names, const char *name)
{
	(void)buf_addf(names, "%s%s", names->len > 0 ? ", " : "", name);
}

static bool
is_same(const struct conf_option *o, const struct slave_conf *a,
    const struct slave_conf *b)
{
	const char *x = (const char *)a + o->offset;
	const char *y = (const char *)b + o->offset, *s, *t;

	switch (o->type) {
	case CONF_TEXT:
		s = *(const char *const *)x;
		t = *(const char *const *)y;
		return !s || !t ? s == t : strcmp(s, t) == 0;
	case CONF_BOOL:
		return *(const bool *)x == *(const bool *)y;
	case CONF_NUMBER:
	case CONF_SIZE:
	case CONF_DURATION:
		return *(const int64_t *)x == *(const int64_t *)y;
	case CONF_LIST:
		break;
	}
	return true;
}

/* What the process, its account and its jailer are made of. */
static void
keep_fixed(
    struct slave_conf *c, const struct slave_conf *start, struct buf *names)
{
	static const char *const fixed[] = {"state", "url", "chroot",
	    "chroot-state", "helpers", "user", "allow-root", "allow-rootful",
	    "layers-max"};
	const struct conf_option *o;
	size_t i;

	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		for (o = table; strcmp(o->name, fixed[i]) != 0; o++)
			;
		if (!is_same(o, c->written, start->written))
			note(names, o->name);
	}
	c->state = start->state;
	c->url = start->url;
	c->chroot = start->chroot;
	c->chroot_state = start->chroot_state;
	c->helpers = start->helpers;
	c->user = start->user;
	c->allow_root = start->allow_root;
	c->allow_rootful = start->allow_rootful;
	c->layers_max = start->layers_max;
	c->jailer = start->jailer;
}

/* Less than the jailer gives can be lent at once, more can't. */
static void
keep_within(
    struct slave_conf *c, const struct slave_conf *start, struct buf *names)
{
	const struct {
		const char *name;
		int64_t *now, most;
	} limits[] = {
	    {"memory", &c->memory, start->memory},
	    {"disk", &c->disk, start->disk},
	    {"cpus", &c->cpus, start->cpus},
	    {"pids", &c->pids, start->pids},
	};
	size_t i;

	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (limits[i].most == 0 ||
		    (*limits[i].now > 0 && *limits[i].now <= limits[i].most))
			continue;
		note(names, limits[i].name);
		*limits[i].now = limits[i].most;
	}
	if (c->nest && !start->nest) {
		note(names, "nest");
		c->nest = false;
	}
	if (c->network != NETWORK_NO && c->network != start->network) {
		note(names, "network");
		c->network = start->network;
	}
}

int
conf_reload(struct slave_conf *c, const struct slave_conf *start,
    struct arena *a, struct error *err)
{
	struct buf names;

	*c = (struct slave_conf){.path = start->path,
	    .folder = start->folder,
	    .by_root = start->by_root};
	if (load(c, a, err) < 0 || check_mirrors(c, err) < 0 ||
	    check_keyring(c, a, err) < 0)
		return -1;
	buf_init(&names, NAMES_MAX);
	keep_fixed(c, start, &names);
	keep_within(c, start, &names);
	if (names.len > 0)
		log_warn("reload: %s: only a restart changes that", names.data);
	buf_release(&names);
	return 0;
}
