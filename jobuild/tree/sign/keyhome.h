/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Temporary GnuPG homes of our own, in one folder below TMPDIR. No home of
 * the caller's is ever looked at, no agent or other daemon is started. A small
 * process waits for the end of ours and removes the folder then, however that
 * end came; keyhome_close() does it in good time and ends that process.
 */
#ifndef TREE_KEYHOME_H
#define TREE_KEYHOME_H

#include "tree/sign/keptgpg.h"

#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

struct arena;
struct buf;
struct error;

#define GPG "/usr/bin/gpg"

struct keyhome {
	char path[PATH_MAX]; /* "" when there is none */
	int leash;           /* its other end is the watcher's */
	pid_t watcher;
	size_t n;            /* homes made */
	struct keptgpg kept; /* at work in one of them */
};

/* Make the folder. -1 leaves nothing behind. */
int keyhome_open(struct keyhome *h, struct error *err);

/* Remove it with all homes; nothing to do for a zeroed struct. */
void keyhome_close(struct keyhome *h);

/* In a lax one gpg accepts self-signatures by SHA-1, to tell of them. */
enum keyhome_kind { KEYHOME_STRICT, KEYHOME_LAX };

/* A further home in the folder; its path, or NULL. */
const char *keyhome_add(struct keyhome *h, enum keyhome_kind kind,
    struct arena *a, struct error *err);

/*
 * Run gpg on a home with these arguments (NULL ends); out gets what it
 * prints. Its exit status is no verdict and not looked at.
 */
int keyhome_gpg(const char *home, const char *const args[], struct buf *out,
    struct error *err);

#endif
