/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the owner says on the machine itself: the commands stop, reload, pause,
 * drain, resume, retire and status. They find a running slave by the file
 * "lock" of the state folder, which it holds and which has its process id; the
 * owner's word is in a file (contract.h), so that it holds over restarts.
 */
#ifndef SLAVE_CONTROL_H
#define SLAVE_CONTROL_H

#include "slave/contract.h"

#include <stdbool.h>
#include <time.h>

struct arena;
struct error;
struct slave_conf;

/*
 * Take the lock for this process, with its id in it; the descriptor. -1 with
 * the code EWOULDBLOCK: another one has it.
 */
int control_lock(int state, const char *name, struct error *err);

/* The holder of the lock goes by this configuration from now on. */
void control_read(int lock, const struct slave_conf *c);

/* End a running slave: now, or when what runs is finished. */
int control_stop(const struct slave_conf *c, bool now, struct error *err);

/* Have a running slave read its configuration again. */
int control_reload(const struct slave_conf *c, struct error *err);

/* The owner's word, told to a running slave too. */
int
control_say(const struct slave_conf *c, enum owner owner, struct error *err);

/* Take the machine back for good; no slave may run there. */
int control_retire(const struct slave_conf *c, struct error *err);

/* What is lent, whether it is now, and what runs; as text or JSON. */
int control_status(
    const struct slave_conf *c, bool json, struct arena *a, struct error *err);

#endif
