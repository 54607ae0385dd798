/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bare repository that has what another one has: where a master keeps a
 * tree. History may only grow: a branch that was rewritten and a tag that was
 * moved keep what they were, unless that is allowed. Nothing that was once
 * mirrored becomes unreachable (refs.h), so a job that is pinned to a commit
 * can be read for ever.
 */
#ifndef TREE_MIRROR_H
#define TREE_MIRROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct diags;
struct error;

struct mirror_conf {
	const char *ca;          /* file, PEM; NULL: the system's */
	const char *known_hosts; /* file for ssh; NULL: the user's */
	const char *ssh_key;     /* private key file; NULL: the user's */
	bool allow_forced;       /* rewritten branches, moved tags */
	int64_t max_bytes;       /* of one fetch; 0: 2 GiB */
	int64_t seconds;         /* one fetch may take; 0: an hour */
	int64_t stall;           /* seconds without a byte; 0: 60 */
	/*
	 * Called often while something comes: how many of how many steps with
	 * objects are done; total is 0 before that is known. NULL: nobody is
	 * told.
	 */
	void (*tell)(void *ctx, size_t done, size_t total);
	void *tell_ctx;
	/* called once a second while it goes on; NULL: nobody is told */
	void (*beat)(void *ctx);
	void *beat_ctx;
};

/* Is url a place that a tree can be fetched from? Nothing is asked there. */
int mirror_check(const char *url, struct error *err);

/*
 * If url is a folder of this machine, can this user open the repository? 0;
 * 1: it isn't there, and may be yet to come.
 */
int mirror_check_local(const char *url, struct error *err);

/*
 * Make the mirror at path (made if need be) have the branches, tags and HEAD
 * of url: a local path, file:///, https://, ssh:// or user@host:path. It lasts
 * through a power cut when this is over. Only one may do that at a time, and
 * nothing else may write there. c may be NULL. Each branch or tag that
 * couldn't be taken is an error in refused, with its full name
 * (refs/heads/main) as the file; the others are up to date then and the result
 * is 0. -1 when nothing could be fetched.
 */
int mirror_update(const char *path, const char *url,
    const struct mirror_conf *c, struct diags *refused, struct error *err);

/* Is the revision that rev names (NULL: HEAD) one of those refused? */
bool
mirror_refused(const char *path, const char *rev, const struct diags *refused);

/*
 * Is the mirror whole, as far as its refs tell, and can the commits (40 hex
 * digits each) be read? Whoever owns it. -1: err says what is damaged and what
 * to do.
 */
int mirror_sound(
    const char *path, const char *const commits[], size_t n, struct error *err);

/*
 * 1: a branch or tag of the mirror leads to the commit with this id (40 hex
 * digits). 0: none does, though the objects may be there. -1 with err.
 */
int mirror_has(const char *path, const char *commit, struct error *err);

#endif
