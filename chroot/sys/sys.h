/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System calls that the C library has no function for, as thin as can be:
 * they return what the kernel returns, -1 with errno on failure.
 */
#ifndef CHROOT_SYS_H
#define CHROOT_SYS_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Everything that a job, an image or an archive could have made is opened
 * with one of these two: below dirfd, following no link at all. BENEATH
 * stays on one mount as well; IN_ROOT takes dirfd as "/" and crosses mounts.
 */
int sys_open_beneath(int dirfd, const char *path, int flags);
int sys_open_in_root(int root, const char *path, int flags);

/* Make the file, which isn't there, with the first one's care. */
int sys_create_beneath(int dirfd, const char *path, mode_t mode);

/* As sys_open_in_root(), but links are followed, within root. */
int sys_open_links_in_root(int root, const char *path, int flags);

/*
 * fork() with namespace flags (CLONE_NEW...), into the control group (of
 * version 2; -1: the caller's). In the parent *pidfd is the child's pid
 * descriptor (CLOEXEC).
 */
pid_t sys_clone(uint64_t flags, int cgroup, int *pidfd);

int sys_pivot_root(const char *fresh, const char *old);
int sys_pidfd_kill(int pidfd);

/* No groups but the main one. */
int sys_drop_groups(void);

/* Disk access of this process only when nobody else wants it. */
void sys_idle_io(void);

/* Close every descriptor from first on. */
void sys_close_from(unsigned first);

/* A new, empty session keyring instead of the caller's. */
void sys_fresh_keyring(void);

/* Set permitted and effective capabilities to mask, inheritable to none. */
int sys_capset(uint64_t mask);

/* Make all permitted capabilities effective. */
int sys_capraise(void);

/*
 * Abstract unix sockets and signals of this process, and of all that it
 * starts, don't reach beyond them (Landlock, ABI 6).
 */
int sys_scope(void);

#endif
