/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What process 1 of a jail is told by the parent, which knows the job: mounts
 * that are attached nowhere yet, as descriptors, and what is to be run. The
 * parent opens all folders, so process 1 needs no view of the host for them
 * and may have been made before the job was known.
 *
 * The mounts of layers end with the last descriptor of theirs, and the kernel
 * takes a while for each. So the parent keeps its own until nobody waits.
 */
#ifndef CHROOT_ORDER_H
#define CHROOT_ORDER_H

#include "chroot/jail/box.h"
#include "chroot/jail/cgroup.h"

struct arena;
struct error;

#define PARTS_LOWER 129 /* of a jail: 128 layers and what they are on */

/* Of a jail's root, owners translated; -1: there is none. */
enum part {
	PART_ROOT, /* the upper as a whole, where it is a copy */
	PART_RUN,  /* the run's folder, and in it, for overlayfs: */
	PART_UPPER,
	PART_WORK,
	PART_IMAGES,   /* the state folder, and in it all that is below */
	PART_HOME,     /* for /autotua */
	PART_SRC,      /* for /autotua/distfiles */
	PART_RECIPE,   /* for /autotua/recipe */
	PART_RESOLVER, /* for /etc/resolv.conf */
	PART_EXTRA,    /* no mount: BOX_EXTRA */
	PART_DOOR,     /* nor these: one a controller, see cgroup.h */
	PARTS = PART_DOOR + CONTROLS
};

struct parts {
	int fd[PARTS];
	int lower[PARTS_LOWER]; /* top first; folders of PART_IMAGES */
	size_t nlower;
};
#define PARTS_NONE                                                             \
	((struct parts){                                                       \
	    {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1}, {0}, 0})

/* The parent's: open them all; then or after an error they are closed. */
int parts_open(struct parts *p, const struct box *b, struct error *err);
void parts_close(struct parts *p);

/*
 * To process 1 at the socket's other end. That it isn't there any more is no
 * error: it has said why.
 */
int order_send(
    int socket, const struct box *b, const struct parts *p, struct error *err);

/*
 * In process 1: wait for it, and fill box and parts; the command is in the
 * arena. The socket's end ends us.
 */
void order_receive(struct box *b, struct parts *p, struct arena *a);

#endif
