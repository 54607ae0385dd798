/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a tree is fetched from, and how libgit2 gets there. libgit2 speaks
 * git's protocol; the bytes go through transports of our own: https by libcurl
 * (https.c), because the TLS that libgit2 is built with may be too old for a
 * server, and ssh by the program of that name (ssh.c), which knows the user's
 * known hosts, keys and configuration exactly as the user does.
 *
 * A struct link is one fetch's connection. It is the caller's; libgit2 gets
 * pointers into it between link_open() and link_close(). There is one at a
 * time in a process, since libgit2's list of transports is the process's.
 */
#ifndef TREE_REMOTE_H
#define TREE_REMOTE_H

#include "tree/remote/mirror.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

#include <git2.h>
#include <git2/sys/transport.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum remote_kind { REMOTE_LOCAL, REMOTE_HTTPS, REMOTE_SSH };

struct remote {
	enum remote_kind kind;
	const char *url;  /* what libgit2 is told */
	const char *name; /* what people are told */
	const char *path; /* LOCAL: the folder; SSH: on the other side */
	const char *user, *host, *port; /* SSH; user and port may be NULL */
};

/*
 * What url means: a path, file:///, https://, ssh:// or user@host:path. All
 * else is refused, and so are a password in it, control characters, and a
 * host, user or path that a program would take for an option.
 */
int remote_parse(
    struct arena *a, const char *url, struct remote *out, struct error *err);

struct web; /* https.c: libcurl's side */

struct link {
	git_smart_subtransport transport; /* first: libgit2 hands it back */
	git_smart_subtransport_stream stream;
	git_smart_subtransport_definition how;
	struct arena arena;
	const struct remote *remote;
	const struct mirror_conf *conf;
	int64_t deadline;   /* monotonic milliseconds */
	int64_t received;   /* bytes */
	int64_t worked;     /* objects, over all steps */
	size_t done, total; /* steps with objects, for who is told of them */
	int64_t beaten;     /* when somebody was told; monotonic milliseconds */
	struct error err;   /* msg: why the transport failed */
	struct web *web;
	/* ssh.c */
	pid_t pid;
	int fd, errfd; /* to and from the program; what it says */
	struct buf said;
};

void
link_open(struct link *l, const struct remote *r, const struct mirror_conf *c);
void link_close(struct link *l);

/* Let libgit2 use it for the remote's url. */
int link_register(struct link *l, struct error *err);

/* err gets why a call of libgit2 failed: the transport's reason or its own. */
int link_fail(struct link *l, struct error *err);

/*
 * For transports: -1 with l->err ("NAME: text") and something for libgit2.
 * An error that is there already stays.
 */
int link_broke(struct link *l, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Count bytes that came; -1 when they are too many or it took too long. */
int link_count(struct link *l, size_t n);

/* It goes on: tell who wants to know, now and then. */
void link_beat(struct link *l);

/* Seconds without a byte that are too long. */
long link_stall(const struct link *l);

int64_t link_now(void);

/* The makers of transports, as libgit2 calls them; ctx is the link. */
int https_new(git_smart_subtransport **out, git_transport *owner, void *ctx);
int ssh_new(git_smart_subtransport **out, git_transport *owner, void *ctx);

/* What these two keep in the link is given back. */
void https_release(struct link *l);
void ssh_release(struct link *l);

/* ssh's arguments, NULL at the end. */
const char *const *ssh_arguments(
    struct arena *a, const struct remote *r, const struct mirror_conf *c);

#endif
