/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes that grow up to a limit set at birth. data is always NUL-terminated
 * once something was added (the NUL is not counted in len), and NULL before.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>

struct error;

struct buf {
	char *data;
	size_t len, cap, max;
};

/* An empty buffer that refuses to grow above max bytes. */
void buf_init(struct buf *b, size_t max);
void buf_release(struct buf *b);

/* Append; 0, or -1 when the limit would be passed (nothing is added then). */
int buf_add(struct buf *b, const void *p, size_t n);
int buf_adds(struct buf *b, const char *s);
int buf_addc(struct buf *b, char c);
int buf_addf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Append all that fd gives until its end. -1 with err when reading fails or
 * the limit is reached ("is larger than N bytes").
 */
int buf_read(struct buf *b, int fd, struct error *err);

#endif
