/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ready units of a class: a pairing heap by priority, then age (the
 * number), whose links are in the units. The first one is c->heap.
 */
#ifndef MASTER_QUEUE_H
#define MASTER_QUEUE_H

struct sched_class;
struct sched_unit;

void queue_add(struct sched_class *c, struct sched_unit *u);
void queue_remove(struct sched_class *c, struct sched_unit *u);

#endif
