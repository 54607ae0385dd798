/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/store/gc.h"
#include "chroot/store/room.h"
#include "chroot/store/stage.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/map.h"

#include <errno.h>
#include <string.h>
#include <sys/file.h>

/* One image among all; those that stand on it are counted. */
struct node {
	const struct stage_item *item;
	struct node *under; /* what it stands on, NULL if that isn't there */
	size_t above;
	time_t used; /* by itself or what stood on it */
	bool done;   /* removed, or to be kept */
};

struct collection {
	struct state *state;
	struct gc *gc;
	struct node *nodes;
	size_t n;
};

/* Which one a layer stands on: the layer below, else its stage. */
static void
link_nodes(struct collection *c, struct arena *a)
{
	struct map ids;
	const char *under;
	struct node *x;
	size_t i;

	map_init(&ids, a);
	for (i = 0; i < c->n; i++)
		*map_puts(&ids, c->nodes[i].item->id) = &c->nodes[i];
	for (i = 0; i < c->n; i++) {
		x = &c->nodes[i];
		under =
		    x->item->below[0] != '-' ? x->item->below : x->item->stage;
		x->under =
		    x->item->kind == IMAGE_LAYER ? map_gets(&ids, under) : NULL;
		if (x->under)
			x->under->above++;
	}
}

static bool
too_much(const struct collection *c)
{
	return c->gc->size_max >= 0 && c->gc->bytes > (uint64_t)c->gc->size_max;
}

static bool
too_old(const struct collection *c, const struct node *x)
{
	return c->gc->age_max >= 0 && c->gc->now - x->used > c->gc->age_max;
}

/* The one that wasn't used for longest, of those that nothing stands on. */
static struct node *
oldest(const struct collection *c)
{
	struct node *best = NULL, *x;
	size_t i;

	for (i = 0; i < c->n; i++) {
		x = &c->nodes[i];
		if (x->done || x->above > 0 ||
		    (x->item->kind == IMAGE_STAGE && !c->gc->stages))
			continue;
		if (!best || x->used < best->used)
			best = x;
	}
	return best;
}

/* A base is used as long as what stands on it is. */
static void
step_down(struct node *x)
{
	if (!x->under)
		return;
	x->under->above--;
	if (x->under->used < x->used)
		x->under->used = x->used;
}

static int
remove_node(struct collection *c, struct node *x, struct error *err)
{
	x->done = true;
	if (stage_drop(c->state, x->item->kind, x->item->id, err) < 0) {
		if (err->code != EBUSY)
			return -1;
		/* and so is all that it stands on */
		c->gc->in_use++;
		return 0;
	}
	c->gc->removed++;
	c->gc->freed += x->item->size;
	c->gc->bytes -= x->item->size;
	step_down(x);
	return 0;
}

static int
remove_oldest(struct collection *c, struct error *err)
{
	struct node *x;

	while ((x = oldest(c)) != NULL && (too_much(c) || too_old(c, x))) {
		if (remove_node(c, x, err) < 0)
			return -1;
	}
	return 0;
}

int
gc(struct state *s, struct gc *g, struct error *err)
{
	struct collection c = {s, g, NULL, 0};
	struct stage_list l;
	struct arena a = {0};
	int rc;

	g->bytes = g->freed = 0;
	g->removed = g->in_use = 0;
	if (state_lock(s, LOCK_EX, err) < 0)
		return -1;
	stage_list(s, &a, &l);
	c.nodes = arena_array(&a, l.n + 1, struct node);
	for (c.n = 0; c.n < l.n; c.n++) {
		c.nodes[c.n].item = &l.items[c.n];
		c.nodes[c.n].used = l.items[c.n].used;
		g->bytes += l.items[c.n].size;
	}
	link_nodes(&c, &a);
	rc = remove_oldest(&c, err);
	if (rc == 0 && g->size_max >= 0)
		room_set(s, g->size_max, g->size_max - (int64_t)g->bytes);
	flock(s->fd, LOCK_UN);
	arena_release(&a);
	return rc;
}
