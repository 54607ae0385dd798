/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * asker CHROOT STATE STAGE JOB [NAME=VALUE]... -- CMD [ARG]...: a client of a
 * server that it starts (autotua-chroot serve). jobs=N runs of CMD at once
 * (1 if not given), as JOB-1, JOB-2, ..., all with the phases "one" and "two";
 * commit=KEY keeps JOB-1's. memory, pids, disk and cpus (in thousandths) are
 * asked for, with "most-" before them what the server is started with. line=1
 * waits for a line from standard input before asking. rounds=N does all that
 * N times, with numbers that go on, and asks for grow=BYTES more memory each
 * time. owner=ID is the user and group of whom the server takes us for,
 * recipe=DIR and store=DIR are theirs, source=STORED is in that, as "source",
 * and conf=STORED too, a tarball for /etc. The log goes to standard error, then
 * the lines of the status to standard output. Exits with 0 if all runs were
 * good.
 */
#include "base/error.h"
#include "run/jailer.h"
#include "chroot/jail/limit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct wish {
	struct jailer_conf conf;
	const char *stage, *job;
	char *commit, *recipe, *store, *source, *conf_tar;
	struct limits asked;
	int64_t jobs, line, rounds, grow, owner;
	char **argv;
};

/* "NAME=VALUE" into what it is about; -1: there is no such name. */
static int
take(struct wish *w, char *word)
{
	struct jailer_conf *most = &w->conf;
	const struct {
		const char *name;
		int64_t *to;
	} numbers[] = {{"jobs", &w->jobs}, {"line", &w->line},
	    {"rounds", &w->rounds}, {"grow", &w->grow}, {"owner", &w->owner},
	    {"memory", &w->asked.memory}, {"pids", &w->asked.pids},
	    {"disk", &w->asked.disk}, {"cpus", &w->asked.cpus},
	    {"most-memory", &most->memory}, {"most-pids", &most->pids},
	    {"most-disk", &most->disk}, {"most-cpus", &most->cpus}};
	const struct {
		const char *name;
		char **to;
	} texts[] = {{"commit", &w->commit}, {"recipe", &w->recipe},
	    {"store", &w->store}, {"source", &w->source},
	    {"conf", &w->conf_tar}};
	char *value = strchr(word, '=');
	size_t i;

	if (!value)
		return -1;
	*value++ = '\0';
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		if (strcmp(word, texts[i].name) == 0) {
			*texts[i].to = value;
			return 0;
		}
	}
	for (i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		if (strcmp(word, numbers[i].name) == 0) {
			*numbers[i].to = strtoll(value, NULL, 10);
			return 0;
		}
	}
	return -1;
}

static int
add_record(int fd, enum record_kind kind, const char *name, const char *stored)
{
	struct request_record r = {.kind = (uint32_t)kind};

	snprintf(r.name, sizeof(r.name), "%s", name);
	snprintf(r.stored, sizeof(r.stored), "%s", stored);
	return write(fd, &r, sizeof(r)) == (ssize_t)sizeof(r) ? 0 : -1;
}

/* What it needs, the phases and the command; how many records. */
static uint32_t
write_lists(const struct wish *w, int fd)
{
	char **argv = w->argv;
	uint32_t n = 2;

	if (w->source && n++ &&
	    add_record(fd, RECORD_SOURCE, "source", w->source) < 0)
		exit(1);
	if (w->conf_tar && n++ &&
	    add_record(fd, RECORD_CONF, "", w->conf_tar) < 0)
		exit(1);
	if (add_record(fd, RECORD_PHASE, "one", "") < 0 ||
	    add_record(fd, RECORD_PHASE, "two", "") < 0)
		exit(1);
	for (; *argv; argv++, n++) {
		if (add_record(fd, RECORD_ARGUMENT, *argv, "") < 0)
			exit(1);
	}
	return n;
}

/* A folder to be passed; -1: none is wanted. */
static int
open_folder(const char *path)
{
	int fd;

	if (!path)
		return -1;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		exit(1);
	return fd;
}

static void
print_status(int fd)
{
	char text[4096];
	ssize_t n;

	while ((n = read(fd, text, sizeof(text))) > 0)
		(void)fwrite(text, 1, (size_t)n, stdout);
	(void)fflush(stdout);
}

/* In a child: one run, from the request to the answer. */
static _Noreturn void
ask(const struct wish *w, int socket, int64_t number)
{
	struct error err = {0, ""};
	int fds[REQUEST_FDS], leash[2], status[2], rc;
	struct request q;

	memset(fds, -1, sizeof(fds));
	jailer_request(&q, REQUEST_RUN);
	snprintf(q.job, sizeof(q.job), "%s-%d", w->job, (int)number);
	snprintf(q.id, sizeof(q.id), "%s", w->stage);
	if (w->commit && number == 1)
		snprintf(q.commit, sizeof(q.commit), "%s", w->commit);
	q.memory = w->asked.memory;
	q.pids = w->asked.pids;
	q.disk = w->asked.disk;
	q.cpus = w->asked.cpus;
	fds[REQUEST_LISTS] = memfd_create("lists", MFD_CLOEXEC);
	q.records = write_lists(w, fds[REQUEST_LISTS]);
	fds[REQUEST_RECIPE] = open_folder(w->recipe);
	fds[REQUEST_STORE] = open_folder(w->store);
	if (pipe2(leash, O_CLOEXEC) < 0 || pipe2(status, O_CLOEXEC) < 0)
		exit(1);
	fds[REQUEST_LOG] = STDERR_FILENO;
	fds[REQUEST_LEASH] = leash[0];
	fds[REQUEST_STATUS] = status[1];
	rc = jailer_ask(socket, &q, fds, &err);
	if (rc < 0)
		fprintf(stderr, "asker: %s\n", err.msg);
	close(status[1]);
	print_status(status[0]);
	exit(rc < 0);
}

static pid_t
start(const struct wish *w, int socket, int64_t number)
{
	pid_t parent = getpid(), pid = fork();

	if (pid != 0)
		return pid;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		exit(1);
	ask(w, socket, number);
}

/* All jobs at once; their statuses together, or what to exit with. */
static int
ask_all(const struct wish *w, const struct jailer *j, int64_t first)
{
	int bad = 0, status;
	int64_t n;

	if (w->line != 0 && getchar() == EOF)
		exit(2);
	for (n = 0; n < w->jobs; n++) {
		if (start(w, j->socket, first + n) < 0)
			exit(1);
	}
	for (n = 0; n < w->jobs; n++) {
		if (wait(&status) == j->pid)
			exit(3); /* the runs with us */
		bad |= status != 0;
	}
	return bad;
}

int
main(int argc, char **argv)
{
	struct wish w = {.jobs = 1, .rounds = 1};
	struct jailer j = {0, -1};
	struct error err;
	int bad = 0, i;
	int64_t n;

	if (argc < 7)
		return 2;
	w.conf.program = argv[1];
	w.conf.state = argv[2];
	w.stage = argv[3];
	w.job = argv[4];
	for (i = 5; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (take(&w, argv[i]) < 0)
			return 2;
	}
	w.argv = argv + i + 1;
	w.conf.foreign = w.owner > 0;
	w.conf.owner = (uid_t)w.owner;
	w.conf.group = (gid_t)w.owner;
	if (i >= argc - 1 || jailer_start(&j, &w.conf, &err) < 0)
		return 2;
	for (n = 0; n < w.rounds; n++) {
		bad |= ask_all(&w, &j, 1 + n * w.jobs);
		w.asked.memory += w.grow;
	}
	jailer_end(&j);
	return bad;
}
