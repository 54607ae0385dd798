/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A jail, for one phase, as phase.c decided. The child has a part of it from
 * birth, which is enough for a job that isn't known yet: namespaces, ids,
 * groups. The rest is told it, see order.h. Folders are relative to the
 * parent's working directory, which is the state folder.
 *
 * The pipes between the parent and process 1 of the jail:
 *	leash	parent to 1. A byte BOX_TERM: ask it to end. Its end (the
 *		parent closed it, or died): kill everything and end.
 *	answer	1 to parent: one struct answer, the last thing it says.
 *	log	output of the command.
 */
#ifndef CHROOT_BOX_H
#define CHROOT_BOX_H

#include "chroot/sys/feature.h"
#include "chroot/jail/limit.h"
#include "base/network.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#define BOX_TERM 'T'

/* Descriptors in the child, moved there first of all. */
enum box_fd {
	BOX_LOG = 1,
	BOX_EXTRA = 3,
	BOX_LEASH,
	BOX_ANSWER,
	BOX_USERNS,
	BOX_ORDER,
	BOX_NETNS,
	BOX_FREE
};

struct cgroup;

struct source {
	const char *name;   /* in /autotua/distfiles */
	const char *stored; /* in the store */
};

struct box {
	const char *below;         /* folder with root/, see base.h */
	const char *const *layers; /* keys, bottom to top, on it */
	size_t nlayers;
	bool copied;      /* upper is all of it */
	const char *run;  /* "run/JOB", with upper, home, src in it */
	int folder;       /* the same as a mount; -1: is to be made */
	const char *work; /* overlayfs's own folder in there: "work.N" */
	enum network net;
	int netns;        /* of a private network; or -1 */
	bool nest;        /* it makes namespaces of its own */
	bool bits32;      /* its programs are of 32 bits */
	int userns;       /* -1: root is the host's */
	uint32_t base;    /* its root's id outside */
	bool mapped;      /* mounts translate owners, see ids.h */
	unsigned without; /* of enum feature: don't even try */
	struct limits limits;
	bool poor; /* no control group counts memory or processes */
	const struct cgroup *groups; /* made for the run */
	unsigned *lacks;         /* the child's: what it had to do without */
	const char *const *argv; /* the command; NULL: unpack BOX_EXTRA */
	int log, leash, answer, order; /* the child's ends */
	int extra;                     /* its descriptor 3; -1: none */
	int recipe; /* the mount of /autotua/recipe; -1: none */
	bool ahead; /* of the job only the kinds of its limits are known */
};

enum answer_kind { ANSWER_NONE, ANSWER_BROKEN, ANSWER_ENDED };

struct answer {
	enum answer_kind kind;
	int status;          /* ENDED: wait status of the command */
	enum limit limit;    /* ENDED: one that process 1 looks at */
	unsigned lacks;      /* of enum feature: what was done without */
	struct rusage usage; /* ENDED: of all processes of the jail */
	char text[512];      /* BROKEN: why the jail could not be made */
};

/* The child's side, from its first instruction on. */
_Noreturn void inside(const struct box *b);

/* Send the answer ANSWER_BROKEN and end. */
_Noreturn void box_die(const struct box *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The answer will say that the jail was made without f. */
void box_lacks(const struct box *b, enum feature f);

struct parts;

/*
 * A small folder in memory where mounts wait for the root; a descriptor. Its
 * folders are BOX_ROOT, where the root is attached, and those of what goes on
 * top of the root. In the end it is empty, and the jail's /sys.
 */
#define BOX_ROOT "root"
int mount_nursery(const struct box *b);

/*
 * Stage, layers and upper mounted as one, attached in the nursery; a
 * descriptor of its root folder.
 */
int root_mount(const struct box *b, const struct parts *p, int nursery);

/* What a jail has on top of it; each ends in box_die() if it fails. */
void mount_dev(const struct box *b, int nursery);
void mount_proc(const struct box *b, int nursery);
void mount_moved(const struct box *b, int nursery, int root);
void mount_tmp(const struct box *b, int root);
void mount_autotua(const struct box *b, const struct parts *p, int root);
void mount_resolver(const struct box *b, const struct parts *p, int root);

/* The folder /sys of the root; the nursery to there; then it is emptied. */
int mount_point_of_sys(const struct box *b, int root);
void mount_sys(const struct box *b, int nursery, int point);
void mount_emptied(const struct box *b, int nursery);

/* Process 1: start the command, reap, obey the leash, answer, end. */
_Noreturn void init_run(const struct box *b);

#endif
