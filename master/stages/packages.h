/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a stage's package manager says is installed, out of the members of the
 * stage's tarball: dpkg's status, apk's installed, the names of pacman's and
 * Portage's folders, rpm's rpmdb.sqlite; its older databases can't be read,
 * and nothing is known of the packages of a stage that has just one. Members
 * are anybody's bytes: what has not the right form is passed over, and what is
 * kept is bounded. No program of the stage is run.
 *
 * The caller walks the archive and, for each member, asks packages_wants()
 * and gives what is wanted to packages_take().
 */
#ifndef MASTER_PACKAGES_H
#define MASTER_PACKAGES_H

#include "base/arena.h"
#include "base/map.h"

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct error;

#define PACKAGES_MAX      50000
#define PACKAGES_FILE_MAX ((size_t)256 << 20) /* of one member */
#define PACKAGES_TEXT_MAX ((size_t)16 << 20)  /* of packages_write() */

enum package_manager {
	MANAGER_APK,
	MANAGER_DPKG,
	MANAGER_PACMAN,
	MANAGER_PORTAGE,
	MANAGER_RPM,
	MANAGERS
};
extern const char *const manager_names[MANAGERS];

struct package {
	const char *name, *version; /* as the package manager writes it */
};

struct packages {
	struct arena *arena;
	struct package *items;
	size_t n;
	struct map seen;      /* "NAME VERSION" */
	bool found[MANAGERS]; /* whose database is there */
	const char *unread;   /* a database that can't be read is there */
	bool full;            /* there are more than PACKAGES_MAX */
};

void packages_init(struct packages *p, struct arena *a);

enum packages_want {
	PACKAGES_NOTHING, /* what was to know is in its name */
	PACKAGES_TEXT,    /* packages_take() wants the whole of it */
};

/* A regular file of this name is in the stage. */
enum packages_want packages_wants(struct packages *p, const char *path);

/* Here is what is in it. -1 with err when it can't be what its name says. */
int packages_take(struct packages *p, const char *path, const char *data,
    size_t len, struct error *err);

/* rpm's database, a part of packages_take(). */
int packages_take_rpm(
    struct packages *p, const char *data, size_t len, struct error *err);

/* One more, if it has the form of one and there is room. */
void packages_add(struct packages *p, const char *name, size_t namelen,
    const char *version, size_t versionlen);

/* The managers that were found, "dpkg" or "dpkg rpm" or "". */
const char *packages_managers(const struct packages *p, struct arena *a);

/*
 * As text, from a process that nobody trusts to another: -1 when they aren't
 * all or it gets too long, or when it is not what packages_write() writes.
 */
int
packages_write(const struct packages *p, struct buf *out, struct error *err);
int packages_read(
    struct packages *p, const char *text, size_t len, struct error *err);

#endif
