/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a tree holds: each entry with all that counts for an image, sorted by
 * path. As a text it is the file "list" beside an image's root, whose digest
 * is the image's; so what has changed on the disk can be named, and two
 * machines can tell whether they have the same.
 *
 * A line of it, paths and targets percent-encoded:
 *	TYPE MODE UID GID MTIME SIZE CONTENT ATTRIBUTES PATH
 * TYPE is one of f d l p w (a whiteout). CONTENT is a link's target, "=PATH"
 * for one more name of that file, a file's digest (of its blocks of 4096
 * bytes that aren't all zeros, each after its offset), else "-"; ATTRIBUTES
 * the digest of the extended attributes that are kept, or "-".
 */
#ifndef CHROOT_CONTENT_H
#define CHROOT_CONTENT_H

#include "base/arena.h"
#include "base/digest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct buf;
struct error;

struct content_entry {
	const char *path; /* "." is the top */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	dev_t rdev;
	ino_t ino;
	nlink_t nlink;
	off_t size;
	struct timespec mtime;
	const char *target;                /* of a symbolic link */
	const char *digest;                /* of a file's bytes, or NULL */
	const char *attributes;            /* their digest, or NULL */
	const struct content_entry *first; /* it is one more name of this */
	bool deep;                         /* a folder that is not listed */
};

struct content {
	struct arena arena;
	struct content_entry *entries;
	size_t n;
	uint64_t bytes; /* on disk, each file once */
	size_t text;    /* what it takes here, and as text at the least */
};

/*
 * A tree is read, and written as a text, up to so many bytes; the memory that
 * this takes is a few times that. What has more fails with the code
 * EOVERFLOW.
 */
#define CONTENT_TEXT_MAX ((size_t)256 << 20)

/*
 * List what is below root and root itself. hash: with the digests of files.
 * The caller releases the arena, also on failure.
 */
int content_read(int root, bool hash, struct content *c, struct error *err);

/* As text; the digest of that text. */
int content_text(const struct content *c, struct buf *b, struct error *err);
void content_digest(const struct buf *text, char hex[KEY_HEX]);

/*
 * What differs first between two texts, in words: 0 and err says it, or 1 if
 * nothing does.
 */
int content_compare(const char *want, const char *got, struct error *err);

/* Is it a whiteout of overlayfs? */
bool content_is_whiteout(const struct content_entry *e);

/* Is this extended attribute part of an image? */
bool content_keeps(const char *attribute);

/*
 * Those of one file take up to so many bytes in an archive, whose header of
 * 1 MiB at most has its names besides.
 */
#define CONTENT_ATTRIBUTES_MAX ((size_t)960 << 10)

/*
 * Those of what fd (O_PATH will do) names, sorted by name; how many, or -1,
 * with the code EOVERFLOW if there are too many.
 */
struct content_attribute {
	const char *name;
	const void *value;
	size_t size;
};
int content_attributes(int fd, struct arena *a, struct content_attribute **list,
    struct error *err);

#endif
