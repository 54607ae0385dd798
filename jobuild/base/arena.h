/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that is freed all at once: one arena per unit of work (a parse, a
 * request, an import). What an arena gave is never freed alone. Out of memory
 * aborts the process.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct block;

struct arena {
	struct block *blocks;
	char *next, *end;
};

/* An empty arena; "struct arena a = {0}" is the same. */
void arena_init(struct arena *a);

/* Free everything; the arena is empty afterwards and can be used again. */
void arena_release(struct arena *a);

/*
 * Free everything but the last block, which is used again: for who fills and
 * empties an arena many times. Nothing that it gave is valid any more.
 */
void arena_reset(struct arena *a);

/* How many bytes it holds, without what is still free in its last block. */
size_t arena_size(const struct arena *a);

/* count * size bytes, zeroed, aligned for any type; never NULL. */
void *arena_alloc(struct arena *a, size_t count, size_t size);

/*
 * For who knows what will be asked for: a block of just n bytes, the sum of
 * what arena_room() says that each will take.
 */
void arena_reserve(struct arena *a, size_t n);
size_t arena_room(size_t n);

#define arena_new(a, type)      ((type *)arena_alloc((a), 1, sizeof(type)))
#define arena_array(a, n, type) ((type *)arena_alloc((a), (n), sizeof(type)))

/*
 * Room for one more element in a growing array: returns list, or a copy with
 * twice the room when n is at a capacity (a power of two from 8 on).
 */
void *arena_grow(struct arena *a, void *list, size_t n, size_t size);

char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_join(struct arena *a, const char *const *parts, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

#endif
