/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan/ beyond its case files: content keys, large and hostile graphs. */
#include "tap.h"
#include "fake.h"
#include "base/buf.h"

static bool thorough, guess; /* search for all that make() makes */

static struct plan *
make(struct arena *a, struct fake *f, const char *root, struct diags *d)
{
	struct plan_source src = fake_source(f);
	struct plan_request req = {.arch = "amd64", .default_stage = "base"};

	diags_init(d, a);
	if (!id_parse(a, root, strlen(root), &req.root.id))
		return NULL;
	req.root.op = ATOM_ANY;
	req.thorough = thorough;
	req.guess = guess;
	return plan_make(a, &src, &req, d);
}

/* ---- content keys -------------------------------------------------------- */

static void
key_of(const struct metadata *m, const char *digest, char key[KEY_HEX])
{
	char start[KEY_HEX], content[KEY_HEX];

	plan_start_key("amd64", "stage", start);
	plan_content_key(m, &digest, 1, content);
	plan_next_key(start, content, key);
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
	char first[KEY_HEX], key[KEY_HEX], next[KEY_HEX], content[KEY_HEX];
	const char *digest = "d";

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
	plan_content_key(&m, &digest, 1, content);
	plan_next_key(first, content, next);
	ok(strcmp(first, next) != 0, "and so is what came before");
}

/* Those of a tree are in plan_key.c, with what to do when they change. */
static void
test_fixed_keys(void)
{
	struct metadata m = {.id = {"a", "x", {1, 0}}};
	static char large[5000];
	const char *digests[] = {"RECIPE one", large};
	char start[KEY_HEX], content[KEY_HEX], key[KEY_HEX];

	plan_start_key("amd64", "stage", start);
	memset(large, 'x', 10);
	plan_content_key(&m, digests, 2, content);
	plan_next_key(start, content, key);
	is(key,
	    "4d2d334494965de117e4dcd49eb506eadb3447ae3b240b98988f9641e5ded9bd",
	    "the key of a small step");
	memset(large, 'x', sizeof(large) - 1);
	plan_content_key(&m, digests, 2, content);
	plan_next_key(start, content, key);
	is(key,
	    "7e4bd199adec8c9883dc134be6043db351c34023a4ef3c6786494b9b8c7a9d80",
	    "and of one with many inputs");
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

/* What package i of the fixed tree asks for; an any-of group now and then. */
static const char *
fixed_depend(struct arena *a, int i, int n)
{
	int one = i + 1 + i * 7 % 5, two = i + 2 + i * 11 % 13;

	if (two >= n)
		return "";
	if (i % 6 == 2)
		return arena_printf(
		    a, "|| ( a/x%d a/x%d ) a/x%d", two, one, i + 1);
	if (i % 4 == 1)
		return arena_printf(
		    a, ">=a/x%d-2.0 ( a/x%d a/x%d )", two, one, two);
	return arena_printf(a, "a/x%d <a/x%d-9.0", one, two);
}

static void
add_fixed(struct fake *f, struct arena *a, int n)
{
	struct fake_recipe *r;
	int i, v;

	for (i = 0; i < n; i++) {
		for (v = 1; v <= 3; v++) {
			r = fake_add(f, arena_printf(a, "a/x%d-%d.0", i, v));
			fake_set(f, r, "DEPEND", fixed_depend(a, i, n));
			if (i % 17 == 3 && i + 40 < n)
				fake_set(f, r, "SIDEPEND",
				    arena_printf(a, "|| ( b/none a/x%d ) a/x%d",
					i + 40, i + 21));
		}
	}
}

/* Steps, edges and keys of a plan, all in one digest. */
static void
plan_digest(const struct plan *p, char key[DIGEST_HEX_MAX])
{
	const struct plan_step *s;
	size_t i, k, e;
	struct buf b;

	buf_init(&b, 1 << 24);
	for (i = 0; i < p->nunits; i++) {
		for (e = 0; e < p->units[i].nneeds; e++)
			buf_addf(&b, "needs %zu\n", p->units[i].needs[e]);
		for (k = 0; k < p->units[i].nsteps; k++) {
			s = &p->units[i].steps[k];
			buf_addf(&b, "%s-%u %s\n", s->meta->id.name,
			    s->meta->id.ver.major, s->key);
			for (e = 0; e < s->ndepend; e++)
				buf_addf(&b, "depend %u\n", s->depend[e].to);
			for (e = 0; e < s->nsidepend; e++)
				buf_addf(&b, "side %u\n", s->sidepend[e].to);
		}
	}
	digest_of(DIGEST_KEY, b.data, b.len, key);
	buf_release(&b);
}

/* A tree's plan is the same for ever, whichever way it was found. */
static void
test_fixed_plan(void)
{
	static const char *const ways[] = {
	    "the short way", "by search", "by guesses"};
	struct arena a = {0};
	char key[DIGEST_HEX_MAX];
	struct diags d;
	struct fake f;
	struct plan *p;
	int i;

	fake_init(&f, &a);
	add_fixed(&f, &a, 400);
	for (i = 0; i < 3; i++) {
		thorough = i > 0;
		guess = i > 1;
		p = make(&a, &f, "a/x0-3.0", &d);
		ok(p && p->nunits > 5, "a tree of 1,200 jobuilds %s", ways[i]);
		if (!p)
			continue;
		plan_digest(p, key);
		is(key,
		    "86570f1536be059092223861097efa093d76f6e8e0b64299c4739978248d900c",
		    "has these steps, edges and keys");
	}
	thorough = guess = false;
	arena_release(&a);
}

/* ---- many requests ------------------------------------------------------- */

static bool
check(struct planner *p, struct arena *a, const char *root, struct diags *d)
{
	struct plan_request req = {.default_stage = "base"};

	diags_init(d, a);
	if (!id_parse(a, root, strlen(root), &req.root.id))
		return false;
	return planner_check(p, &req, d);
}

/* Every root is answered as if it were the only one. */
static void
test_planner(void)
{
	struct arena a = {0};
	struct plan_source src;
	struct planner *p;
	struct diags d;
	struct fake f;
	int i;

	fake_init(&f, &a);
	fake_set(&f, fake_add(&f, "a/good-1.0"), "SIDEPEND", "a/leaf");
	fake_set(&f, fake_add(&f, "a/ring-1.0"), "DEPEND", "a/gnir");
	fake_set(&f, fake_add(&f, "a/gnir-1.0"), "DEPEND", "a/ring");
	fake_set(&f, fake_add(&f, "a/lost-1.0"), "SIDEPEND", "a/nowhere");
	fake_set(&f, fake_add(&f, "a/user-1.0"), "DEPEND", "a/bad a/leaf");
	fake_set(&f, fake_add(&f, "a/staged-1.0"), "DEPEND", "a/other");
	fake_set(&f, fake_add(&f, "a/other-1.0"), "STAGE", "musl");
	fake_add(&f, "a/bad-1.0")->broken = true;
	fake_add(&f, "a/leaf-1.0");
	src = fake_source(&f);
	p = planner_open(&a, &src, "amd64");
	for (i = 0; i < 2; i++) {
		ok(check(p, &a, "a/good-1.0", &d) && d.n == 0, "a good root");
		ok(!check(p, &a, "a/ring-1.0", &d) && d.n == 1 &&
			strcmp(d.list[0].rule, "cycle") == 0,
		    "a cycle is told");
		ok(!check(p, &a, "a/gnir-1.0", &d) && d.n == 1 &&
			d.list[0].nnotes == 2,
		    "of each of its roots");
		ok(!check(p, &a, "a/lost-1.0", &d) && d.n == 1 &&
			strcmp(d.list[0].rule, "missing") == 0,
		    "what another unit lacks");
		ok(!check(p, &a, "a/user-1.0", &d) && d.errors == 1,
		    "what is broken, each time");
		ok(!check(p, &a, "a/staged-1.0", &d) && d.n == 1 &&
			strcmp(d.list[0].rule, "stage") == 0,
		    "stages that differ");
	}
	planner_close(p);
	arena_release(&a);
}

static bool
check_briefly(
    struct planner *p, struct arena *a, const char *root, struct diags *d)
{
	struct plan_request req = {.default_stage = "base", .brief = true};

	diags_init(d, a);
	if (!id_parse(a, root, strlen(root), &req.root.id))
		return false;
	return planner_check(p, &req, d);
}

/* Told the same is what has this place and this text. */
static bool
same_cycle(const struct diags *d, const char *file, const char *text)
{
	return d->n == 1 && strcmp(d->list[0].at.file, file) == 0 &&
	    strcmp(d->list[0].text, text) == 0;
}

static void
test_brief(void)
{
	const char *file,
	    *text = "dependency cycle: a/gnir-1.0 -> "
		    "a/ring-1.0 -> a/third-1.0 => a/gnir-1.0";
	struct fake_recipe *gnir, *way;
	struct arena a = {0}, other = {0};
	struct plan_source src;
	struct planner *p;
	struct diags d;
	struct fake f;

	fake_init(&f, &a);
	gnir = fake_add(&f, "a/gnir-1.0");
	fake_set(&f, gnir, "DEPEND", "a/ring");
	fake_set(&f, fake_add(&f, "a/ring-1.0"), "DEPEND", "a/third");
	fake_set(&f, fake_add(&f, "a/third-1.0"), "SIDEPEND", "a/gnir");
	fake_set(&f, fake_add(&f, "a/above-1.0"), "SIDEPEND", "a/ring");
	way = fake_add(&f, "a/way-1.0");
	fake_set(&f, way, "SIDEPEND", "|| ( a/back a/leaf )");
	fake_set(&f, fake_add(&f, "a/back-1.0"), "DEPEND", "a/way");
	fake_add(&f, "a/leaf-1.0");
	src = fake_source(&f);
	p = planner_open(&a, &src, "amd64");
	file = "a/gnir/gnir-1.0.jobuild";
	ok(!check_briefly(p, &other, "a/above-1.0", &d) &&
		same_cycle(&d, file, text) && d.list[0].nnotes == 3,
	    "the first is told each edge of a cycle");
	arena_reset(&other);
	ok(!check_briefly(p, &other, "a/ring-1.0", &d) &&
		same_cycle(&d, file, text) && d.list[0].nnotes == 0,
	    "others the same, without edges");
	ok(!check_briefly(p, &other, "a/above-1.0", &d) &&
		same_cycle(&d, file, text) && d.list[0].nnotes == 0,
	    "and so the first the next time");
	ok(!check_briefly(p, &other, "a/gnir-1.0", &d) &&
		same_cycle(&d, file, text) && d.list[0].nnotes == 3,
	    "the one it begins with is told all");
	ok(check_briefly(p, &other, "a/way-1.0", &d) && d.n == 0 &&
		check_briefly(p, &other, "a/way-1.0", &d) && d.n == 0,
	    "another choice is a way out, each time");
	ok(!check_briefly(p, &other, "a/back-1.0", &d) ==
		!check(p, &other, "a/back-1.0", &d),
	    "from each root");
	planner_close(p);
	arena_release(&other);
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

int
main(void)
{
	test_start_keys();
	test_step_keys();
	test_fixed_keys();
	test_plan_keys();
	test_fixed_plan();
	test_planner();
	test_brief();
	test_chains();
	test_failing_chain();
	test_knot("DEPEND", "DEPEND");
	test_knot("SIDEPEND", "SIDEPEND");
	test_dense_knot();
	test_wide();
	return tap_done();
}
