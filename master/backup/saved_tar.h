/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Backups as one tar file: regular files alone, each once, not compressed
 * (artifacts mostly are), so that the parts of it that didn't change are the
 * same bytes in the next one. What is read is not trusted.
 */
#ifndef MASTER_SAVED_TAR_H
#define MASTER_SAVED_TAR_H

#include "base/digest.h"

#include <stddef.h>
#include <stdint.h>

struct archive;
struct error;

struct saved_tar {
	struct archive *archive;
	const char *path; /* of the half, for errors: the caller's */
	int fd;
	int64_t time; /* seconds, of each member */
};

/* Begin one in a file that is made, or refused while another is made there. */
int saved_tar_open(
    struct saved_tar *t, const char *path, int64_t time, struct error *err);

/* Add a file as it is at this moment; size and digest are set. */
int saved_tar_add(struct saved_tar *t, const char *name, const char *from,
    int64_t *size, char digest[KEY_HEX], struct error *err);
int saved_tar_text(struct saved_tar *t, const char *name, const char *text,
    size_t len, struct error *err);

/* Complete and sync it; the file stays open (and locked) until release. */
int saved_tar_end(struct saved_tar *t, struct error *err);
void saved_tar_release(struct saved_tar *t);

/*
 * What reads one: place() says where a member's bytes go, size of them at most
 * (-1: nowhere, -2: err is set), seen() gets its digest and the descriptor,
 * which is the reader's.
 */
struct saved_tar_reader {
	int (*place)(
	    void *ctx, const char *name, int64_t size, struct error *err);
	int (*seen)(void *ctx, const char *name, int64_t size,
	    const char *digest, int fd, struct error *err);
	void *ctx;
};

/*
 * Every member, in order. -1 at the first that isn't a plain file with a
 * relative name below the top (links, devices, folders, "..", sparse ones),
 * or that can't be read; -2 when place, seen or what is written failed.
 */
int saved_tar_read(
    const char *path, const struct saved_tar_reader *reader, struct error *err);

#endif
