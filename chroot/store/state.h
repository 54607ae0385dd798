/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state folder: stages/ID/{root,ok,name}, layers/KEY/{root,ok}, run/JOB,
 * trash/N, all on one file system and for root alone; "ids" is that of ids.h,
 * "room" of room.h. A stage or layer is whole if and only if it is under its
 * name: it is filled elsewhere, synced and renamed. A run's folder is its own
 * lock (flock): where the lock is free, the run is dead. Images and what is
 * dead are deleted by renaming into trash/ and then removing; there are no
 * mounts to undo, since none is ever made on the host.
 */
#ifndef CHROOT_STATE_H
#define CHROOT_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct error;

enum image { IMAGE_STAGE, IMAGE_LAYER };
extern const char *const image_folders[]; /* "stages", "layers" */
extern const char *const image_names[];   /* "stage", "layer" */

struct state {
	const char *path;
	int fd; /* its lock: shared while a run starts, else exclusive */
	int images[2], run, trash;
	bool users; /* we are an ordinary user's, see ids.h */
	/* may archives be read by this machine's root, if it must be? The
	   opener's to set */
	bool allow_rootful;
};

/* Open the folder, making what is missing. */
int state_open(struct state *s, const char *path, struct error *err);
void state_close(struct state *s);

/* For a forked child: a lock of its own instead of its parent's. */
int state_reopen(struct state *s, struct error *err);

/* Wait for the lock of the state: LOCK_SH, LOCK_EX, LOCK_UN. */
int state_lock(struct state *s, int operation, struct error *err);

/*
 * Make run/NAME and lock it; the caller has the state's lock. Returns the
 * descriptor, which is the lock.
 */
int state_new_run(struct state *s, const char *name, struct error *err);

/* Give a run's folder another name, which no run may have. */
int state_rename_run(
    struct state *s, const char *from, const char *to, struct error *err);

/*
 * Move what dead runs left to the trash; state_recover() looks for halves of
 * images as well, which takes longer the more there are.
 */
int state_recover_runs(struct state *s, struct error *err);
int state_recover(struct state *s, struct error *err);

/* Move dirfd/name to the trash; state_empty_trash() deletes it. */
int state_bury(struct state *s, int dirfd, const char *name, struct error *err);

/* Delete kept/JOB. */
int state_remove_kept(struct state *s, const char *job, struct error *err);

/*
 * Delete run/NAME, whose lock the caller has and closes afterwards: what is
 * left of it if the caller dies on the way is a dead run's folder.
 */
int state_end_run(struct state *s, const char *name, struct error *err);

/* Delete what is in the trash, but what another process is deleting. */
int state_empty_trash(struct state *s, struct error *err);

/*
 * The same by a process of its own, which goes on behind our back and leaves
 * disk and processors to others; none is started for an empty trash.
 */
int state_sweep(struct state *s, struct error *err);

/*
 * What that process does, for one whose work is done. Nothing that it has is
 * open any longer.
 */
_Noreturn void state_sweep_and_exit(struct state *s);

/*
 * Open a stage or layer for use: its "ok" file, locked shared, and marked as
 * used now. -1 with err->code ENOENT if it is not there.
 */
int
state_hold(struct state *s, enum image kind, const char *id, struct error *err);

/* The same for who only looks at it or deletes it, which is no use of it. */
int
state_look(struct state *s, enum image kind, const char *id, struct error *err);

/* Is it there, whole? */
bool state_has(struct state *s, enum image kind, const char *id);

/*
 * The folder of an image to come, with root/ in it, gets its "ok" file with
 * this text, once all else is on the disk.
 */
int state_seal(int folder, const char *ok, struct error *err);

/*
 * Make an image visible: dirfd/name, which is sealed, becomes stages/ID or
 * layers/KEY. 1 when one was there already (ours is still at its place), 0,
 * or -1.
 */
int state_publish(struct state *s, enum image kind, const char *id, int dirfd,
    const char *name, struct error *err);

/*
 * A value out of the "ok" file at fd, lines of "name=value"; false when it
 * has none. At most OK_VALUE - 1 bytes.
 */
#define OK_VALUE 72
bool state_ok_value(int fd, const char *name, char value[OK_VALUE]);

#endif
