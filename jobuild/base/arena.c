/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "arena.h"
#include "log.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BLOCK_MIN ((size_t)1008) /* malloc keeps freed ones of it at hand */
#define BLOCK_MAX ((size_t)1 << 26)
#define HUGE_PAGE ((size_t)1 << 21)
#define HUGE_FROM (BLOCK_MIN << 8) /* what grows to this grows to HUGE_PAGE */
#define ALIGN     _Alignof(max_align_t)

/*
 * Small blocks are malloc's; from HUGE_PAGE on they are mappings of their own
 * in pages of that size, for touching memory page by page costs more than
 * what is done in it: some sixty small pages as much as one of those. Only
 * what is written takes memory.
 */
struct block {
	struct block *prev;
	size_t size; /* of the whole block */
	bool zero;   /* what hasn't been given out is */
	bool exact;  /* its size says nothing about the next one's */
	max_align_t data[];
};

static _Noreturn void
out_of_memory(void)
{
	log_crit("out of memory");
	abort();
}

void
arena_init(struct arena *a)
{
	memset(a, 0, sizeof(*a));
}

void
arena_release(struct arena *a)
{
	struct block *b, *prev;

	for (b = a->blocks; b; b = prev) {
		prev = b->prev;
		if (b->size < HUGE_PAGE)
			free(b);
		else
			munmap(b, b->size);
	}
	arena_init(a);
}

void
arena_reset(struct arena *a)
{
	struct block *last = a->blocks;
	struct arena rest = {0};

	if (!last)
		return;
	rest.blocks = last->prev;
	arena_release(&rest);
	last->prev = NULL;
	last->zero = false;
	a->next = (char *)last->data;
}

size_t
arena_size(const struct arena *a)
{
	const struct block *b;
	size_t n = 0;

	for (b = a->blocks; b; b = b->prev)
		n += b->size;
	return n - (size_t)(a->end - a->next);
}

/* A mapping of whole huge pages. */
static void *
map_block(size_t size)
{
	size_t room = size + HUGE_PAGE, skip;
	char *p = mmap(NULL, room, PROT_READ | PROT_WRITE,
	    /* cppcheck-suppress invalidFunctionArg ; there is no file */
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		out_of_memory();
	skip = -(uintptr_t)p & (HUGE_PAGE - 1);
	if (skip > 0)
		munmap(p, skip);
	if (skip < HUGE_PAGE)
		munmap(p + skip + size, HUGE_PAGE - skip);
	/* without them it is slower, nothing else */
	(void)madvise(p + skip, size, MADV_HUGEPAGE);
	/* cppcheck-suppress deallocret ; only what is beside it was unmapped */
	return p + skip;
}

/* Start a new block of this size. */
static void
add_block(struct arena *a, size_t want, bool exact)
{
	struct block *b;

	if (want >= HUGE_PAGE)
		want = (want + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	b = want < HUGE_PAGE ? malloc(want) : map_block(want);
	if (!b)
		out_of_memory();
	b->zero = want >= HUGE_PAGE;
	b->exact = exact;
	b->prev = a->blocks;
	b->size = want;
	a->blocks = b;
	a->next = (char *)b->data;
	a->end = (char *)b + want;
}

/* Start a new block with room for at least size bytes. */
static void
grow(struct arena *a, size_t size)
{
	size_t want = BLOCK_MIN;

	if (a->blocks && !a->blocks->exact)
		want = a->blocks->size * 2;
	if (want >= HUGE_FROM && want < HUGE_PAGE)
		want = HUGE_PAGE;
	if (want > BLOCK_MAX)
		want = BLOCK_MAX;
	if (size > SIZE_MAX / 2)
		out_of_memory();
	if (want < size + sizeof(struct block))
		want = size + sizeof(struct block);
	add_block(a, want, false);
}

size_t
arena_room(size_t n)
{
	return n ? (n + ALIGN - 1) & ~(ALIGN - 1) : ALIGN;
}

void
arena_reserve(struct arena *a, size_t n)
{
	if (n > SIZE_MAX / 2)
		out_of_memory();
	if (n > (size_t)(a->end - a->next))
		add_block(a, n + sizeof(struct block), true);
}

void *
arena_alloc(struct arena *a, size_t count, size_t size)
{
	size_t n;
	char *p;

	if (__builtin_mul_overflow(count, size, &n) || n > SIZE_MAX - ALIGN)
		out_of_memory();
	n = arena_room(n);
	if (n > (size_t)(a->end - a->next))
		grow(a, n);
	p = a->next;
	a->next += n;
	return a->blocks->zero ? p : memset(p, 0, n);
}

void *
arena_grow(struct arena *a, void *list, size_t n, size_t size)
{
	void *bigger;

	if (n == 0)
		return arena_alloc(a, 8, size);
	if (n < 8 || (n & (n - 1)) != 0)
		return list;
	bigger = arena_alloc(a, n * 2, size);
	memcpy(bigger, list, n * size);
	return bigger;
}

char *
arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p = arena_alloc(a, n + 1, 1);

	if (n > 0)
		memcpy(p, s, n);
	return p;
}

char *
arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *
arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	size_t left = (size_t)(a->end - a->next);
	va_list again;
	char *p;
	int n;

	/* mostly there is room: then it is written where it is to be */
	va_copy(again, ap);
	n = vsnprintf(a->next, left, fmt, ap);
	if (n < 0)
		out_of_memory();
	p = a->next;
	if ((size_t)n + ALIGN <= left) {
		a->next += ((size_t)n + ALIGN) & ~(ALIGN - 1);
		va_end(again);
		return p;
	}
	p = arena_alloc(a, (size_t)n + 1, 1);
	vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return p;
}

char *
arena_join(struct arena *a, const char *const *parts, size_t n)
{
	size_t len = 0, i, k;
	char *s, *to;

	for (i = 0; i < n; i++)
		len += strlen(parts[i]);
	s = to = arena_alloc(a, len + 1, 1);
	for (i = 0; i < n; i++, to += k) {
		k = strlen(parts[i]);
		memcpy(to, parts[i], k);
	}
	*to = '\0';
	return s;
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;

	va_start(ap, fmt);
	p = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return p;
}
