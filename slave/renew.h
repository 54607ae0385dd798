/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The slave's certificate is renewed by itself when two thirds of its life are
 * over. What comes is first kept beside the old one as key.new and cert.new,
 * the latter last: as soon as it is there, the pair is taken over, also by the
 * next start. The old certificate ends when the master sees the new one.
 */
#ifndef SLAVE_RENEW_H
#define SLAVE_RENEW_H

#include "slave/backoff.h"

#include <gnutls/gnutls.h>
#include <stdint.h>

struct call;
struct error;
struct session;
struct slave_conf;

struct renewal {
	struct call *call;
	gnutls_datum_t key; /* of the request in flight */
	int64_t due;        /* seconds since 1970; 0: to be looked at */
	struct backoff wait;
};

/* Before the first connection: take over a pair that came before a crash. */
int renew_recover(const struct slave_conf *c, struct error *err);

/* When a certificate that holds from..until (seconds) is to be renewed. */
int64_t renew_time(int64_t from, int64_t until);

/* Ask for a new certificate if it is time. */
void renew_turn(struct session *s);

/* Milliseconds, as the session's clock, until renew_turn() has to do. */
int64_t renew_due(const struct session *s);

void renew_close(struct session *s);

#endif
