/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sessions: a signed request opens one and gets a token, which from then on
 * says who asks (Authorization: Bearer TOKEN) in place of a signature on each
 * request. The database has the token's digest only. A session is over when
 * its time is, when its owner or an administrator ends it, and when the key
 * that signed for it is revoked.
 */
#ifndef MASTER_SESSION_H
#define MASTER_SESSION_H

#include <stdbool.h>

struct master;
struct request;

/* Who asks, if the request has a token. false: it is no good; answered. */
bool session_find(struct master *m, struct request *r);

/* May it be read by whoever asks? A private master's can't; answered. */
bool session_may_read(struct master *m, struct request *r);

#endif
