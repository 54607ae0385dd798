/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much of the disk a run uses, and how much is left for others. The file
 * system is asked often, since that costs nothing; the files of the run are
 * added up only when so much space has gone that they could be too many, or
 * when that hasn't been done for a while.
 */
#ifndef CHROOT_DISK_H
#define CHROOT_DISK_H

#include <stdbool.h>
#include <stdint.h>

struct space {
	int64_t bytes;
	int64_t files; /* inodes */
};

struct disk {
	int run;              /* the run's folder */
	int64_t limit;        /* bytes; 0: none */
	struct space reserve; /* what must stay free */
	struct space used;    /* by the run, when it was added up */
	int64_t free;         /* bytes on the file system then */
	struct space begin;   /* free at the beginning */
	int64_t next;         /* time at which it is added up again, ns */
	struct space copied;  /* of upper, what isn't the job's */
	struct space met;     /* free when the reserve was met */
	bool files;           /* it was that of inodes */
	bool low; /* the reserve was met, and not by this run alone */
};

/*
 * What must stay free on the file system at fd: as many bytes as are asked
 * for, or if nothing is said a tenth of it, at most 5 GiB; and of its inodes,
 * where they have a number, a tenth, at most 262144; nothing if 0 is asked for.
 */
#define DISK_RESERVE_DEFAULT (-1)
struct space disk_reserve(int fd, int64_t asked);

/* What is free for use there. */
struct space disk_free(int fd);

/* From here on. */
void disk_begin(struct disk *d, int run, int64_t limit, int64_t reserve);

/* What is in upper now doesn't count as the job's. */
void disk_copied(struct disk *d);

/*
 * Has the run more than its limit, or has the disk too little left? final:
 * its processes are dead. If the disk is too full for want of a limit, the run
 * is to blame when half of what has gone is its own.
 */
bool disk_exceeded(struct disk *d, bool final);

/*
 * The processes of a run that was ended for the disk are dead: what that has
 * freed were its own files, deleted but open.
 */
void disk_settle(struct disk *d);

#endif
