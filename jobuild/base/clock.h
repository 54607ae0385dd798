/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clock by which pauses, leases and the length of work are measured. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/*
 * Micro- and milliseconds since the machine started: no one sets it, and it
 * goes on while the machine is suspended, as it does for who waits for us
 * elsewhere.
 */
int64_t clock_us(void);
int64_t clock_ms(void);

#endif
