/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many detached signatures by few runs of gpg: starting one costs several
 * times what a signature does. gpg takes many files at once only if each holds
 * its signature, so each is written as a signed message first. Only a
 * signature that gpg calls good and tells of in the usual way is found; all
 * others are for whoever asks for each alone, who learns what is wrong.
 */
#ifndef TREE_BATCH_H
#define TREE_BATCH_H

#include <gpgme.h>
#include <stdbool.h>
#include <stddef.h>

struct arena;
struct keptgpg;

struct batch_item {
	const char *home;     /* with the one key, keyhome.h */
	struct keptgpg *kept; /* to be asked about a few, or NULL */
	const void *data, *sig;
	size_t len, siglen;
	/* the answer; texts are the arena's */
	bool found;
	struct _gpgme_signature signature; /* fpr, times, hash, notations */
};

/*
 * Fill in the answers: of a few by one key by the gpg that is kept, else one
 * run of gpg for each processor at a time.
 */
void batch_verify(struct batch_item *list, size_t n, struct arena *a);

#endif
