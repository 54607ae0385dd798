/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plan/ on thousands of small random universes of which all closures are
 * looked at: there is a plan exactly if there is one of them, and it is the one
 * that the walk of resolve.h describes.
 */
#include "tap.h"
#include "fake.h"

/* ---- random universes ---------------------------------------------------- */

#define PACKAGES 6
#define VERSIONS 3

/* xorshift64*: the same cases in each run. */
static uint64_t
next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1d;
}

static unsigned
below(uint64_t *state, unsigned n)
{
	return (unsigned)(next_random(state) >> 33) % n;
}

struct universe {
	struct arena arena;
	struct fake fake;
	uint64_t *random;
	int packages;
	int versions[PACKAGES];
	struct fake_recipe *recipes[PACKAGES][VERSIONS];
	bool acyclic; /* only later packages are asked for */
	bool groups;
};

static void
add_text(char *text, size_t size, const char *more)
{
	size_t n = strlen(text);

	snprintf(text + n, size - n, "%s%s", n ? " " : "", more);
}

/* A random atom of a package after or, if cycles may be, other than this. */
static void
random_atom(struct universe *u, int package, char *text, size_t size)
{
	static const char *const ops[] = {"", "", "=", ">=", "<=", ">", "<"};
	const char *op = ops[below(u->random, 7)];
	int left = u->packages - package - 1, to;
	char atom[64];

	if (u->acyclic && left == 0)
		return;
	to = u->acyclic ? package + 1 + (int)below(u->random, (unsigned)left)
			: (int)below(u->random, (unsigned)u->packages);
	if (*op)
		snprintf(atom, sizeof(atom), "%sa/p%d-%u.0", op, to,
		    1 + below(u->random, VERSIONS));
	else
		snprintf(atom, sizeof(atom), "a/p%d", to);
	add_text(text, size, atom);
}

static void
random_item(struct universe *u, int package, int depth, char *text, size_t size)
{
	unsigned kind = u->groups && depth < 3 ? below(u->random, 5) : 4;
	unsigned i, n = 1 + below(u->random, 3);

	if (kind > 1 || (u->acyclic && package + 1 == u->packages)) {
		random_atom(u, package, text, size);
		return;
	}
	add_text(text, size, kind == 0 ? "|| (" : "(");
	for (i = 0; i < n; i++)
		random_item(u, package, depth + 1, text, size);
	add_text(text, size, ")");
}

static void
make_universe(struct universe *u)
{
	char text[2000];
	struct fake_recipe *r;
	unsigned n;
	int i, v;

	fake_init(&u->fake, &u->arena);
	u->packages = 2 + (int)below(u->random, PACKAGES - 1);
	u->acyclic = below(u->random, 4) > 0;
	u->groups = below(u->random, 3) > 0;
	for (i = 0; i < u->packages; i++) {
		u->versions[i] = 1 + (int)below(u->random, VERSIONS);
		for (v = 0; v < u->versions[i]; v++) {
			r = fake_add(&u->fake,
			    arena_printf(&u->arena, "a/p%d-%d.0", i, v + 1));
			u->recipes[i][v] = r;
			do { /* a list with a duplicate is refused */
				text[0] = '\0';
				for (n = below(u->random, 4); n > 0; n--)
					random_item(
					    u, i, 0, text, sizeof(text));
			} while (!fake_set(&u->fake, r, "DEPEND", text));
		}
	}
}

/* Which version of each package: 0 none, else its number plus one. */
struct choice {
	int version[PACKAGES];
};

static bool
holds(const struct universe *u, const struct choice *c, const struct dep *d)
{
	struct version v = {0, 0};
	size_t i, n = 0;
	int p;

	if (d->kind == DEP_ATOM) {
		p = d->atom.id.name[1] - '0';
		v.major = (uint32_t)c->version[p];
		return c->version[p] > 0 &&
		    (d->atom.op == ATOM_ANY || atom_matches(&d->atom, v));
	}
	for (i = 0; i < d->n; i++)
		n += holds(u, c, &d->items[i]);
	return d->kind == DEP_ANYOF ? n > 0 : n == d->n;
}

static bool
is_closed(const struct universe *u, const struct choice *c)
{
	const struct dep_list *list;
	size_t k;
	int i;

	for (i = 0; i < u->packages; i++) {
		if (c->version[i] == 0)
			continue;
		list = &u->recipes[i][c->version[i] - 1]->meta.depend;
		for (k = 0; k < list->n; k++) {
			if (!holds(u, c, &list->items[k]))
				return false;
		}
	}
	return true;
}

/* The newest version of package 0 that is in any solution; 0: there is none. */
static int
enumerate(const struct universe *u)
{
	struct choice c = {{0}};
	int i, best = 0;

	for (;;) {
		for (i = 0; i < u->packages; i++) {
			if (++c.version[i] <= u->versions[i])
				break;
			c.version[i] = 0;
		}
		if (i == u->packages)
			return best;
		if (c.version[0] > best && is_closed(u, &c))
			best = c.version[0];
	}
}

static struct choice
choice_of(const struct plan_unit *unit)
{
	struct choice c = {{0}};
	size_t i;

	for (i = 0; i < unit->nsteps; i++)
		c.version[unit->steps[i].meta->id.name[1] - '0'] =
		    (int)unit->steps[i].meta->id.ver.major;
	return c;
}

/* Each step's dependencies are among those before it, and each has a user. */
static bool
is_ordered(const struct universe *u, const struct plan_unit *unit)
{
	struct choice before = {{0}};
	const struct plan_step *s;
	bool used[PACKAGES] = {false};
	size_t i, k;

	for (i = 0; i < unit->nsteps; i++) {
		s = &unit->steps[i];
		if (before.version[s->meta->id.name[1] - '0'])
			return false;
		for (k = 0; k < s->meta->depend.n; k++) {
			if (!holds(u, &before, &s->meta->depend.items[k]))
				return false;
		}
		for (k = 0; k < s->ndepend; k++) {
			if (s->depend[k].to >= i)
				return false;
			used[s->depend[k].to] = true;
		}
		before.version[s->meta->id.name[1] - '0'] =
		    (int)s->meta->id.ver.major;
	}
	for (i = 0; i + 1 < unit->nsteps; i++) {
		if (!used[i])
			return false;
	}
	return true;
}

/* Without groups: no single package could be newer, all else being equal. */
static bool
is_newest(const struct universe *u, const struct choice *c)
{
	struct choice other;
	int i;

	for (i = 0; i < u->packages; i++) {
		other = *c;
		while (c->version[i] && ++other.version[i] <= u->versions[i]) {
			if (is_closed(u, &other))
				return false;
		}
	}
	return true;
}

/* ---- the best closure, by looking at all of them --------------------------
 */

#define CLOSED_MAX (4 * 4 * 4 * 4 * 4 * 4)
#define HELD_MAX   200

/*
 * The walk of resolve.h, which may ask of any choice whether a closure is left
 * that has it. Written from that description alone.
 */
struct best {
	const struct universe *u;
	struct choice closed[CLOSED_MAX];
	size_t nclosed;
	struct choice taken;
	const struct dep *held[HELD_MAX]; /* in the order of the walk */
	size_t nheld;
	const struct dep *groups[HELD_MAX];
	size_t ngroups;
};

static void
find_closed(struct best *b)
{
	struct choice c = {{0}};
	int i;

	for (;;) {
		for (i = 0; i < b->u->packages; i++) {
			if (++c.version[i] <= b->u->versions[i])
				break;
			c.version[i] = 0;
		}
		if (i == b->u->packages)
			return;
		if (is_closed(b->u, &c))
			b->closed[b->nclosed++] = c;
	}
}

/* Is there a closure with all that was taken and, in addition, d? */
static bool
is_possible(const struct best *b, const struct dep *d)
{
	size_t i, k;
	int p;

	for (i = 0; i < b->nclosed; i++) {
		for (p = 0; p < b->u->packages; p++) {
			if (b->taken.version[p] &&
			    b->taken.version[p] != b->closed[i].version[p])
				break;
		}
		for (k = 0; k < b->nheld; k++) {
			if (!holds(b->u, &b->closed[i], b->held[k]))
				break;
		}
		if (p == b->u->packages && k == b->nheld &&
		    (!d || holds(b->u, &b->closed[i], d)))
			return true;
	}
	return false;
}

/* Take the newest version that is possible, if none is taken. */
static bool
take(struct best *b, const struct atom *atom)
{
	int p = atom->id.name[1] - '0', v;
	struct dep exact = {.kind = DEP_ATOM, .atom = *atom};

	if (b->taken.version[p])
		return false;
	exact.atom.op = ATOM_EQ;
	for (v = b->u->versions[p]; v > 0; v--) {
		exact.atom.id.ver.major = (uint32_t)v;
		exact.atom.id.ver.minor = 0;
		if ((atom->op != ATOM_ANY &&
			!atom_matches(atom, exact.atom.id.ver)) ||
		    !is_possible(b, &exact))
			continue;
		b->taken.version[p] = v;
		return true;
	}
	return false;
}

/* The walk comes to an item: its atoms count, its groups wait. */
static void
hold(struct best *b, const struct dep *d)
{
	size_t i;

	for (i = 0; d->kind == DEP_ALLOF && i < d->n; i++)
		hold(b, &d->items[i]);
	if (d->kind != DEP_ALLOF)
		b->held[b->nheld++] = d;
}

static void
hold_list(struct best *b, int package)
{
	const struct dep_list *list =
	    &b->u->recipes[package][b->taken.version[package] - 1]->meta.depend;
	size_t i;

	for (i = 0; i < list->n; i++)
		hold(b, &list->items[i]);
}

/* Of the group's alternatives: the first in, else the first possible. */
static const struct dep *
alternative(const struct best *b, const struct dep *group)
{
	size_t i;

	for (i = 0; i < group->n; i++) {
		if (holds(b->u, &b->taken, &group->items[i]))
			return &group->items[i];
	}
	for (i = 0; i < group->n; i++) {
		if (is_possible(b, &group->items[i]))
			return &group->items[i];
	}
	return NULL;
}

static struct choice
best_of(const struct universe *u)
{
	static struct best b;
	static const struct dep root = {.kind = DEP_ATOM,
	    .atom = {.op = ATOM_ANY, .id = {"a", "p0", {0, 0}}}};
	const struct dep *d;
	size_t at = 0, group = 0;

	memset(&b, 0, sizeof(b));
	b.u = u;
	find_closed(&b);
	b.held[b.nheld++] = &root;
	while (at < b.nheld || group < b.ngroups) {
		if (at == b.nheld) {
			d = alternative(&b, b.groups[group++]);
			if (d)
				hold(&b, d);
			continue;
		}
		d = b.held[at++];
		if (d->kind == DEP_ANYOF)
			b.groups[b.ngroups++] = d;
		else if (take(&b, &d->atom))
			hold_list(&b, d->atom.id.name[1] - '0');
	}
	return b.taken;
}

struct tally {
	int solvable, unsolvable, cyclic;
	int wrong;
};

static void
complain(const struct universe *u, struct tally *t, const char *what)
{
	const struct metadata *m;
	int i, v;

	if (t->wrong++ > 0)
		return;
	printf("# %s\n", what);
	for (i = 0; i < u->packages; i++) {
		for (v = 0; v < u->versions[i]; v++) {
			m = &u->recipes[i][v]->meta;
			printf("# a/p%d-%d.0 DEPEND=\"%s\"\n", i, v + 1,
			    m->nvars ? m->vars[0].value : "");
		}
	}
}

static void
judge(struct universe *u, const struct plan *p, const struct diags *d,
    struct tally *t)
{
	struct choice c;
	int best = enumerate(u);

	if (!p && d->n == 0)
		complain(u, t, "refused without a reason");
	if (!p && d->n > 0 && strcmp(d->list[0].rule, "cycle") == 0) {
		t->cyclic++;
		if (best == 0 || u->acyclic)
			complain(u, t, "a cycle where there is none");
		return;
	}
	if (!p) {
		t->unsolvable++;
		if (best > 0)
			complain(u, t, "a solution was not found");
		return;
	}
	t->solvable++;
	c = choice_of(&p->units[0]);
	if (best == 0 || !is_closed(u, &c))
		complain(u, t, "what was found is no solution");
	else if (u->acyclic && c.version[0] != best)
		complain(u, t, "the root could be newer");
	else if (!is_ordered(u, &p->units[0]))
		complain(u, t, "wrong order, or something that nobody needs");
	else if (!u->groups && !is_newest(u, &c))
		complain(u, t, "something could be newer");
	else if (u->acyclic) {
		struct choice other = best_of(u);

		if (memcmp(&c, &other, sizeof(c)) != 0)
			complain(u, t, "not the closure that was to be taken");
	}
}

/* Keys tell versions and order apart; edges come on top. */
static bool
same_plan(const struct plan *a, const struct plan *b)
{
	const struct plan_step *x, *y;
	size_t i, k, e;

	if (!a || !b || a->nunits != b->nunits)
		return a == b;
	for (i = 0; i < a->nunits; i++) {
		if (strcmp(a->units[i].key, b->units[i].key) != 0)
			return false;
		for (k = 0; k < a->units[i].nsteps; k++) {
			x = &a->units[i].steps[k];
			y = &b->units[i].steps[k];
			for (e = 0; e < x->ndepend; e++) {
				if (x->ndepend != y->ndepend ||
				    x->depend[e].to != y->depend[e].to)
					return false;
			}
		}
	}
	return true;
}

static void
test_random(int count, uint64_t random)
{
	struct plan_source src;
	struct plan_request req;
	struct universe u;
	struct tally t = {0};
	struct plan *p;
	struct diags d;
	int i;

	for (i = 0; i < count; i++) {
		memset(&u, 0, sizeof(u));
		u.random = &random;
		make_universe(&u);
		src = fake_source(&u.fake);
		memset(&req, 0, sizeof(req));
		req.arch = "amd64";
		req.default_stage = "base";
		req.root.id.user = "a";
		req.root.id.name = "p0";
		diags_init(&d, &u.arena);
		p = plan_make(&u.arena, &src, &req, &d);
		judge(&u, p, &d, &t);
		req.thorough = true;
		diags_init(&d, &u.arena);
		if (!same_plan(p, plan_make(&u.arena, &src, &req, &d)))
			complain(&u, &t, "the short way ends elsewhere");
		req.guess = true;
		diags_init(&d, &u.arena);
		if (!same_plan(p, plan_make(&u.arena, &src, &req, &d)))
			complain(&u, &t, "guesses end elsewhere");
		arena_release(&u.arena);
	}
	printf("# %d solvable, %d not, %d cyclic\n", t.solvable, t.unsolvable,
	    t.cyclic);
	is_int(t.wrong, 0, "random universes agree with enumeration");
	ok(t.solvable > count / 10 && t.unsolvable > count / 10 &&
		t.cyclic > count / 50,
	    "there were enough of each kind");
}

/* Usage: plan_best.t [CASES [SEED]] */
int
main(int argc, char *argv[])
{
	int count = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 6000;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;

	test_random(count, seed ^ 0x6175746f74756121);
	return tap_done();
}
