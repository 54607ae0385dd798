/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/args.h"
#include "chroot/jail/disk.h"
#include "chroot/sys/id.h"
#include "chroot/serve.h"
#include "base/arena.h"
#include "base/conf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/show.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct parse {
	struct run_options *o;
	struct arena *a;
	const char *name; /* of the option */
	const char *arg;
};

/* "--job "x y": must be ...", whatever bytes the argument has. */
static int
refuse(struct parse *p, const char *why, struct error *err)
{
	return fail(err, "--%s \"%s\": %s", p->name,
	    show(p->a, p->arg, strnlen(p->arg, 100)), why);
}

static int
get_key(struct parse *p, const char **to, struct error *err)
{
	if (!id_is_key(p->arg))
		return refuse(p, "must be 64 hexadecimal digits", err);
	*to = p->arg;
	return 0;
}

static int
get_layer(struct parse *p, struct error *err)
{
	struct run_options *o = p->o;
	size_t i;

	if (o->nlayers == RUN_LAYERS_MAX)
		return refuse(p, "more than 128 layers", err);
	o->layers = arena_grow(p->a, o->layers, o->nlayers, sizeof(*o->layers));
	if (get_key(p, &o->layers[o->nlayers], err) < 0)
		return -1;
	for (i = 0; i < o->nlayers; i++) {
		if (strcmp(o->layers[i], p->arg) == 0)
			return refuse(p, "is given twice", err);
	}
	o->nlayers++;
	return 0;
}

static int
get_folder(struct parse *p, int *to, struct error *err)
{
	*to = open(p->arg, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *to < 0 ? refuse(p, strerror(errno), err) : 0;
}

static int
get_artifacts(struct parse *p, struct error *err)
{
	if (get_folder(p, &p->o->artifacts, err) < 0)
		return -1;
	return file_is_empty(p->o->artifacts) ? 0
					      : refuse(p, "must be empty", err);
}

static int
get_source(struct parse *p, struct error *err)
{
	struct run_options *o = p->o;
	const char *eq = strrchr(p->arg, '=');
	struct source s = {NULL, NULL};

	if (eq) {
		s.name = arena_strndup(p->a, p->arg, (size_t)(eq - p->arg));
		s.stored = eq + 1;
	}
	if (!eq || !id_is_file(s.name) || !id_is_stored(s.stored))
		return refuse(p,
		    "must be NAME=STORENAME: a file name and blake2b-HEX or "
		    "sha512-HEX with 128 digits",
		    err);
	o->sources =
	    arena_grow(p->a, o->sources, o->nsources, sizeof(*o->sources));
	o->sources[o->nsources++] = s;
	return 0;
}

static int
get_conf(struct parse *p, struct error *err)
{
	struct run_options *o = p->o;

	if (!id_is_stored(p->arg))
		return refuse(p,
		    "must be blake2b-HEX or sha512-HEX with 128 digits", err);
	o->confs = arena_grow(p->a, o->confs, o->nconfs, sizeof(*o->confs));
	o->confs[o->nconfs++] = p->arg;
	return 0;
}

static int
get_phase(struct parse *p, struct error *err)
{
	struct run_options *o = p->o;
	size_t n = strcspn(p->arg, ",");
	struct run_phase phase = {
	    arena_strndup(p->a, p->arg, n), p->arg[n] != '\0'};

	if (!id_is_phase(phase.name) ||
	    (phase.net && strcmp(p->arg + n, ",net") != 0))
		return refuse(p, "must be NAME or NAME,net", err);
	o->phases = arena_grow(p->a, o->phases, o->nphases, sizeof(*o->phases));
	o->phases[o->nphases++] = phase;
	return 0;
}

static int
get_time(struct parse *p, int64_t *to, struct error *err)
{
	*to = conf_parse_duration(p->arg);
	if (*to < 0 || *to > 365LL * 86400)
		return refuse(p,
		    "must be seconds, or a number with s, m, h or d; at most "
		    "a year",
		    err);
	return 0;
}

static int
get_size(struct parse *p, int64_t *to, struct error *err)
{
	*to = conf_parse_size(p->arg);
	if (*to < 0)
		return refuse(
		    p, "must be bytes, or a number with K, M, G or T", err);
	return 0;
}

static int
get_number(struct parse *p, int64_t *to, struct error *err)
{
	int64_t n = conf_parse_size(p->arg);

	if (n < 0 || n > INT_MAX || strspn(p->arg, "0123456789") == 0 ||
	    p->arg[strspn(p->arg, "0123456789")] != '\0')
		return refuse(p, "must be a number", err);
	*to = n;
	return 0;
}

/* Processors, with up to three digits after the point, in thousandths. */
static int
get_cpus(struct parse *p, int64_t *to, struct error *err)
{
	size_t whole = strspn(p->arg, "0123456789"), part = 0, i;
	int64_t n = 0;

	if (p->arg[whole] == '.')
		part = strspn(p->arg + whole + 1, "0123456789");
	if (whole == 0 || whole > 5 || part > 3 ||
	    p->arg[whole + (part > 0 ? part + 1 : 0)] != '\0')
		return refuse(p, "must be a number such as 2 or 0.5", err);
	for (i = 0; i < whole + 3; i++)
		n = n * 10 +
		    (i < whole                 ? p->arg[i] - '0'
			    : i - whole < part ? p->arg[i + 1] - '0'
					       : 0);
	*to = n;
	return 0;
}

static int
get_without(struct parse *p, struct error *err)
{
	int features = feature_parse(p->arg);

	if (features < 0)
		return refuse(
		    p, "must be names of features, see the manual", err);
	p->o->without |= (unsigned)features;
	return 0;
}

static int
get_network(struct parse *p, enum network *to, struct error *err)
{
	int network = network_parse(p->arg);

	if (network < 0)
		return refuse(p, "must be host, private or no", err);
	*to = (enum network)network;
	return 0;
}

static int
get_run_network(struct parse *p, struct error *err)
{
	return get_network(p, &p->o->network, err);
}

/* An open descriptor of the caller's, moved up and made CLOEXEC. */
static int
get_fd(struct parse *p, int *to, struct error *err)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(p->arg, &end, 10);
	if (p->arg[0] < '0' || p->arg[0] > '9' || *end != '\0' || errno != 0 ||
	    n > INT_MAX)
		return refuse(p, "must be the number of a descriptor", err);
	*to = fcntl((int)n, F_DUPFD_CLOEXEC, 10);
	if (*to < 0)
		return refuse(p, "is not open here", err);
	return 0;
}

static int
get_job(struct parse *p, struct error *err)
{
	p->o->job = p->arg;
	if (!id_is_job(p->arg))
		return refuse(p, "must be 8 to 64 of a-z, 0-9 and -", err);
	return 0;
}

enum kind { KEY, FOLDER, TIME, SIZE, NUMBER, CPUS, FD, FLAG, OTHER };

#define AT(member) offsetof(struct run_options, member)

static const struct {
	const char *name;
	enum kind kind;
	size_t at;                                   /* all but OTHER */
	int (*get)(struct parse *p, struct error *); /* OTHER */
} options[] = {
    {"job", OTHER, 0, get_job},
    {"stage", KEY, AT(stage), NULL},
    {"layer", OTHER, 0, get_layer},
    {"commit", KEY, AT(commit), NULL},
    {"recipe", FOLDER, AT(recipe), NULL},
    {"source", OTHER, 0, get_source},
    {"portconf", OTHER, 0, get_conf},
    {"artifacts", OTHER, 0, get_artifacts},
    {"phase", OTHER, 0, get_phase},
    {"time", TIME, AT(time), NULL},
    {"silence", TIME, AT(silence), NULL},
    {"grace", TIME, AT(grace), NULL},
    {"log-max", SIZE, AT(log_max), NULL},
    {"memory", SIZE, AT(limits.memory), NULL},
    {"pids", NUMBER, AT(limits.pids), NULL},
    {"cpus", CPUS, AT(limits.cpus), NULL},
    {"disk", SIZE, AT(limits.disk), NULL},
    {"reserve", SIZE, AT(reserve), NULL},
    {"pressure", NUMBER, AT(pressure), NULL},
    {"artifacts-max", SIZE, AT(artifact_bytes), NULL},
    {"artifacts-files", NUMBER, AT(artifact_files), NULL},
    {"layers-max", SIZE, AT(layers_max), NULL},
    {"nest", FLAG, AT(nest), NULL},
    {"linux32", FLAG, AT(bits32), NULL},
    {"allow-rootful", FLAG, AT(allow_rootful), NULL},
    {"without", OTHER, 0, get_without},
    {"network", OTHER, 0, get_run_network},
    {"log-fd", FD, AT(log), NULL},
    {"status-fd", FD, AT(status), NULL},
    {"report-fd", FD, AT(report), NULL},
    {"leash-fd", FD, AT(leash), NULL},
    {"shell-fd", FD, AT(shell), NULL},
    {"keep", FLAG, AT(keep), NULL},
};

#define NOPTIONS (sizeof(options) / sizeof(*options))

static int
take(struct parse *p, size_t i, struct error *err)
{
	void *to = (char *)p->o + options[i].at;

	p->name = options[i].name;
	p->arg = optarg;
	switch (options[i].kind) {
	case KEY:
		return get_key(p, to, err);
	case FOLDER:
		return get_folder(p, to, err);
	case TIME:
		return get_time(p, to, err);
	case SIZE:
		return get_size(p, to, err);
	case NUMBER:
		return get_number(p, to, err);
	case CPUS:
		return get_cpus(p, to, err);
	case FD:
		return get_fd(p, to, err);
	case FLAG:
		*(bool *)to = true;
		return 0;
	case OTHER:
		break;
	}
	return options[i].get(p, err);
}

/* What must be there, and what is if nothing is said. */
static int
complete(struct run_options *o, char **rest, struct arena *a, struct error *err)
{
	if (!o->job)
		return fail(err, "run: --job is missing");
	if (!o->stage)
		return fail(err, "run: --stage is missing");
	if (!rest[0] || rest[0][0] == '\0')
		return fail(err, "run: the command is missing after --");
	if (o->log < 0)
		o->log = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
	if (o->log < 0)
		return fail_errno(err, "standard output");
	if (o->nphases == 0) {
		o->phases = arena_new(a, struct run_phase);
		o->nphases = 1;
	}
	o->argv = (const char *const *)rest;
	return 0;
}

/* The table in the form of getopt_long(3). */
static void
list_options(struct option list[NOPTIONS + 1])
{
	size_t i;

	memset(list, 0, (NOPTIONS + 1) * sizeof(*list));
	for (i = 0; i < NOPTIONS; i++) {
		list[i].name = options[i].name;
		list[i].has_arg =
		    options[i].kind == FLAG ? no_argument : required_argument;
		list[i].val = 256;
	}
}

/* The options; what stays is argv + optind. */
static int
parse_options(int argc, char **argv, struct parse *p, struct error *err)
{
	struct option list[NOPTIONS + 1];
	int c, which = 0;

	list_options(list);
	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, "+:", list, &which)) != -1) {
		if (c == ':')
			return fail(err, "%s: %s needs an argument", argv[0],
			    argv[optind - 1]);
		if (c != 256)
			return fail(err, "%s: no such option: %.80s", argv[0],
			    argv[optind - 1]);
		if (take(p, (size_t)which, err) < 0)
			return -1;
	}
	return 0;
}

int
args_run(int argc, char **argv, struct run_options *o, struct arena *a,
    struct error *err)
{
	struct parse p = {.o = o, .a = a};

	run_defaults(o);
	if (parse_options(argc, argv, &p, err) < 0)
		return -1;
	return complete(o, argv + optind, a, err);
}

int
args_ready(int argc, char **argv, struct run_options *o, struct arena *a,
    struct error *err)
{
	struct parse p = {.o = o, .a = a};

	run_defaults(o);
	if (parse_options(argc, argv, &p, err) < 0)
		return -1;
	return argv[optind] ? fail(err, "ready: there are no arguments") : 0;
}

/* "997:986" */
static int
get_owner(const char *arg, struct serve_options *o)
{
	char *end;
	unsigned long long uid, gid;

	uid = strtoull(arg, &end, 10);
	if (*arg < '0' || *arg > '9' || *end != ':' || end[1] < '0' ||
	    end[1] > '9' || uid >= UINT32_MAX)
		return -1;
	gid = strtoull(end + 1, &end, 10);
	if (*end != '\0' || gid >= UINT32_MAX)
		return -1;
	o->owner = (uid_t)uid;
	o->group = (gid_t)gid;
	return 0;
}

static int
take_serve(int c, const char *name, struct serve_options *o, struct error *err)
{
	struct parse p = {.name = name, .arg = optarg};
	struct arena a = {0};
	int rc = 0, features;

	p.a = &a;
	if (c == 'f')
		rc = get_fd(&p, &o->socket, err);
	else if (c == 'o' && get_owner(optarg, o) < 0)
		rc = refuse(&p, "must be UID:GID, two numbers", err);
	else if (c == 'N')
		rc = get_network(&p, &o->network, err);
	else if (c == 's')
		rc = get_size(&p, &o->layers_max, err);
	else if (c == 'm')
		rc = get_size(&p, &o->most.memory, err);
	else if (c == 'd')
		rc = get_size(&p, &o->most.disk, err);
	else if (c == 'p')
		rc = get_number(&p, &o->most.pids, err);
	else if (c == 'c')
		rc = get_cpus(&p, &o->most.cpus, err);
	else if (c == 'w' && (features = feature_parse(optarg)) >= 0)
		o->without = (unsigned)features;
	else if (c != 'o')
		rc = fail(err,
		    "serve: no such option or argument, see the "
		    "manual");
	arena_release(&a);
	return rc;
}

int
args_serve(int argc, char **argv, struct serve_options *o, struct error *err)
{
	static const struct option list[] = {
	    {"fd", required_argument, NULL, 'f'},
	    {"owner", required_argument, NULL, 'o'},
	    {"layers-max", required_argument, NULL, 's'},
	    {"without", required_argument, NULL, 'w'},
	    {"network", required_argument, NULL, 'N'},
	    {"memory", required_argument, NULL, 'm'},
	    {"disk", required_argument, NULL, 'd'},
	    {"pids", required_argument, NULL, 'p'},
	    {"cpus", required_argument, NULL, 'c'},
	    {"nest", no_argument, NULL, 'n'},
	    {"allow-rootful", no_argument, NULL, 'r'}, {NULL, 0, NULL, 0}};
	int c, which = 0;

	*o = (struct serve_options){
	    .socket = -1, .owner = geteuid(), .group = getegid()};
	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, "+:", list, &which)) != -1) {
		if (c == 'n')
			o->nest = true;
		else if (c == 'r')
			o->allow_rootful = true;
		else if (take_serve(c, list[which].name, o, err) < 0)
			return -1;
	}
	if (argv[optind])
		return fail(err, "serve: there are no arguments");
	return o->socket < 0 ? fail(err, "serve: --fd is missing") : 0;
}
