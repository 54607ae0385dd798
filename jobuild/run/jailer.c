/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/jailer.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/passing.h"
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_MISSING = 3 };

#define ITEMS_MAX        1000000
#define CAPABILITIES_MAX 65536
#define END_MS           20000 /* that the jailer may take to clean up */

/* ---- start and end ------------------------------------------------------- */

/* The owner's ceilings; text is for their numbers. */
static void
add_limits(const char **argv, char text[4][32], const struct jailer_conf *c)
{
	static const char *const names[] = {
	    "--memory", "--disk", "--pids", "--cpus"};
	const int64_t limits[] = {c->memory, c->disk, c->pids, c->cpus};
	int i, n = 0;

	for (i = 0; i < 4; i++) {
		if (limits[i] == 0)
			continue;
		if (i == 3) /* thousandths */
			snprintf(text[i], sizeof(text[i]),
			    "%" PRId64 ".%03" PRId64, limits[i] / 1000,
			    limits[i] % 1000);
		else
			snprintf(
			    text[i], sizeof(text[i]), "%" PRId64, limits[i]);
		argv[n++] = names[i];
		argv[n++] = text[i];
	}
}

int
jailer_start(struct jailer *j, const struct jailer_conf *c, struct error *err)
{
	char fd[16], owner[32], store[32], limits[4][32];
	const char *argv[24] = {
	    c->program, "-s", c->state, "serve", "--fd", fd};
	struct proc p = {.argv = argv, .in = -1, .out = 2, .err = 2};
	int fds[2], n = 6;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return fail_errno(err, "socket");
	snprintf(fd, sizeof(fd), "%d", fds[1]);
	snprintf(owner, sizeof(owner), "%u:%u", (unsigned)c->owner,
	    (unsigned)c->group);
	if (c->foreign) {
		argv[n++] = "--owner";
		argv[n++] = owner;
	}
	if (c->network != NETWORK_NO) {
		argv[n++] = "--network";
		argv[n++] = network_names[c->network];
	}
	if (c->nest)
		argv[n++] = "--nest";
	if (c->allow_rootful)
		argv[n++] = "--allow-rootful";
	snprintf(store, sizeof(store), "%" PRId64, c->layers_max);
	if (c->layers_max > 0) {
		argv[n++] = "--layers-max";
		argv[n++] = store;
	}
	add_limits(argv + n, limits, c);
	p.keep = &fds[1];
	p.nkeep = 1;
	j->pid = proc_start(&p, err);
	close(fds[1]);
	if (j->pid < 0) {
		close(fds[0]);
		return -1;
	}
	j->socket = fds[0];
	return 0;
}

void
jailer_end(struct jailer *j)
{
	struct pollfd p = {.events = POLLIN};
	int rc;

	if (j->socket <= 0)
		return;
	close(j->socket);
	j->socket = 0;
	p.fd = pidfd_open(j->pid, 0);
	/* it may have been waited for already */
	if (p.fd < 0)
		return;
	while ((rc = poll(&p, 1, END_MS)) < 0 && errno == EINTR)
		continue;
	if (rc > 0)
		(void)waitpid(j->pid, NULL, 0);
	close(p.fd);
}

/* ---- asking -------------------------------------------------------------- */

void
jailer_request(struct request *q, enum request_kind kind)
{
	memset(q, 0, sizeof(*q));
	q->magic = REQUEST_MAGIC;
	q->version = REQUEST_VERSION;
	q->size = sizeof(*q);
	q->kind = (uint32_t)kind;
	q->reserve = -1;
}

int
jailer_send(int socket, struct request *q, const int fds[REQUEST_FDS],
    struct error *err)
{
	int list[REQUEST_FDS], i;
	size_t n = 0;

	q->fds = 0;
	for (i = 0; i < REQUEST_FDS; i++) {
		if (fds[i] < 0)
			continue;
		q->fds |= 1u << i;
		list[n++] = fds[i];
	}
	if (pass_send(socket, q, sizeof(*q), list, n, 0) == 0)
		return 0;
	if (errno == EPIPE || errno == ECONNRESET)
		return fail(
		    err, "autotua-chroot has ended: see its messages above");
	return fail_errno(err, "ask autotua-chroot");
}

/* Exactly n bytes; -1 at an earlier end. */
static int
read_all(int fd, void *to, size_t n)
{
	char *p = to;
	ssize_t got;

	while (n > 0) {
		got = read(fd, p, n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -1;
		p += got;
		n -= (size_t)got;
	}
	return 0;
}

static int
take_answer(int fd, struct request_answer *a, struct error *err)
{
	if (read_all(fd, a, sizeof(*a)) < 0 || a->magic != REQUEST_MAGIC)
		return fail(err, "autotua-chroot ended without an answer");
	a->text[sizeof(a->text) - 1] = '\0';
	if (a->code == 0)
		return 0;
	fail(err, "%s", a->text);
	err->code = a->code == EXIT_MISSING ? ENOENT : a->error;
	return -1;
}

/* The pipe that the answer will come from; -1: err. */
static int
send_request(int socket, struct request *q, const int fds[REQUEST_FDS],
    struct error *err)
{
	int all[REQUEST_FDS], p[2], rc;

	memset(all, -1, sizeof(all));
	if (fds)
		memcpy(all, fds, sizeof(all));
	if (pipe2(p, O_CLOEXEC) < 0)
		return fail_errno(err, "pipe");
	all[REQUEST_ANSWER] = p[1];
	rc = jailer_send(socket, q, all, err);
	close(p[1]);
	if (rc == 0)
		return p[0];
	close(p[0]);
	return -1;
}

/* The pipe of the answer, which was read from it; -1: err. */
static int
ask(int socket, struct request *q, const int fds[REQUEST_FDS],
    struct request_answer *a, struct error *err)
{
	int fd = send_request(socket, q, fds, err);

	if (fd < 0 || take_answer(fd, a, err) == 0)
		return fd;
	close(fd);
	return -1;
}

int
jailer_ask(int socket, struct request *q, const int fds[REQUEST_FDS],
    struct error *err)
{
	struct request_answer a;
	int fd = ask(socket, q, fds, &a, err);

	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

int
jailer_ask_has(int socket, bool layer, const char *id, struct error *err)
{
	struct request q;

	jailer_request(&q, REQUEST_HAS);
	if (layer)
		q.flags = REQUEST_LAYER;
	snprintf(q.id, sizeof(q.id), "%s", id);
	return send_request(socket, &q, NULL, err);
}

int
jailer_had(int fd, struct error *err)
{
	struct request_answer a;
	int rc;

	err->code = 0;
	rc = take_answer(fd, &a, err);
	close(fd);
	if (rc == 0)
		return 1;
	return err->code == ENOENT ? 0 : -1;
}

int
jailer_has(int socket, bool layer, const char *id, struct error *err)
{
	int fd = jailer_ask_has(socket, layer, id, err);

	return fd < 0 ? -1 : jailer_had(fd, err);
}

int
jailer_import(
    int socket, int fd, const char *id, const char *name, struct error *err)
{
	struct request q;
	int fds[REQUEST_FDS];

	memset(fds, -1, sizeof(fds));
	fds[REQUEST_TARBALL] = fd;
	jailer_request(&q, REQUEST_IMPORT);
	snprintf(q.id, sizeof(q.id), "%s", id);
	if (strlen(name) >= sizeof(q.name))
		return fail(err, "stage %s: its name is too long", name);
	snprintf(q.name, sizeof(q.name), "%s", name);
	return jailer_ask(socket, &q, fds, err);
}

int
jailer_remove(int socket, const char *id, struct error *err)
{
	struct request q;

	jailer_request(&q, REQUEST_REMOVE);
	snprintf(q.id, sizeof(q.id), "%s", id);
	return jailer_ask(socket, &q, NULL, err);
}

int
jailer_ready(int socket, int64_t reserve, int64_t pressure, struct error *err)
{
	struct request q;

	jailer_request(&q, REQUEST_READY);
	q.reserve = reserve;
	q.pressure = pressure;
	return jailer_ask(socket, &q, NULL, err);
}

json_t *
jailer_capabilities(int socket, struct error *err)
{
	struct request_answer answer;
	char text[CAPABILITIES_MAX];
	json_t *json = NULL;
	struct request q;
	json_error_t why;
	int fd;

	jailer_request(&q, REQUEST_CAPABILITIES);
	fd = ask(socket, &q, NULL, &answer, err);
	if (fd < 0)
		return NULL;
	if (answer.items > sizeof(text) ||
	    read_all(fd, text, answer.items) < 0) {
		fail(err, "its answer ends early, or not at all");
	} else {
		json = json_loadb(
		    text, answer.items, JSON_REJECT_DUPLICATES, &why);
		if (!json)
			fail(err, "its answer is no JSON: %s", why.text);
	}
	close(fd);
	return json;
}

/* Is it in the list? Those that are there are added to names: "amd64, i386". */
static bool
look_in(const json_t *list, const char *arch, char *names, size_t size)
{
	size_t i, len = strlen(names);
	bool found = false;
	const char *s;
	json_t *v;

	json_array_foreach(list, i, v)
	{
		s = json_string_value(v);
		if (!s)
			continue;
		found |= strcmp(s, arch) == 0;
		snprintf(
		    names + len, size - len, "%s%s", len > 0 ? ", " : "", s);
		len = strlen(names);
	}
	return found;
}

int
jailer_runs(int socket, const char *arch, struct error *err)
{
	json_t *can = jailer_capabilities(socket, err);
	char names[200] = "";
	bool runs;

	if (!can)
		return -1;
	runs =
	    look_in(json_object_get(can, "arches"), arch, names, sizeof(names));
	runs |= look_in(
	    json_object_get(can, "emulated"), arch, names, sizeof(names));
	json_decref(can);
	return runs ? 0
		    : fail(err,
			  "arch %s: programs of that don't run here, but of "
			  "%s; \"autotua-chroot doctor\" tells of emulators",
			  arch, names);
}

int
jailer_list(int socket, struct arena *a, struct request_item **items, size_t *n,
    struct error *err)
{
	struct request_answer answer;
	struct request q;
	size_t i;
	int fd;

	*n = 0;
	jailer_request(&q, REQUEST_LIST);
	fd = ask(socket, &q, NULL, &answer, err);
	if (fd < 0)
		return -1;
	if (answer.items > ITEMS_MAX)
		answer.items = ITEMS_MAX;
	*items = arena_array(a, answer.items + 1, struct request_item);
	for (i = 0; i < answer.items; i++) {
		if (read_all(fd, &(*items)[i], sizeof(**items)) < 0)
			break;
		(*items)[i].id[sizeof((*items)[i].id) - 1] = '\0';
		(*items)[i].name[sizeof((*items)[i].name) - 1] = '\0';
	}
	close(fd);
	*n = i;
	return i == answer.items ? 0 : fail(err, "the list ends early");
}
