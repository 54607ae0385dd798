/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A jail as its child side sees it: what run.c decided, for one phase. The
 * child has its own mount namespace from birth, so it opens everything again
 * by itself, relative to its working directory, which is the state folder.
 *
 * The pipes between the parent and process 1 of the jail:
 *	leash	parent to 1. A byte BOX_TERM: ask the command to end. Its end
 *		(the parent closed it, or died): kill everything and end.
 *	answer	1 to parent: one struct answer, the last thing it says.
 *	log	output of the command.
 */
#ifndef CHROOT_BOX_H
#define CHROOT_BOX_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>

#define BOX_TERM 'T'

/* Descriptors in the child, moved there first of all. */
enum box_fd { BOX_LOG = 1, BOX_EXTRA = 3, BOX_LEASH, BOX_ANSWER, BOX_FREE };

struct source {
	const char *name;   /* in /autotua/distfiles */
	const char *stored; /* in distfiles/ of the state folder */
	bool bind;          /* it could not be linked */
};

struct box {
	const char *stage;         /* id */
	const char *const *layers; /* keys, bottom to top */
	size_t nlayers;
	const char *run;    /* "run/JOB", with upper, home, src in it */
	const char *work;   /* overlayfs's own folder: "run/JOB/work.N" */
	const char *recipe; /* absolute path, or NULL */
	const struct source *sources;
	size_t nsources;
	bool net;                /* the host's network */
	const char *const *argv; /* the command; NULL: unpack BOX_EXTRA */
	int log, leash, answer;  /* the child's ends */
	int extra;               /* its descriptor 3; -1: none */
};

enum answer_kind { ANSWER_NONE, ANSWER_BROKEN, ANSWER_ENDED };

struct answer {
	enum answer_kind kind;
	int status;          /* ENDED: wait status of the command */
	struct rusage usage; /* ENDED: of all processes of the jail */
	char text[512];      /* BROKEN: why the jail could not be made */
};

/* The child's side, from its first instruction on. */
_Noreturn void inside(const struct box *b);

/* Send the answer ANSWER_BROKEN and end. */
_Noreturn void box_die(const struct box *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Mount stage, layers and upper as one; a descriptor of its root folder. */
int root_mount(const struct box *b);

/* What a jail has on top of it; each ends in box_die() if it fails. */
void mount_dev(const struct box *b, int root);
void mount_proc(const struct box *b, int root);
void mount_sys(const struct box *b, int root);
void mount_tmp(const struct box *b, int root);
void mount_autotua(const struct box *b, int root);
void mount_resolver(const struct box *b, int root);

/* Process 1: start the command, reap, obey the leash, answer, end. */
_Noreturn void init_run(const struct box *b);

#endif
