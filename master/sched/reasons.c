/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a unit isn't running, as data and as text. */
#include "master/sched/inside.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

const char *const reason_kind_names[REASON_KINDS] = {"needs", "lock", "arch",
    "requirement", "stage", "label", "resource", "match", "refused", "closed",
    "quarantine", "offline", "busy", "room", "exclusive", "reserved", "turn",
    "same"};

static const char *const resource_names[SCHED_RESOURCES] = {
    "memory", "cpus", "disk"};

#define FOLLOW 3 /* of units that wait for each other, in one text */

struct reasons {
	struct arena *arena;
	const struct sched *s;
	const struct sched_unit *unit;
	int64_t now;
	int depth;
	bool followed; /* the first of a line: what keeps it is told */
	struct sched_reason *list;
	size_t n;
};

static struct sched_reason *
add(struct reasons *r, enum reason_kind kind, const char *name)
{
	struct sched_reason *x;

	r->list = arena_grow(r->arena, r->list, r->n, sizeof(*r->list));
	x = &r->list[r->n++];
	memset(x, 0, sizeof(*x));
	x->kind = kind;
	x->name = name;
	return x;
}

static void say(struct arena *a, struct sched_reason *x, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
say(struct arena *a, struct sched_reason *x, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	x->text = arena_vprintf(a, fmt, ap);
	va_end(ap);
}

/* When the unit that runs will be through, about; 0: it doesn't run. */
static int64_t
ends_at(const struct reasons *r, const struct sched_unit *u)
{
	const struct sched_lease *l = sched_lease_of(u);
	int64_t at;

	if (!l)
		return 0;
	at = l->granted + (int64_t)(unit_expects(r->s, u) * 1e6);
	return at < r->now ? r->now : at;
}

static void
blocked_reasons(struct reasons *r)
{
	const struct sched_unit *need;
	struct sched_reason *x;
	size_t i;

	for (i = 0; i < r->unit->nneeds; i++) {
		need = r->unit->needs[i];
		if (need->state == UNIT_PASSED)
			continue;
		x = add(r, REASON_NEEDS, sched_root(need));
		x->unit = need->id;
		x->state = unit_state_names[need->state];
		x->until = ends_at(r, need);
		say(r->arena, x, "waits for %s (unit %" PRId64 ", %s)",
		    sched_root(need), need->id, x->state);
	}
}

/* ---- locks --------------------------------------------------------------- */

static int64_t
count_before(const struct lock_use *x)
{
	int64_t n = 0;

	while ((x = x->prev) != NULL)
		n++;
	return n;
}

static void find_reasons(struct reasons *r);

/* What keeps the first of a line from it: its last word sums up. */
static const char *
why_first(struct reasons *r, const struct sched_unit *u)
{
	struct reasons of = {.arena = r->arena,
	    .s = r->s,
	    .unit = u,
	    .now = r->now,
	    .depth = r->depth + 1};

	/* once: each slave may have another line */
	if (of.depth < FOLLOW && !r->followed)
		find_reasons(&of);
	r->followed = true;
	return of.n > 0 ? arena_printf(r->arena, ": %s", of.list[of.n - 1].text)
			: "";
}

static void
lock_reason(struct reasons *r, const struct lock_use *x,
    const struct lock_use *by, const struct sched_slave *sl)
{
	struct sched_reason *y = add(r, REASON_LOCK, x->lock->name);
	const struct sched_unit *u = by->unit;
	const struct sched_lease *l = sched_lease_of(u);

	y->unit = u->id;
	y->job = u->job->id;
	y->count = r->unit->aside ? 0 : count_before(x);
	y->state = unit_state_names[u->state];
	y->until = ends_at(r, u);
	if (l)
		say(r->arena, y,
		    "waits for the lock %s, which %s (unit %" PRId64
		    " of job %" PRId64 ") holds on %s",
		    x->lock->name, sched_root(u), u->id, y->job,
		    l->slave->name);
	else
		say(r->arena, y,
		    "waits for the lock %s%s%s, behind %s (unit %" PRId64
		    " of job %" PRId64 "), which came first%s",
		    x->lock->name, sl ? " of " : "", sl ? sl->name : "",
		    sched_root(u), u->id, y->job, why_first(r, u));
}

/* True when a lock keeps it from running anywhere. */
static bool
lock_reasons(struct reasons *r, const struct sched_slave *sl)
{
	const struct lock_use *x, *by;
	bool found = false;
	size_t i;

	for (i = 0; i < r->unit->nuses; i++) {
		x = &sched_uses(r->unit)[i];
		if (x->lock->per_slave != (sl != NULL))
			continue;
		by = lock_obstacle(r->s, x, sl, r->now);
		if (by)
			lock_reason(r, x, by, sl);
		found |= by != NULL;
	}
	return found;
}

/* ---- what no slave has --------------------------------------------------- */

/* Does any slave of the architecture pass the test of number i? */
static bool
any(const struct reasons *r,
    bool (*test)(
	const struct sched_class *c, size_t i, const struct sched_slave *sl),
    size_t i)
{
	const struct sched_class *c = r->unit->class;
	const struct sched_slave *sl;

	for (sl = r->s->slaves; sl; sl = sl->next) {
		if (!sl->retired && class_arch(c, sl) && test(c, i, sl))
			return true;
	}
	return false;
}

static void
lack(struct reasons *r, enum reason_kind kind, const char *name,
    const char *what)
{
	struct sched_reason *x = add(r, kind, name);

	say(r->arena, x, "no slave for arch %s %s %s", r->unit->class->arch,
	    what, name);
}

/* What the stage hasn't, wherever it would run. */
static void
stage_reasons(struct reasons *r)
{
	const struct sched_class *c = r->unit->class;
	struct sched_reason *x;
	size_t i;

	for (i = 0; i < c->nrequires; i++) {
		if (!c->requires[i].stage ||
		    stage_fulfils(c->home, &c->requires[i]))
			continue;
		x = add(r, REASON_STAGE, c->words[i]);
		x->state = stage_versions(c->home, &c->requires[i], r -> arena);
		x->text = stage_lacks(c->home, &c->requires[i], r -> arena);
	}
}

static void
mismatch_reasons(struct reasons *r)
{
	const struct sched_class *c = r->unit->class;
	struct sched_reason *x;
	size_t i;

	for (i = 0; i < c->nrequires; i++) {
		if (!any(r, class_requirement, i))
			lack(r, REASON_REQUIREMENT, c->words[i], "fulfils");
	}
	for (i = 0; i < c->nlabels; i++) {
		if (!any(r, class_label, i))
			lack(r, REASON_LABEL, c->labels[i], "has the label");
	}
	for (i = 0; i < SCHED_RESOURCES; i++) {
		if (any(r, class_resource, i))
			continue;
		x = add(r, REASON_RESOURCE, resource_names[i]);
		x->count = c->resources[i];
		say(r->arena, x, "no slave for arch %s offers %s=%" PRId64,
		    c->arch, resource_names[i], c->resources[i]);
	}
	if (r->n > 0)
		return;
	x = add(r, REASON_MATCH, c->arch);
	say(r->arena, x,
	    "no slave for arch %s fulfils all that it wants at once", c->arch);
}

/* Slaves that would do, but for a label that the unit doesn't ask for. */
static void
barred_reasons(struct reasons *r)
{
	const struct sched_class *c = r->unit->class;
	const struct sched_slave *sl;
	const struct map_item *label;
	struct sched_reason *x;
	size_t i;

	for (sl = r->s->slaves; sl; sl = sl->next) {
		for (i = 0; i < sl->labels.n && class_barred(c, sl); i++) {
			label = &sl->labels.items[i];
			if (!*(const bool *)label->value ||
			    class_asks(c, label->key))
				continue;
			x = add(r, REASON_LABEL, label->key);
			say(r->arena, x,
			    "not on %s: it takes only jobs with the label %s",
			    sl->name, x->name);
		}
	}
}

/* ---- what those that match do -------------------------------------------- */

struct tally {
	size_t arch, fits, open, online, waiting;
	size_t lacks[LACKS_KINDS]; /* of those online; nothing: of no lock */
};

/* True when the slave is kept free for another; not for the lane. */
static bool
kept_reason(struct reasons *r, const struct sched_slave *sl)
{
	const struct sched_unit *u = slave_kept_for(r->s, sl, r->now);
	struct sched_reason *x;

	if (!u || u == r->unit || (r->unit->job->security && !u->job->security))
		return false;
	x = add(r, REASON_RESERVED, sl->name);
	x->unit = u->id;
	x->job = u->job->id;
	say(r->arena, x,
	    "%s is kept free for %s (unit %" PRId64 " of job %" PRId64 ")",
	    sl->name, sched_root(u), u->id, u->job->id);
	return true;
}

static void
tally_slave(struct reasons *r, struct tally *t, const struct sched_slave *sl)
{
	const struct sched_unit *u = r->unit;
	const struct sched_refusal *no;
	struct sched_reason *x;
	enum class_lack lack;

	t->fits++;
	no = unit_may(r->s, u, sl, r->now)
	    ? NULL
	    : refusal_of(r->s, u, sl->id, r->now);
	/* what ends by itself says less than why all is refused there */
	if (no && (no->until == UNTIL_EVER || !sl->closed)) {
		x = add(r, REASON_REFUSED, sl->name);
		x->until = no->until == UNTIL_EVER ? 0 : no->until;
		say(r->arena, x, "not on %s: %s", sl->name, no->reason);
		return;
	}
	if (sl->closed) {
		x = add(r, REASON_CLOSED, sl->name);
		x->state = sl->closed;
		x->until = sl->closed == sl->own_words ? sl->own_until : 0;
		say(r->arena, x, "not on %s: %s", sl->name, sl->closed);
		return;
	}
	if (sl->paused_until > r->now) {
		x = add(r, REASON_QUARANTINE, sl->name);
		x->until = sl->paused_until;
		x->count = sl->strikes;
		say(r->arena, x,
		    "not on %s: it is in quarantine after %" PRId64
		    " failures in a row",
		    sl->name, sl->strikes);
		return;
	}
	t->open++;
	if (!sched_is_online(r->s, sl, r->now))
		return;
	t->online++;
	lack = class_lacks(u->class, sl);
	if (lack == LACKS_NOTHING &&
	    (kept_reason(r, sl) || lock_reasons(r, sl)))
		return;
	t->lacks[lack]++;
	t->waiting += lack == LACKS_NOTHING && sl->waiting;
}

static bool
may_go_to(const struct reasons *r, const struct sched_slave *sl)
{
	return !sl->closed && sl->paused_until <= r->now &&
	    sched_is_online(r->s, sl, r->now) &&
	    unit_may(r->s, r->unit, sl, r->now);
}

/* Will the slave have what it lacks, once this lease is over? */
static bool
would_free(
    const struct reasons *r, const struct sched_lease *l, enum class_lack lack)
{
	struct sched_slave left = *l->slave;
	size_t k;

	if (lack == LACKS_SLOT)
		return true;
	left.leased--;
	left.alone &= !l->unit->class->exclusive;
	for (k = 0; k < SCHED_RESOURCES; k++)
		left.used[k] -= class_takes(l->unit->class, k, l->slave);
	return class_room(r->unit->class, &left);
}

/* When will the first that it may go to have what lacks? 0: unknown. */
static int64_t
free_at(const struct reasons *r, enum class_lack lack)
{
	struct sched_class *c = r->unit->class;
	const struct sched_lease *l;
	int64_t at, first = 0;

	for (l = r->s->first_lease; l; l = l->next) {
		if (!class_fits(c, l->slave) || !may_go_to(r, l->slave) ||
		    class_lacks(c, l->slave) != lack || !would_free(r, l, lack))
			continue;
		at = ends_at(r, l->unit);
		if (first == 0 || at < first)
			first = at;
	}
	return first;
}

static const char *
matches(struct reasons *r, size_t n)
{
	return arena_printf(
	    r->arena, "%zu slave%s", n, n == 1 ? " matches" : "s match");
}

static struct sched_reason *
resource_lack(struct reasons *r, size_t k, const char **what)
{
	const char *name = resource_names[k];
	int64_t wanted = r->unit->class->resources[k];

	*what = wanted > 0
	    ? arena_printf(r->arena, "room for %s=%" PRId64, name, wanted)
	    : arena_printf(r->arena, "room for its share of %s", name);
	return add(r, REASON_ROOM, name);
}

static void
lack_reason(struct reasons *r, const struct tally *t, enum class_lack lack)
{
	const char *start = matches(r, t->open), *what = "a free slot";
	size_t n = t->lacks[lack];
	struct sched_reason *x;

	if (lack >= LACKS_RESOURCE) {
		x = resource_lack(r, lack - LACKS_RESOURCE, &what);
	} else if (lack == LACKS_SLOT) {
		x = add(r, REASON_BUSY, NULL);
	} else {
		x = add(r, REASON_EXCLUSIVE, NULL);
		what = lack == LACKS_IDLENESS
		    ? "room for a unit that runs alone"
		    : "room beside a unit that runs alone";
	}
	x->count = (int64_t)t->open;
	x->until = free_at(r, lack);
	if (n == t->online)
		say(r->arena, x, "%s, none has %s", start, what);
	else
		say(r->arena, x, "%s, %zu lack%s %s", start, n,
		    n == 1 ? "s" : "", what);
}

static void
state_reasons(struct reasons *r, const struct tally *t)
{
	struct sched_reason *x;
	int lack;

	if (t->online == 0) {
		x = add(r, REASON_OFFLINE, NULL);
		say(r->arena, x, "%s, none is online", matches(r, t->open));
	} else if (t->lacks[LACKS_NOTHING] > 0) {
		x = add(r, REASON_TURN, NULL);
		say(r->arena, x, "%s, %s", matches(r, t->open),
		    t->waiting > 0 ? "other units are first"
				   : "waiting for one to ask");
	} else {
		for (lack = LACKS_SLOT; lack < LACKS_KINDS; lack++) {
			if (t->lacks[lack] > 0)
				lack_reason(r, t, lack);
		}
		return;
	}
	x->count = (int64_t)t->open;
}

static void
ready_reasons(struct reasons *r)
{
	const struct sched_class *c = r->unit->class;
	const struct sched_slave *sl;
	struct sched_reason *x;
	struct tally t = {0};

	stage_reasons(r);
	if (r->n > 0)
		return;
	for (sl = r->s->slaves; sl; sl = sl->next) {
		t.arch += !sl->retired && class_arch(c, sl);
		if (class_fits(r->unit->class, sl))
			tally_slave(r, &t, sl);
	}
	if (t.arch == 0) {
		x = add(r, REASON_ARCH, c->arch);
		say(r->arena, x, "no slave for arch %s", c->arch);
		return;
	}
	if (t.open == 0)
		barred_reasons(r);
	if (t.fits == 0) {
		mismatch_reasons(r);
		return;
	}
	/* with no slave there it isn't the lock that it waits for */
	if (t.online > 0 && lock_reasons(r, NULL))
		return;
	if (unit_reserved(r->unit)) {
		x = add(r, REASON_RESERVED, unit_reserved(r->unit)->name);
		say(r->arena, x, "%s is kept free for it until it is idle",
		    x->name);
	}
	if (t.open > 0)
		state_reasons(r, &t);
}

static void
same_reason(struct reasons *r)
{
	const struct sched_unit *by = same_runs(r->s, r->unit);
	struct sched_reason *x = add(r, REASON_SAME, sched_root(by));

	x->unit = by->id;
	x->job = by->job->id;
	x->state = unit_state_names[by->state];
	x->until = ends_at(r, by);
	say(r->arena, x,
	    "the same unit runs for job %" PRId64 " (unit %" PRId64 " on %s)",
	    x->job, x->unit, by->lease->slave->name);
}

static void
find_reasons(struct reasons *r)
{
	if (r->unit->state == UNIT_BLOCKED)
		blocked_reasons(r);
	else if (r->unit->held)
		same_reason(r);
	else if (r->unit->state == UNIT_READY)
		ready_reasons(r);
}

size_t
sched_reasons(const struct sched *s, const struct sched_unit *unit, int64_t now,
    struct arena *a, struct sched_reason **out)
{
	struct reasons r = {.arena = a, .s = s, .unit = unit, .now = now};

	find_reasons(&r);
	*out = r.list;
	return r.n;
}
