/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A gpg that stays: starting one costs more than what it is asked. It reads
 * names of signed messages as they come (--verify-files without names), and
 * says of each what a run of its own would. It has read its home's one key,
 * so it is for one home; another one's takes its place.
 */
#ifndef TREE_KEPTGPG_H
#define TREE_KEPTGPG_H

#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

struct buf;

struct keptgpg {
	pid_t pid; /* 0: none is at work */
	int ask, told;
	size_t asked; /* files, ever: for names that don't come again */
	char home[PATH_MAX];
};

/*
 * Have gpg look at n files of this home; status gets what it says of them. -1:
 * it died or couldn't be started, and nothing that it said is to be used.
 */
int keptgpg_ask(struct keptgpg *k, const char *home, const char *const paths[],
    size_t n, struct buf *status);

/* End it, if there is one. */
void keptgpg_end(struct keptgpg *k);

#endif
