/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file on its way into the store: bytes are appended and hashed as they
 * come, never more than the Manifest says. It is named after its digest in
 * "part/", so that the next try, also one of another process, goes on where
 * this one stopped. While one process writes a part, another one that wants
 * the same file gets an unnamed one.
 */
#ifndef NET_PART_H
#define NET_PART_H

#include "base/digest.h"
#include "net/store.h"

#include <stdbool.h>
#include <stdint.h>

struct error;

struct part {
	int store, fd; /* fd -1: closed */
	const struct manifest_entry *entry;
	char name[STORE_NAME_MAX]; /* "part/...", "" when unnamed */
	int64_t size;              /* bytes had so far */
	struct digest blake2b, sha512;
};

/* Open the part of e; what an earlier try left is hashed. */
int part_open(struct part *p, int store, const struct manifest_entry *e,
    struct error *err);

/* Append; -1 with EFBIG when the file gets larger than its entry says. */
int part_add(struct part *p, const void *data, size_t n, struct error *err);

/* Throw away what is there. */
int part_restart(struct part *p, struct error *err);

/*
 * All bytes are there: compare with the entry and make it visible in the
 * store. -1 with EILSEQ when it is not the right file; it is empty then.
 */
int part_finish(struct part *p, struct error *err);

/* Leave it to a later try. An empty one is deleted. */
void part_close(struct part *p);

/*
 * The validator (a strong ETag) under which url gave the bytes that are here,
 * for If-Range; "" if none is known. Setting it is best effort.
 */
void part_set_etag(struct part *p, const char *url, const char *etag);
void part_etag(const struct part *p, const char *url, char *etag, size_t max);

#endif
