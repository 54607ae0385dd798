/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan/ on graphs made to hurt: many versions, edges, contradictions. */
#include "tap.h"
#include "fake.h"
#include "base/buf.h"

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

/* A package of so many versions, and askers of which the last two clash. */
static void
add_clash(struct fake *f, int versions, int askers)
{
	char *all = arena_alloc(f->arena, (size_t)askers, 16);
	struct fake_recipe *r;
	size_t len = 0;
	int i;

	for (i = versions; i > 0; i--)
		fake_add(f, arena_printf(f->arena, "a/v-0.%d", i));
	for (i = 0; i < askers; i++) {
		len += (size_t)snprintf(all + len, 16, " a/q%d", i);
		r = fake_add(f, arena_printf(f->arena, "a/q%d-1.0", i));
		fake_set(f, r, "DEPEND",
		    arena_printf(f->arena,
			i + 1 < askers ? ">a/v-0.%d" : "<a/v-0.%d", i));
	}
	fake_set(f, fake_add(f, "a/root-1.0"), "DEPEND", all);
}

static void
test_many_versions(void)
{
	struct arena a = {0};
	struct diags d;
	struct fake f;

	fake_init(&f, &a);
	add_clash(&f, 300, 20);
	ok(!make(&a, &f, "a/root-1.0", &d) && d.n == 1 &&
		strcmp(d.list[0].rule, "conflict") == 0,
	    "300 versions, none of which fits");
	ok(d.n == 1 && d.list[0].nnotes < 50, "not all of them are told");
	arena_release(&a);
	fake_init(&f, &a);
	add_clash(&f, 10000, 3000);
	ok(!make(&a, &f, "a/root-1.0", &d) && d.n == 1 &&
		strcmp(d.list[0].rule, "conflict") == 0,
	    "nor of 10,000 that 3,000 ask for");
	arena_release(&a);
}

/*
 * Packages of n versions, of which each asks for the next package, older, newer
 * or the same as itself: as the operators say, of which the second may be "".
 */
static void
add_nested(struct fake *f, int depth, int n, const char *op, const char *second)
{
	struct fake_recipe *r;
	const char *want;
	int level, i;

	for (level = 0; level < depth; level++) {
		for (i = 1; i <= n; i++) {
			r = fake_add(
			    f, arena_printf(f->arena, "a/l%d-0.%d", level, i));
			if (level + 1 == depth)
				continue;
			want = arena_printf(
			    f->arena, "%sa/l%d-0.%d", op, level + 1, i);
			if (*second)
				want = arena_printf(f->arena, "%s %sa/l%d-0.%d",
				    want, second, level + 1, i);
			fake_set(f, r, "DEPEND", want);
		}
	}
}

/* Which version of a/lLEVEL the plan has; 0: none. */
static unsigned
version_in(const struct plan *p, const char *name)
{
	const struct plan_unit *u;
	size_t i;

	if (!p)
		return 0;
	u = &p->units[p->root];
	for (i = 0; i < u->nsteps; i++) {
		if (strcmp(u->steps[i].meta->id.name, name) == 0)
			return u->steps[i].meta->id.ver.minor;
	}
	return 0;
}

static void
test_nested_versions(void)
{
	struct arena a = {0};
	struct diags d;
	struct fake f;
	struct plan *p;

	fake_init(&f, &a);
	add_nested(&f, 4, 3000, ">=", "");
	fake_set(&f, fake_add(&f, "a/root-1.0"), "DEPEND", "a/l0 <=a/l3-0.10");
	p = make(&a, &f, "a/root-1.0", &d);
	is_int(version_in(p, "l0"), 10,
	    "3,000 versions: all but ten need more "
	    "than there may be of the fourth");
	is_int(version_in(p, "l3"), 10, "which has the newest that may be");
	arena_release(&a);
	fake_init(&f, &a);
	add_nested(&f, 3, 3000, "=", "");
	fake_set(
	    &f, fake_add(&f, "a/root-1.0"), "DEPEND", "a/l2 a/l0 <a/l1-0.7");
	p = make(&a, &f, "a/root-1.0", &d);
	is_int(version_in(p, "l2"), 6, "what was chosen first gives way");
	arena_release(&a);
	fake_init(&f, &a);
	add_nested(&f, 4, 3000, ">=", "<");
	fake_set(&f, fake_add(&f, "a/root-1.0"), "DEPEND", "a/l2 a/l3");
	ok(!make(&a, &f, "a/root-1.0", &d) && d.n == 1 &&
		strcmp(d.list[0].rule, "conflict") == 0,
	    "versions of which none can ever be had");
	ok(d.n == 1 && d.list[0].nnotes < 50, "which is told briefly");
	arena_release(&a);
}

/* One home more than there are homes for. */
static void
test_budget(void)
{
	const int holes = 14;
	struct fake_recipe *r;
	struct arena a = {0};
	struct diags d;
	struct fake f;
	struct buf all;
	int i, k;

	fake_init(&f, &a);
	buf_init(&all, 4096);
	for (i = 0; i <= holes; i++) {
		buf_addf(&all, "a/p%d ", i);
		for (k = 0; k < holes; k++) {
			r = fake_add(&f, arena_printf(&a, "a/p%d-1.%d", i, k));
			fake_set(&f, r, "DEPEND",
			    arena_printf(&a, "=a/h%d-1.%d", k, i));
			fake_add(&f, arena_printf(&a, "a/h%d-1.%d", k, i));
		}
	}
	fake_set(&f, fake_add(&f, "a/root-1.0"), "DEPEND", all.data);
	ok(!make(&a, &f, "a/root-1.0", &d) && d.n == 1 &&
		strcmp(d.list[0].rule, "budget") == 0 &&
		strstr(d.list[0].text, "10000000 steps"),
	    "too much work: the limit is told");
	ok(arena_size(&a) < 500000000, "and memory stays bounded");
	buf_release(&all);
	arena_release(&a);
}

static unsigned
below(uint64_t *random, unsigned n)
{
	*random ^= *random >> 12;
	*random ^= *random << 25;
	*random ^= *random >> 27;
	return (unsigned)((*random * 0x2545f4914f6cdd1d) >> 33) % n;
}

/* Four times one of some versions of a later package, as DEPEND. */
static const char *
dense_list(
    struct arena *a, int from, int packages, int versions, uint64_t *random)
{
	const char *text = "";
	unsigned first;
	int i, to, k;

	for (i = 0; i < 4; i++) {
		to = from + 1 + (int)below(random, (unsigned)(packages - from));
		text = arena_printf(a, "%s || (", text);
		first = below(random, (unsigned)versions);
		for (k = 0; k < versions - 3; k++)
			text = arena_printf(a, "%s =a/p%d-%u.0", text, to,
			    1 +
				(first + (unsigned)(k * (i + 1))) %
				    (unsigned)versions);
		text = arena_printf(a, "%s )", text);
	}
	return text;
}

/* All of some packages, of which each version leaves little choice. */
static void
add_dense(struct fake *f, int packages, int versions, uint64_t seed)
{
	struct fake_recipe *r;
	const char *all = "";
	uint64_t random = seed;
	int i, v;

	for (i = 1; i <= packages; i++) {
		all = arena_printf(f->arena, "%s a/p%d", all, i);
		for (v = versions; v > 0; v--) {
			r = fake_add(
			    f, arena_printf(f->arena, "a/p%d-%d.0", i, v));
			while (i < packages &&
			    !fake_set(f, r, "DEPEND",
				dense_list(
				    f->arena, i, packages, versions, &random)))
				;
		}
	}
	fake_set(f, fake_add(f, "a/root-1.0"), "DEPEND", all);
}

/* The walk's own order is lost in these: guesses have to help. */
static void
test_dense(void)
{
	struct arena a = {0};
	int seed, told = 0, gave_up = 0;
	struct diags d;
	struct fake f;

	for (seed = 1; seed <= 10; seed++) {
		fake_init(&f, &a);
		add_dense(&f, 40, 7, (uint64_t)seed);
		if (!make(&a, &f, "a/root-1.0", &d)) {
			told += strcmp(d.list[0].rule, "conflict") == 0;
			gave_up += strcmp(d.list[0].rule, "budget") == 0;
		}
		arena_release(&a);
	}
	is_int(
	    gave_up, 0, "40 packages that hardly go together: none given up");
	ok(told > 0, "and what can't be is a conflict");
}

/* Layers of 1,000 of which each asks for all of the next layer. */
static void
test_million_edges(void)
{
	struct arena a = {0};
	struct diags d;
	struct fake f;
	struct plan *p;
	struct fake_recipe *r;
	char *all;
	size_t len;
	int layer, i, n = 1000;

	fake_init(&f, &a);
	for (layer = 0; layer < 3; layer++) {
		all = arena_alloc(&a, (size_t)n, 16);
		for (i = 0, len = 0; i < n; i++)
			len += (size_t)snprintf(
			    all + len, 16, " a/l%dx%d", layer, i);
		r = fake_add(&f, arena_printf(&a, "a/all%d-1.0", layer));
		fake_set(&f, r, "DEPEND", all);
		for (i = 0; i < n; i++) {
			r = fake_add(
			    &f, arena_printf(&a, "a/l%dx%d-1.0", layer, i));
			if (layer > 0) /* the list is parsed once */
				r->meta.depend = fake_find(&f,
				    &(struct recipe_id){"a",
					arena_printf(&a, "all%d", layer - 1),
					{1, 0}})->meta.depend;
		}
	}
	p = make(&a, &f, "a/all2-1.0", &d);
	ok(p && p->units[0].nsteps == 3001, "two million edges");
	arena_release(&a);
}

int
main(void)
{
	test_many_versions();
	test_nested_versions();
	test_budget();
	test_dense();
	test_million_edges();
	return tap_done();
}
