/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the service manager is told (sd_notify(3)): a datagram to the socket
 * that NOTIFY_SOCKET names; nothing where there is none.
 */
#ifndef BASE_NOTIFY_H
#define BASE_NOTIFY_H

#include <stdint.h>

/* Lines "NAME=value"; what can't be sent is lost. */
void notify(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* RELOADING, with the clock's value that belongs to it. */
void notify_reloading(void);

/*
 * Microseconds between two WATCHDOG=1, a half of what the manager waits; 0:
 * it doesn't.
 */
int64_t notify_watchdog(void);

#endif
