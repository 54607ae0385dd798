/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The client may be anybody who took over the slave. Its descriptors were
 * opened with its rights, not ours, so what it can have done by the files and
 * pipes it can do by us; what is checked is that they are of the kind that we
 * take them for. A folder of its own says nothing of what is in it, which can
 * be anybody's and another thing at any moment: a file out of the store is
 * looked at when it is open (prepare.h), and the recipe's are read with the
 * rights of others (recipe.h).
 */
#include "chroot/serve.h"
#include "chroot/sys/ids.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/passing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum kind { WRITE_PIPE, READ_PIPE, OUTPUT, READ_FILE, FOLDER, TERMINAL };

static const struct {
	enum kind kind;
	const char *name;
} wanted[REQUEST_FDS] = {
    [REQUEST_ANSWER] = {WRITE_PIPE, "answer"},
    [REQUEST_LISTS] = {READ_FILE, "lists"},
    [REQUEST_LOG] = {OUTPUT, "log"},
    [REQUEST_STATUS] = {WRITE_PIPE, "status"},
    [REQUEST_REPORT] = {WRITE_PIPE, "report"},
    [REQUEST_LEASH] = {READ_PIPE, "leash"},
    [REQUEST_RECIPE] = {FOLDER, "recipe"},
    [REQUEST_STORE] = {FOLDER, "store"},
    [REQUEST_ARTIFACTS] = {FOLDER, "artifacts"},
    [REQUEST_SHELL] = {TERMINAL, "shell"},
    [REQUEST_TARBALL] = {READ_FILE, "tarball"},
};

/* May it be written (or else read)? */
static bool
is_open_for(int fd, bool writing)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || (flags & O_PATH) != 0)
		return false;
	flags &= O_ACCMODE;
	return flags == O_RDWR || flags == (writing ? O_WRONLY : O_RDONLY);
}

static bool
is_kind(const struct serve_options *o, int fd, enum kind kind)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return false;
	switch (kind) {
	case WRITE_PIPE:
		return S_ISFIFO(st.st_mode) && is_open_for(fd, true);
	case READ_PIPE:
		return S_ISFIFO(st.st_mode) && is_open_for(fd, false);
	case OUTPUT:
		return (S_ISFIFO(st.st_mode) || S_ISREG(st.st_mode)) &&
		    is_open_for(fd, true);
	case READ_FILE:
		return S_ISREG(st.st_mode) && is_open_for(fd, false);
	case FOLDER:
		return S_ISDIR(st.st_mode) && st.st_uid == o->owner;
	case TERMINAL:
		return S_ISCHR(st.st_mode) && isatty(fd);
	}
	return false;
}

static int
check_fds(
    const struct serve_options *o, const struct message *m, struct error *err)
{
	static const char *const want[] = {[WRITE_PIPE] = "a pipe to write to",
	    [READ_PIPE] = "a pipe to read from",
	    [OUTPUT] = "a file or pipe to write to",
	    [READ_FILE] = "a file to read",
	    [FOLDER] = "a folder of the client's",
	    [TERMINAL] = "a terminal"};
	int i;

	for (i = 0; i < REQUEST_FDS; i++) {
		if (m->fds[i] >= 0 && !is_kind(o, m->fds[i], wanted[i].kind))
			return fail(err, "request: descriptor %s: must be %s",
			    wanted[i].name, want[wanted[i].kind]);
	}
	return 0;
}

void
serve_close_fds(struct message *m)
{
	int i;

	for (i = 0; i < REQUEST_FDS; i++) {
		if (m->fds[i] >= 0)
			close(m->fds[i]);
		m->fds[i] = -1;
	}
}

/* ---- receiving ----------------------------------------------------------- */

/* Give the descriptors their meaning, in the order of the bits. */
static void
sort_fds(const struct passed *p, struct message *m)
{
	size_t n = 0;
	int i;

	for (i = 0; i < REQUEST_FDS; i++) {
		if ((m->q.fds & (1u << i)) != 0)
			m->fds[i] = p->fds[n++];
	}
}

/* It is refused: what can be used to say so stays. */
static int
refuse(const struct serve_options *o, const struct passed *p, struct message *m)
{
	size_t i;

	for (i = 0; i < PASSED_MAX && i < p->n; i++) {
		if (i == 0 && is_kind(o, p->fds[0], WRITE_PIPE))
			m->fds[REQUEST_ANSWER] = p->fds[0];
		else
			close(p->fds[i]);
	}
	return -1;
}

int
serve_receive(
    const struct serve_options *o, struct message *m, struct error *err)
{
	struct passed p;
	ssize_t n;

	memset(m->fds, -1, sizeof(m->fds));
	memset(&m->q, 0, sizeof(m->q));
	n = pass_receive(o->socket, &m->q, sizeof(m->q), &p);
	if (n <= 0)
		return 0;
	if (p.cut) {
		fail(err, "request: is longer than %zu bytes", sizeof(m->q));
		return refuse(o, &p, m);
	}
	if (request_check(&m->q, (size_t)n, err) < 0)
		return refuse(o, &p, m);
	if (p.n != request_count_fds(&m->q)) {
		fail(err, "request: came with %zu descriptors instead of %u",
		    p.n, request_count_fds(&m->q));
		return refuse(o, &p, m);
	}
	sort_fds(&p, m);
	if (check_fds(o, m, err) < 0) {
		memset(m->fds, -1, sizeof(m->fds));
		return refuse(o, &p, m);
	}
	return 1;
}

/* ---- a step -------------------------------------------------------------- */

/* Our own copy of the lists: the client can still write to the file. */
static struct request_record *
read_records(const struct message *m, struct arena *a, struct error *err)
{
	size_t size = m->q.records * sizeof(struct request_record), n = 0;
	struct request_record *list =
	    arena_array(a, m->q.records + 1, struct request_record);
	ssize_t got = 1;

	while (n < size && got > 0) {
		got = pread(m->fds[REQUEST_LISTS], (char *)list + n, size - n,
		    (off_t)n);
		if (got > 0)
			n += (size_t)got;
	}
	if (n < size) {
		fail(err, "request: the lists end early");
		return NULL;
	}
	return request_check_records(&m->q, list, err) < 0 ? NULL : list;
}

static void
take_record(struct run_options *o, const struct request_record *r,
    const char **argv, size_t *nargs)
{
	switch ((enum record_kind)r->kind) {
	case RECORD_LAYER:
		o->layers[o->nlayers++] = r->name;
		break;
	case RECORD_SOURCE:
		o->sources[o->nsources++] = (struct source){r->name, r->stored};
		break;
	case RECORD_CONF:
		o->confs[o->nconfs++] = r->stored;
		break;
	case RECORD_PHASE:
		o->phases[o->nphases++] =
		    (struct run_phase){r->name, r->net == 1};
		break;
	case RECORD_ARGUMENT:
		argv[(*nargs)++] = r->name;
		break;
	case RECORD_KINDS:
		break;
	}
}

static int
take_records(const struct message *m, struct run_options *o, struct arena *a,
    struct error *err)
{
	const struct request_record *list = read_records(m, a, err);
	size_t i, n = m->q.records, nargs = 0;
	const char **argv;

	if (!list)
		return -1;
	o->layers = arena_array(a, n, const char *);
	o->sources = arena_array(a, n, struct source);
	o->confs = arena_array(a, n, const char *);
	o->phases = arena_array(a, n + 1, struct run_phase);
	argv = arena_array(a, n + 1, const char *);
	for (i = 0; i < n; i++)
		take_record(o, &list[i], argv, &nargs);
	if (o->nphases == 0)
		o->nphases = 1;
	o->argv = argv;
	return 0;
}

static void
take_numbers(const struct request *q, struct run_options *o)
{
	o->time = q->time;
	o->silence = q->silence;
	o->grace = q->grace;
	o->log_max = q->log_max;
	o->artifact_bytes = q->artifact_bytes;
	o->artifact_files = q->artifact_files;
	o->reserve = q->reserve;
	o->pressure = q->pressure;
	o->nest = (q->flags & REQUEST_NEST) != 0;
	o->bits32 = (q->flags & REQUEST_LINUX32) != 0;
	o->keep = (q->flags & REQUEST_KEEP) != 0;
}

static int64_t
at_most(int64_t asked, int64_t most)
{
	if (most == 0)
		return asked;
	return asked > 0 && asked < most ? asked : most;
}

/* The ceilings of the one who started us, whatever the client asks for. */
static void
lower_limits(struct limits *l, const struct limits *most)
{
	l->memory = at_most(l->memory, most->memory);
	l->disk = at_most(l->disk, most->disk);
	l->pids = at_most(l->pids, most->pids);
	l->cpus = at_most(l->cpus, most->cpus);
}

void
serve_limits(
    const struct serve_options *s, const struct request *q, struct limits *l)
{
	*l = (struct limits){.memory = q->memory,
	    .pids = q->pids,
	    .cpus = q->cpus,
	    .disk = q->disk};
	lower_limits(l, &s->most);
}

/* What the one who started us doesn't let the client have. */
static int
check_rights(const struct serve_options *s, const struct run_options *o,
    struct error *err)
{
	size_t i;

	if (o->nest && !s->nest)
		return fail(err, "jobs that nest are not allowed here (nest)");
	for (i = 0; i < o->nphases; i++) {
		if (o->phases[i].net && s->network == NETWORK_NO)
			return fail(err,
			    "jobs with the network are not allowed here "
			    "(network)");
	}
	if (s->owner != geteuid() && (o->keep || o->shell >= 0))
		return fail(err,
		    "a shell in a jail, or one that is kept, is for who "
		    "started the jailer");
	if (o->artifacts >= 0 && !file_is_empty(o->artifacts))
		return fail(err, "the folder of artifacts must be empty");
	return 0;
}

/*
 * In a mount namespace of our own a folder from outside is seen by its path
 * only: the same folder, ours. That is an ordinary user's jailer, whose
 * client is the same user.
 */
static int
own_view(int *fd, struct error *err)
{
	char link[40], path[4096];
	struct stat a, b;
	ssize_t n;
	int own;

	if (*fd < 0)
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", *fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return fail_errno(err, "%s", link);
	path[n] = '\0';
	own = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (own < 0)
		return fail_errno(err, "%s", path);
	if (fstat(*fd, &a) < 0 || fstat(own, &b) < 0 || a.st_ino != b.st_ino ||
	    a.st_dev != b.st_dev) {
		close(own);
		return fail(err, "%s: is another folder for the jailer", path);
	}
	*fd = own;
	return 0;
}

int
serve_run_options(const struct serve_options *s, const struct message *m,
    struct run_options *o, struct arena *a, struct error *err)
{
	run_defaults(o);
	o->job = m->q.job;
	o->stage = m->q.id;
	o->commit = m->q.commit[0] ? m->q.commit : NULL;
	take_numbers(&m->q, o);
	serve_limits(s, &m->q, &o->limits);
	o->allow_rootful = s->allow_rootful;
	o->without = s->without;
	o->network = s->network;
	o->layers_max = s->layers_max;
	o->owner = s->owner;
	o->group = s->group;
	o->log = m->fds[REQUEST_LOG];
	o->status = m->fds[REQUEST_STATUS];
	o->report = m->fds[REQUEST_REPORT];
	o->leash = m->fds[REQUEST_LEASH];
	o->recipe = m->fds[REQUEST_RECIPE];
	o->store = m->fds[REQUEST_STORE];
	o->artifacts = m->fds[REQUEST_ARTIFACTS];
	o->shell = m->fds[REQUEST_SHELL];
	if (take_records(m, o, a, err) < 0 || check_rights(s, o, err) < 0)
		return -1;
	if (!s->users)
		return 0;
	return own_view(&o->recipe, err) < 0 || own_view(&o->store, err) < 0
	    ? -1
	    : 0;
}
