/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The client's side of autotua-chroot serve: starting one, and asking it. The
 * socket may be used by several processes at once; none of them reads from
 * it, an answer comes through a pipe of its own.
 */
#ifndef RUN_JAILER_H
#define RUN_JAILER_H

#include "base/digest.h"
#include "base/network.h"
#include "chroot/request.h"

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

struct arena;
struct error;

struct jailer {
	int socket; /* 0: none */
	pid_t pid;
};

struct jailer_conf {
	const char *program, *state; /* autotua-chroot, its state folder */
	bool foreign; /* the client is another user than ourselves: */
	uid_t owner;
	gid_t group;
	enum network network; /* of jobs that ask for one */
	bool nest;            /* may its jobs have that? */
	bool allow_rootful;   /* may a job's root be this machine's? */
	int64_t layers_max;   /* bytes of stages and layers; 0: no limit */
	/* of each run at most, whatever is asked: bytes, processes and
	   thousandths of a processor; 0: no limit */
	int64_t memory, disk, pids, cpus;
};

/* Start one that ends with this process, or whoever inherits the socket. */
int
jailer_start(struct jailer *j, const struct jailer_conf *c, struct error *err);

/*
 * Close our end, and wait until all that it does has ended, some seconds at
 * most: others may still hold the socket.
 */
void jailer_end(struct jailer *j);

/* A request of this kind with nothing in it. */
void jailer_request(struct request *q, enum request_kind kind);

/*
 * Send it with these descriptors (-1: not given); the bits in q->fds are set
 * here.
 */
int jailer_send(int socket, struct request *q, const int fds[REQUEST_FDS],
    struct error *err);

/*
 * Ask and wait for the answer. 0, or -1 with what the jailer says; err->code
 * is ENOENT when it is that something isn't there, else its errno or 0.
 */
int jailer_ask(int socket, struct request *q, const int fds[REQUEST_FDS],
    struct error *err);

/* Is the stage or layer there? 1, 0, or -1 with err. */
int jailer_has(int socket, bool layer, const char *id, struct error *err);

/*
 * The same in two steps: what comes from the first, a descriptor or -1 with
 * err, is for the second, which closes it.
 */
int jailer_ask_has(int socket, bool layer, const char *id, struct error *err);
int jailer_had(int fd, struct error *err);

/* Import the file at fd, which has the digest id, as a stage of this name. */
int jailer_import(
    int socket, int fd, const char *id, const char *name, struct error *err);

int jailer_remove(int socket, const char *id, struct error *err);

/* Should the machine take work? -1: err says why not. */
int
jailer_ready(int socket, int64_t reserve, int64_t pressure, struct error *err);

/*
 * What jails can do here, as "autotua-chroot capabilities" has it; NULL with
 * err.
 */
json_t *jailer_capabilities(int socket, struct error *err);

/*
 * Do jails run programs of this architecture, by themselves or emulated? 0;
 * -1: err says of which they do.
 */
int jailer_runs(int socket, const char *arch, struct error *err);

/* All images, stages before layers, each with the last used first. */
int jailer_list(int socket, struct arena *a, struct request_item **items,
    size_t *n, struct error *err);

#endif
