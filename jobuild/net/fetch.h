/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fetching sources into the store with libcurl: several at once, mirrors in
 * order, size and digests checked while the bytes stream, partial files
 * resumed. Nothing unverified becomes visible.
 */
#ifndef NET_FETCH_H
#define NET_FETCH_H

#include "base/conf.h"
#include "recipe/recipe.h"
#include "tree/manifest.h"

struct error;

struct fetch_conf {
	int store;                /* of store_open() */
	struct conf_list mirrors; /* "NAME BASE-URL"; file:// is allowed here */
	int64_t parallel;         /* transfers at once; 0: 4 */
	int64_t stall;            /* seconds below 1 kB/s; 0: 60 */
	int64_t retries;          /* more tries a URL; 0: 2 */
	/*
	 * How far fetch_unknown() is, several times a second; total is 0 while
	 * nobody knows. May be NULL.
	 */
	void (*look)(void *ctx, int64_t bytes, int64_t total);
	void *ctx;
};

struct fetch_item {
	const struct source *source;
	const struct manifest_entry *entry;
};

/* What is told about the files while they come; each may be NULL. */
struct fetch_progress {
	/* bytes so far of entry->size; done when it is in the store */
	void (*tell)(
	    void *ctx, const struct fetch_item *item, int64_t bytes, bool done);
	void *ctx;
	/* a try that failed: "URL: why" */
	void (*note)(
	    void *ctx, const struct fetch_item *item, const char *text);
	/* is it unwanted by now? asked several times a second */
	bool (*cancelled)(void *ctx);
};

/*
 * Fetch all that is not in the store yet; each URL of each mirror is tried,
 * and those whose trouble may pass again after a pause. -1 when one can't be
 * had, after all others were tried: err names the first such file, its URLs
 * and why each failed. err->code is EILSEQ when all that was had was not what
 * the Manifest says, ENOTSUP when its URI can't be fetched (both: no use to
 * try elsewhere), ENOENT when it isn't where this machine looks, EAGAIN when
 * another time may do better, ENOSPC or EDQUOT when this machine has no room,
 * EIO for its other trouble, ECANCELED.
 */
int fetch_all(const struct fetch_conf *c, const struct fetch_item *items,
    size_t n, const struct fetch_progress *p, struct error *err);

/*
 * Fetch one file of unknown digest to fd, which must be seekable and empty,
 * for "jobuild manifest"; at most max bytes.
 */
int fetch_unknown(const struct fetch_conf *c, const struct source *s, int fd,
    int64_t max, struct error *err);

#endif
