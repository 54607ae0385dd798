/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Damaged scripts: pieces of files in which bytes, words and lines are
 * deleted, doubled, swapped, wrapped and inserted, glued together and cut off.
 * The same seed and files give the same mutants.
 */
#ifndef TESTS_MUTATE_H
#define TESTS_MUTATE_H

#include "base/arena.h"
#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct mutate_file {
	const char *text;
	size_t len;
};

struct mutate {
	struct arena arena;
	struct mutate_file *files;
	size_t nfiles;
	uint64_t state;
	size_t max; /* bytes of a piece of a file */
};

/* Begin with a seed; then add files (bails out when one can't be read). */
void mutate_init(struct mutate *m, uint64_t seed, size_t max);
void mutate_add(struct mutate *m, const char *path);
void mutate_release(struct mutate *m);

/* Make the next one: out's contents are replaced. */
void mutate_next(struct mutate *m, struct buf *out);

/* Damage a text once, somewhere. */
void mutate_damage(struct mutate *m, struct buf *text);

/* A number below n, 0 if n is 0. */
size_t mutate_pick(struct mutate *m, size_t n);

/*
 * Make a text smaller as long as same() holds: first by halves, then by
 * single bytes.
 */
void mutate_shrink(
    struct buf *text, bool (*same)(void *arg, const struct buf *), void *arg);

#endif
