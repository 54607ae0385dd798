/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/args.h"
#include "chroot/id.h"
#include "base/arena.h"
#include "base/conf.h"
#include "base/error.h"
#include "base/show.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum opt {
	OPT_JOB = 256,
	OPT_STAGE,
	OPT_LAYER,
	OPT_COMMIT,
	OPT_RECIPE,
	OPT_SOURCE,
	OPT_PORTCONF,
	OPT_ARTIFACTS,
	OPT_PHASE,
	OPT_TIME,
	OPT_SILENCE,
	OPT_GRACE,
	OPT_LOG_MAX,
	OPT_LOG_FD,
	OPT_STATUS_FD,
	OPT_REPORT_FD,
	OPT_LEASH_FD,
};

static const struct option long_options[] = {
    {"job", required_argument, NULL, OPT_JOB},
    {"stage", required_argument, NULL, OPT_STAGE},
    {"layer", required_argument, NULL, OPT_LAYER},
    {"commit", required_argument, NULL, OPT_COMMIT},
    {"recipe", required_argument, NULL, OPT_RECIPE},
    {"source", required_argument, NULL, OPT_SOURCE},
    {"portconf", required_argument, NULL, OPT_PORTCONF},
    {"artifacts", required_argument, NULL, OPT_ARTIFACTS},
    {"phase", required_argument, NULL, OPT_PHASE},
    {"time", required_argument, NULL, OPT_TIME},
    {"silence", required_argument, NULL, OPT_SILENCE},
    {"grace", required_argument, NULL, OPT_GRACE},
    {"log-max", required_argument, NULL, OPT_LOG_MAX},
    {"log-fd", required_argument, NULL, OPT_LOG_FD},
    {"status-fd", required_argument, NULL, OPT_STATUS_FD},
    {"report-fd", required_argument, NULL, OPT_REPORT_FD},
    {"leash-fd", required_argument, NULL, OPT_LEASH_FD},
    {NULL, 0, NULL, 0},
};

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

/* The path of a folder, from "/" on. */
static int
get_folder(struct parse *p, const char **to, struct error *err)
{
	char path[PATH_MAX];
	struct stat st;

	if (!realpath(p->arg, path) || stat(path, &st) < 0)
		return refuse(p, strerror(errno), err);
	if (!S_ISDIR(st.st_mode))
		return refuse(p, "is not a folder", err);
	*to = arena_strdup(p->a, path);
	return 0;
}

static int
get_artifacts(struct parse *p, struct error *err)
{
	int n = 0;
	DIR *dir;

	if (get_folder(p, &p->o->artifacts, err) < 0)
		return -1;
	dir = opendir(p->o->artifacts);
	if (!dir)
		return refuse(p, strerror(errno), err);
	while (readdir(dir))
		n++;
	closedir(dir);
	if (n > 2)
		return refuse(p, "must be empty", err);
	return 0;
}

static int
get_source(struct parse *p, struct error *err)
{
	struct run_options *o = p->o;
	const char *eq = strrchr(p->arg, '=');
	struct source s = {NULL, NULL, false};

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
take(struct parse *p, enum opt which, struct error *err)
{
	struct run_options *o = p->o;

	switch (which) {
	case OPT_JOB:
		o->job = p->arg;
		if (!id_is_job(p->arg))
			return refuse(
			    p, "must be 8 to 64 of a-z, 0-9 and -", err);
		return 0;
	case OPT_STAGE:
		return get_key(p, &o->stage, err);
	case OPT_LAYER:
		return get_layer(p, err);
	case OPT_COMMIT:
		return get_key(p, &o->commit, err);
	case OPT_RECIPE:
		return get_folder(p, &o->recipe, err);
	case OPT_SOURCE:
		return get_source(p, err);
	case OPT_PORTCONF:
		return get_conf(p, err);
	case OPT_ARTIFACTS:
		return get_artifacts(p, err);
	case OPT_PHASE:
		return get_phase(p, err);
	case OPT_TIME:
		return get_time(p, &o->time, err);
	case OPT_SILENCE:
		return get_time(p, &o->silence, err);
	case OPT_GRACE:
		return get_time(p, &o->grace, err);
	case OPT_LOG_MAX:
		return get_size(p, &o->log_max, err);
	case OPT_LOG_FD:
		return get_fd(p, &o->log, err);
	case OPT_STATUS_FD:
		return get_fd(p, &o->status, err);
	case OPT_REPORT_FD:
		return get_fd(p, &o->report, err);
	case OPT_LEASH_FD:
		return get_fd(p, &o->leash, err);
	}
	return fail(err, "unknown option");
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

int
args_run(int argc, char **argv, struct run_options *o, struct arena *a,
    struct error *err)
{
	struct parse p = {.o = o, .a = a};
	int c, which = 0;

	*o = (struct run_options){.time = 6 * 3600,
	    .silence = 30 * 60,
	    .grace = 10,
	    .log_max = 256 << 20,
	    .log = -1,
	    .status = -1,
	    .report = -1,
	    .leash = -1};
	opterr = 0;
	optind = 0;
	while (
	    (c = getopt_long(argc, argv, "+:", long_options, &which)) != -1) {
		if (c == ':')
			return fail(
			    err, "run: %s needs an argument", argv[optind - 1]);
		if (c < OPT_JOB)
			return fail(err, "run: no such option: %.80s",
			    argv[optind - 1]);
		p.name = long_options[which].name;
		p.arg = optarg;
		if (take(&p, (enum opt)c, err) < 0)
			return -1;
	}
	return complete(o, argv + optind, a, err);
}
