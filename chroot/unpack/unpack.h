/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Archives to files. The caller is a process of its own that has made the
 * target its root directory with chroot(2): whatever a member's name or link
 * says, it ends inside. Tar in its dialects, not compressed or by gzip,
 * bzip2, xz, zstd. Three policies:
 *
 * UNPACK_STAGE: as stored, with owners, modes, times, ACLs, file flags,
 *	user.* attributes and file capabilities. Left out: device nodes and
 *	sockets (a jail has its own /dev), the immutable and append-only flags
 *	(they keep a stage from being removed), and overlayfs's attributes.
 * UNPACK_CONF: members below etc/ only; folders, files and links that stay
 *	inside, as root's and without setuid. Anything else is an error, and so
 *	is writing through a link.
 * UNPACK_LAYER: as a stage, but a file "ok" and the folder "root" only, with
 *	whiteouts (the character device 0:0), and overlayfs's attributes
 *	trusted.overlay.NAME of folders as UNPACK_CARRIED NAME.
 *
 * An owner above 65535 is an error: no jail has such ids.
 */
#ifndef CHROOT_UNPACK_H
#define CHROOT_UNPACK_H

#include <stdint.h>

struct error;

enum unpack_policy { UNPACK_STAGE, UNPACK_CONF, UNPACK_LAYER };
extern const char *const unpack_policies[]; /* "stage", ... */
#define UNPACK_OWNER_MAX 65535
#define UNPACK_CARRIED   "user.autotua."

struct unpack_count {
	uint64_t members, bytes;
	uint64_t left_out; /* device nodes and sockets */
	uint64_t warnings; /* what the file system could not keep */
	char warning[256]; /* the first of them */
};

/* Call before chroot(2): what libarchive and libc load lazily is loaded. */
void unpack_prepare(void);

/* Unpack the archive at fd into "/". A failure names the member. */
int unpack(int fd, enum unpack_policy policy, struct unpack_count *count,
    struct error *err);

#endif
