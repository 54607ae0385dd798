/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plan/ beyond its case files: content keys, large graphs, and thousands of
 * small random universes whose solutions are all enumerated.
 */
#include "tap.h"
#include "fake.h"
#include "plan/graph.h"

static struct plan *
make(struct arena *a, struct fake *f, const char *root, struct diags *d)
{
	struct plan_source src = fake_source(f);
	struct plan_request req = {.arch = "amd64", .default_stage = "base"};

	diags_init(d, a);
	if (!id_parse(a, root, strlen(root), &req.root.id))
		return NULL;
	req.root.op = ATOM_ANY;
	return plan_make(a, &src, &req, d);
}

/* ---- content keys -------------------------------------------------------- */

static void
key_of(const struct metadata *m, const char *digest, char key[KEY_HEX])
{
	struct plan_inputs in = {.digests = &digest, .n = 1};
	char start[KEY_HEX];

	plan_start_key("amd64", "stage", start);
	plan_next_key(start, m, &in, key);
}

static void
test_start_keys(void)
{
	static const char *const one[] = {"A=1", "B=2", NULL};
	static const char *const two[] = {"B=2", "A=1", NULL};
	static const char *const three[] = {"A=1B=2", NULL};
	char a[KEY_HEX], b[KEY_HEX], c[KEY_HEX];

	plan_start_key("amd64", "stage", a);
	plan_start_key("amd64", "stage", b);
	ok(is_hex(a, 64) && strcmp(a, b) == 0, "a start key is repeatable");
	plan_start_key("arm64", "stage", b);
	ok(strcmp(a, b) != 0, "it binds the architecture");
	plan_start_key("amd64", "stage2", b);
	ok(strcmp(a, b) != 0, "it binds the stage");
	plan_start_key("amd64stage", "", b);
	ok(strcmp(a, b) != 0, "fields do not run together");
	plan_parameters_key(a, one, b);
	ok(strcmp(a, b) != 0, "parameters are bound");
	plan_parameters_key(a, two, c);
	is(c, b, "in any order");
	plan_parameters_key(a, three, c);
	ok(strcmp(b, c) != 0, "and singly");
}

static void
test_step_keys(void)
{
	struct metadata m = {.id = {"a", "x", {1, 0}}};
	char first[KEY_HEX], key[KEY_HEX], next[KEY_HEX];
	const char *digest = "d";
	struct plan_inputs in = {.digests = &digest, .n = 1};

	key_of(&m, "d", first);
	key_of(&m, "e", key);
	ok(strcmp(first, key) != 0, "a step's key binds its inputs");
	m.properties = PROPERTY_NETWORK;
	key_of(&m, "d", key);
	ok(strcmp(first, key) != 0, "and the network");
	m.properties = PROPERTY_NETWORK_SETUP;
	key_of(&m, "d", next);
	ok(strcmp(key, next) != 0, "of one phase or all");
	m.properties = PROPERTY_NEST;
	key_of(&m, "d", key);
	ok(strcmp(first, key) != 0, "and nested namespaces");
	m.properties = PROPERTY_EXCLUSIVE;
	key_of(&m, "d", key);
	is(key, first, "but not who else is on the slave");
	m.properties = 0;
	m.resources.memory = 1 << 30;
	m.locks = (const char *[]){"master:x"};
	m.nlocks = 1;
	key_of(&m, "d", key);
	is(key, first, "nor limits and locks");
	m.id.name = "y";
	key_of(&m, "d", key);
	ok(strcmp(first, key) != 0, "another name is other work");
	m.id.name = "x";
	plan_next_key(first, &m, &in, next);
	ok(strcmp(first, next) != 0, "and so is what came before");
}

static void
test_plan_keys(void)
{
	struct arena a = {0};
	struct diags d;
	struct fake f;
	struct plan *p;
	char key[KEY_HEX];

	fake_init(&f, &a);
	fake_set(&f, fake_add(&f, "a/root-1.0"), "DEPEND", "a/x a/y");
	fake_add(&f, "a/x-1.0");
	fake_add(&f, "a/y-1.0");
	fake_set(&f, fake_add(&f, "a/two-1.0"), "DEPEND", "a/x");
	p = make(&a, &f, "a/root-1.0", &d);
	ok(p && p->nunits == 1 && p->units[0].nsteps == 3, "a unit of three");
	if (!p)
		return;
	memcpy(key, p->units[0].steps[0].key, KEY_HEX);
	is(p->units[0].key, p->units[0].steps[2].key,
	    "a unit's key is its last step's");
	is_int((long long)p->units[0].steps[2].ndepend, 2,
	    "edges come with the plan");
	p = make(&a, &f, "a/two-1.0", &d);
	ok(p && strcmp(p->units[0].steps[0].key, key) == 0,
	    "another unit that begins alike shares the first layer");
	arena_release(&a);
}

/* ---- large graphs -------------------------------------------------------- */

/* x0 needs x1 needs x2 ...; the last needs what back says. */
static struct fake_recipe *
add_chain(struct fake *f, const char *variable, int n)
{
	struct fake_recipe *r = NULL;
	int i;

	for (i = 0; i < n; i++) {
		r = fake_add(f, arena_printf(f->arena, "a/x%d-1.0", i));
		if (i + 1 < n)
			fake_set(f, r, variable,
			    arena_printf(f->arena, "a/x%d", i + 1));
	}
	return r;
}

static void
test_chains(void)
{
	struct arena a = {0};
	struct diags d;
	struct fake f;
	struct plan *p;

	fake_init(&f, &a);
	add_chain(&f, "DEPEND", 20000);
	p = make(&a, &f, "a/x0-1.0", &d);
	ok(p && p->nunits == 1 && p->units[0].nsteps == 20000,
	    "20,000 jobuilds one behind the other");
	ok(p && strcmp(p->units[0].steps[0].meta->id.name, "x19999") == 0,
	    "the deepest is done first");
	arena_release(&a);
	fake_init(&f, &a);
	add_chain(&f, "SIDEPEND", 2000);
	p = make(&a, &f, "a/x0-1.0", &d);
	ok(p && p->nunits == 2000, "2,000 units one behind the other");
	ok(p && p->root == 1999, "the root's unit is the last");
	arena_release(&a);
}

static void
test_failing_chain(void)
{
	struct arena a = {0};
	struct diags d;
	struct fake f;
	struct plan *p;

	fake_init(&f, &a);
	fake_set(&f, add_chain(&f, "SIDEPEND", 500), "SIDEPEND", "b/nowhere");
	p = make(&a, &f, "a/x0-1.0", &d);
	ok(!p, "500 units of which the last lacks something");
	is_int((long long)d.n, 1, "one message for all of them");
	arena_release(&a);
}

static void
test_knot(const char *variable, const char *name)
{
	struct arena a = {0};
	struct diags d;
	struct fake f;
	struct plan *p;

	fake_init(&f, &a);
	fake_set(&f, add_chain(&f, variable, 1200), variable, "a/x0");
	p = make(&a, &f, "a/x0-1.0", &d);
	ok(!p && d.n == 1 && strcmp(d.list[0].rule, "cycle") == 0,
	    "a knot of 1,200 through %s", name);
	is_int(d.n ? (long long)d.list[0].nnotes : -1, 1200,
	    "with each of its edges");
	arena_release(&a);
}

/* Everybody needs the next and those 7, 49 and 343 further on, in a ring. */
static void
test_dense_knot(void)
{
	struct arena a = {0};
	struct diags d;
	struct fake f;
	struct plan *p;
	int i, n = 1200;

	fake_init(&f, &a);
	for (i = 0; i < n; i++)
		fake_set(&f, fake_add(&f, arena_printf(&a, "a/x%d-1.0", i)),
		    "DEPEND",
		    arena_printf(&a, "a/x%d a/x%d a/x%d a/x%d", (i + 1) % n,
			(i + 7) % n, (i + 49) % n, (i + 343) % n));
	p = make(&a, &f, "a/x0-1.0", &d);
	ok(!p && d.n == 1 && strcmp(d.list[0].rule, "cycle") == 0,
	    "a dense knot");
	/* 3 * 343 + 3 * 49 + 3 * 7 + 3 * 1 = 1200: no sum of fewer is */
	is_int(
	    d.n ? (long long)d.list[0].nnotes : -1, 12, "its shortest cycle");
	arena_release(&a);
}

static void
test_wide(void)
{
	struct arena a = {0};
	struct diags d;
	struct fake f;
	struct plan *p;
	int i, n = 30000;

	fake_init(&f, &a);
	for (i = 0; i < n; i++)
		fake_set(&f, fake_add(&f, arena_printf(&a, "a/x%d-1.0", i)),
		    "DEPEND",
		    i * 2 + 2 < n
			? arena_printf(&a, "a/x%d a/x%d", i * 2 + 1, i * 2 + 2)
			: "");
	p = make(&a, &f, "a/x0-1.0", &d);
	ok(p && p->units[0].nsteps >= (size_t)n - 1, "a tree of 30,000");
	arena_release(&a);
}

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
}

static void
test_random(int count, uint64_t random)
{
	struct plan_source src;
	struct plan_request req;
	struct universe u;
	struct tally t = {0};
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
		judge(&u, plan_make(&u.arena, &src, &req, &d), &d, &t);
		arena_release(&u.arena);
	}
	printf("# %d solvable, %d not, %d cyclic\n", t.solvable, t.unsolvable,
	    t.cyclic);
	is_int(t.wrong, 0, "random universes agree with enumeration");
	ok(t.solvable > count / 10 && t.unsolvable > count / 10 &&
		t.cyclic > count / 50,
	    "there were enough of each kind");
}

/* Usage: plan.t [CASES [SEED]] */
int
main(int argc, char *argv[])
{
	int count = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 6000;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;

	test_start_keys();
	test_step_keys();
	test_plan_keys();
	test_chains();
	test_failing_chain();
	test_knot("DEPEND", "DEPEND");
	test_knot("SIDEPEND", "SIDEPEND");
	test_dense_knot();
	test_wide();
	test_random(count, seed ^ 0x6175746f74756121);
	return tap_done();
}
