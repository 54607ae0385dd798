/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything here runs in the child. Each function up to do_work() either
 * does its part or says in w->ending how the lease ends; do_work() is the
 * order. Nothing that a master says is believed before check_unit(): the
 * commit binds the tree, signatures bind the recipes, the plan is made anew,
 * and the capsule must say the same. What stays from lease to lease is a
 * connection, what was proved of keys and signatures, some open trees and
 * empty folders; everything else is let go by end_work().
 */
#include "slave/worker.h"
#include "slave/call.h"
#include "slave/capsule.h"
#include "slave/conf.h"
#include "slave/contract.h"
#include "slave/leash.h"
#include "slave/opened.h"
#include "slave/pack.h"
#include "slave/probe.h"
#include "slave/spool.h"
#include "slave/stage.h"
#include "slave/trees.h"
#include "base/arch.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "net/store.h"
#include "run/jailer.h"
#include "run/run.h"
#include "run/scratch.h"
#include "tree/sign/notary.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define REST_AFTER 60000 /* milliseconds without an order */

struct work {
	/* for the life of the process */
	const struct slave_conf *conf;
	struct leash leash;
	struct notary *notary;
	struct pack_line line;
	struct opened trees;
	struct scratch scratch;
	int store; /* of sources; -1: not open yet */
	/* of one lease */
	struct arena arena;
	int dir;          /* the lease's spool folder; -1 */
	const char *path; /* of it */
	json_t *json;     /* what capsule's texts are of */
	struct capsule capsule;
	int64_t begun;     /* by clock_ms() */
	int stage;         /* jailer_had() says if it's there; -1: not asked */
	struct tree *tree; /* one of trees */
	struct plan *plan;
	const struct tree_recipe **recipes;
	int64_t missing; /* bytes of its sources that aren't in the store */
	struct ending ending;
	bool fetched; /* its recipes came: their signatures are new */
	bool ran;     /* a step of it; not only what comes before */
	bool stale;   /* the master took it away */
};

/* ---- how it ends ----------------------------------------------------------
 */

static int
refuse(struct work *w, const char *reason)
{
	ending_set(&w->ending, ENDING_REFUSE_HARD, NULL, reason);
	return -1;
}

/* Another time it may do. */
static int
give_back(struct work *w, const char *reason)
{
	ending_set(&w->ending, ENDING_REFUSE_SOFT, NULL, reason);
	return -1;
}

static int
trouble(struct work *w, const char *reason)
{
	ending_set(&w->ending, ENDING_DONE, "infrastructure", reason);
	return -1;
}

/*
 * Something failed on this machine. What will be over says nothing about the
 * unit, so it is none of its tries.
 */
static int
failed_here(struct work *w, const struct error *err)
{
	/* by the owner's contract, and so tomorrow too */
	if (err->code == LEASH_BEYOND)
		return refuse(w, err->msg);
	if (error_may_pass(err))
		return give_back(w, err->msg);
	return trouble(w, err->msg);
}

static int
refuse_diags(struct work *w, const char *what, const struct diags *d)
{
	char text[SPOOL_REASON_MAX];

	diags_brief(d, what, text, sizeof(text));
	return refuse(w, text);
}

/* ---- what is told and asked while it runs -------------------------------- */

/* Bytes of sources that aren't in the store. */
static int64_t
missing_sources(const struct work *w)
{
	const size_t nsteps = w->plan->units[w->plan->root].nsteps;
	const struct tree_recipe *r;
	char name[STORE_NAME_MAX];
	int64_t sum = 0;
	size_t i, k;

	for (i = 0; i < nsteps; i++) {
		r = w->recipes[i];
		for (k = 0; k < r->ndist; k++) {
			if (!store_find(w->store, r->dist[k], name))
				sum += r->dist[k]->size;
		}
	}
	return sum;
}

/* Told before the first step begins, and of what failed at the end. */
static void
sources_came(struct work *w)
{
	int64_t missing = w->missing > 0 ? missing_sources(w) : 0;

	if (missing < w->missing)
		leash_took(&w->leash, w->missing - missing);
	leash_done(&w->leash);
	w->missing = missing;
}

static void
on_state(void *ctx, size_t step, enum step_state state)
{
	struct work *w = ctx;

	/* what they all need is there before the first of them */
	if (state == STEP_PREPARING && !w->ran)
		sources_came(w);
	w->ran |= state == STEP_PREPARING;
	leash_tell(&w->leash, "state %zu %s\n", step, step_state_names[state]);
}

static void
on_report(void *ctx, size_t step, const json_t *report)
{
	struct work *w = ctx;

	leash_beside(&w->leash, contract_phases(report));
	leash_tell(&w->leash, "report %zu\n", step);
	/* the end comes right after the last one */
	if (step + 1 < w->plan->units[w->plan->root].nsteps)
		leash_tell_now(&w->leash);
}

/*
 * Has the parent let go of the leash? run_unit() asks all the time, so that
 * what is to be told doesn't wait for its end. What takes long without asking
 * (a pack, a stage, recipes that are new) comes after a tell_now().
 */
static bool
is_unwanted(void *ctx)
{
	struct work *w = ctx;

	return leash_is_loose(&w->leash);
}

/* ---- the parts ------------------------------------------------------------
 */

static int
read_capsule(struct work *w)
{
	struct error err;

	w->json = spool_json(w->dir, "capsule.json", &err);
	if (!w->json || capsule_read(&w->capsule, w->json, &err) < 0)
		return refuse(w, err.msg);
	if (!arch_is_own(w->capsule.arch) &&
	    jailer_runs(w->conf->jailer, w->capsule.arch, &err) < 0)
		return refuse(w, err.msg);
	return 0;
}

/* What the master sent, into memory. */
static int
get_pack(struct work *w, struct buf *pack)
{
	const struct capsule *c = &w->capsule;
	int fd = memfd_create("pack", MFD_CLOEXEC), rc = -1;
	enum pack_result result;
	struct error err;

	if (fd < 0) {
		fail_errno(&err, "memory for a pack");
		return failed_here(w, &err);
	}
	result = pack_get(&w->line, c->lease, c->attempt, fd, &err);
	leash_done(&w->leash);
	switch (result) {
	case PACK_THERE:
		rc = lseek(fd, 0, SEEK_SET) < 0 ? fail_errno(&err, "pack")
						: buf_read(pack, fd, &err);
		if (rc < 0)
			failed_here(w, &err);
		break;
	case PACK_STALE:
		w->stale = true;
		break;
	case PACK_LATER:
		give_back(w, err.msg);
		break;
	case PACK_NEVER:
		failed_here(w, &err);
		break;
	}
	close(fd);
	return rc;
}

/* What the unit consists of. */
struct wanted {
	const char *key; /* of trees.h */
	const struct recipe_id *ids;
	size_t n;
};

static int
open_pack(struct work *w, const struct wanted *x, const struct buf *pack,
    struct error *err)
{
	if (tree_open_pack(
		&w->tree, w->capsule.revision, x->ids, x->n, pack, err) < 0)
		return -1;
	opened_add(&w->trees, x->key, w->tree);
	return 0;
}

/* false: none was kept, or a broken one. */
static bool
reopen(struct work *w, const struct wanted *x)
{
	struct error err;
	struct buf pack;
	bool good = false;

	buf_init(&pack, TREE_PACK_MAX);
	if (trees_get(w->conf->state, x->key, &pack)) {
		good = open_pack(w, x, &pack, &err) == 0;
		if (!good)
			log_warn(
			    "trees/%s: %s: fetched again", x->key, err.msg);
	}
	buf_release(&pack);
	return good;
}

/* Fetch and prove it. That it can't be kept is no reason not to go on. */
static int
fetch(struct work *w, const struct wanted *x)
{
	struct error err;
	struct buf pack;
	int rc;

	w->fetched = true;
	buf_init(&pack, TREE_PACK_MAX);
	rc = get_pack(w, &pack);
	if (rc == 0 && open_pack(w, x, &pack, &err) < 0)
		rc = failed_here(w, &err);
	if (rc == 0 && trees_keep(w->conf->state, x->key, &pack, &err) < 0)
		log_warn("%s", err.msg);
	buf_release(&pack);
	return rc;
}

static int
open_tree_of(struct work *w)
{
	struct wanted x;

	x.ids = capsule_ids(&w->arena, &w->capsule, &x.n);
	if (!x.ids)
		return refuse(w, "capsule: a step has no atom");
	x.key = trees_key(&w->arena, w->capsule.revision, x.ids, x.n);
	w->tree = opened_find(&w->trees, x.key);
	if (w->tree)
		return 0;
	leash_tell_now(&w->leash);
	return reopen(w, &x) ? 0 : fetch(w, &x);
}

static int
load_keyring(struct work *w, struct keyring *k)
{
	struct error err;

	keyring_init(k, &w->arena);
	if (w->conf->keyring) {
		if (keyring_read(k, w->conf->keyring, &err) < 0)
			return trouble(w, err.msg);
		return 0;
	}
	if (capsule_signers(&w->capsule, k, &err) < 0)
		return refuse(w, err.msg);
	return 0;
}

/* By the master's word alone. */
static int
check_tree(struct work *w)
{
	struct error err;
	int rc = contract_takes(w->conf, w->capsule.tree, &err);

	return rc < 0 ? refuse(w, err.msg) : 0;
}

static int
check_unit(struct work *w)
{
	const struct plan_unit *unit;
	const struct metadata *m;
	struct keyring keys;
	struct diags d;
	struct error err;
	size_t i, good;

	diags_init(&d, &w->arena);
	if (load_keyring(w, &keys) < 0)
		return -1;
	w->plan =
	    capsule_plan(&w->arena, &w->capsule, w->tree, &w->recipes, &d);
	if (!w->plan)
		return refuse_diags(w, "the signed tree has no such unit", &d);
	unit = &w->plan->units[w->plan->root];
	good = tree_verify_by(w->notary, w->tree, w->recipes, unit->nsteps,
	    &keys, time(NULL), &d);
	notary_save(w->notary);
	if (good < unit->nsteps)
		return refuse_diags(
		    w, "not signed by whom this slave trusts", &d);
	if (capsule_compare(&w->capsule, unit, w->recipes, &err) < 0)
		return refuse(w, err.msg);
	for (i = 0; i < unit->nsteps; i++) {
		m = unit->steps[i].meta;
		if (contract_allows(w->conf, m, &err) < 0)
			return refuse(w,
			    arena_printf(&w->arena, "%s %s",
				id_format(&w->arena, &m->id), err.msg));
	}
	return 0;
}

/* The jailer answers meanwhile. */
static int
ask_stage(struct work *w)
{
	struct error err;

	w->stage =
	    jailer_ask_has(w->conf->jailer, false, w->capsule.digest, &err);
	return w->stage < 0 ? trouble(w, err.msg) : 0;
}

static int
get_stage(struct work *w)
{
	struct calls master;
	struct error err;
	int rc;

	rc = jailer_had(w->stage, &err);
	w->stage = -1;
	if (rc != 0)
		return rc < 0 ? trouble(w, err.msg) : 0;
	leash_tell_now(&w->leash);
	if (calls_open(&master, w->conf, &w->arena, &err) < 0)
		return trouble(w, err.msg);
	rc = stage_ensure(w->conf, &master, &w->capsule, &w->leash, &err);
	calls_close(&master);
	leash_done(&w->leash);
	return rc < 0 ? failed_here(w, &err) : 0;
}

static void
run(struct work *w)
{
	const struct slave_conf *c = w->conf;
	struct run_conf rc = {.chroot = c->chroot,
	    .state = c->chroot_state,
	    .jailer = c->jailer,
	    .helpers = c->helpers,
	    .fetch = {.store = w->store, .mirrors = c->mirrors},
	    .jobs = c->jobs,
	    .time = c->time,
	    .silence = c->silence,
	    .log_max = c->log_max,
	    .memory = c->memory,
	    .disk = c->disk,
	    .cpus = c->cpus,
	    .pids = c->pids,
	    .artifacts = c->artifacts_max,
	    .artifact_files = c->artifacts_files,
	    .nest = c->nest,
	    .network = c->network,
	    .parameters = capsule_parameters(&w->capsule, &w->arena),
	    .made = capsule_made(&w->capsule, &w->arena),
	    .scratch = &w->scratch,
	    .begun = w->begun,
	    .moment = SPOOL_MOMENT};
	struct run_watch watch = {.ctx = w,
	    .state = on_state,
	    .report = on_report,
	    .cancelled = is_unwanted};
	const char *id = arena_printf(&w->arena, "lease-%" PRId64 "-%" PRId64,
	    w->capsule.lease, w->capsule.attempt);
	const struct plan_unit *unit = &w->plan->units[w->plan->root];
	struct error err = {0};
	enum run_result result;

	w->missing = missing_sources(w);
	if (leash_need(&w->leash, w->missing, &err) < 0) {
		fail_in(&err, "sources");
		failed_here(w, &err);
		return;
	}
	result = run_unit(&rc, w->tree, unit, w->capsule.arch,
	    w->capsule.digest, id, w->path, &watch, &err);
	if (result == RUN_INFRASTRUCTURE && !w->ran && error_may_pass(&err))
		give_back(w, err.msg);
	else
		ending_set(&w->ending, ENDING_DONE, run_result_names[result],
		    result == RUN_PASSED ? "" : err.msg);
	sources_came(w);
}

static int
open_store(struct work *w)
{
	struct error err;

	if (w->store < 0)
		w->store = store_open(
		    conf_path(w->conf, &w->arena, "distfiles"), &err);
	return w->store < 0 ? failed_here(w, &err) : 0;
}

static void
do_work(struct work *w)
{
	leash_tell(&w->leash, "state 0 fetching\n");
	if (read_capsule(w) < 0 || check_tree(w) < 0 || ask_stage(w) < 0 ||
	    open_tree_of(w) < 0)
		return;
	leash_tell(&w->leash, "state 0 preparing\n");
	if (w->fetched)
		leash_tell_now(&w->leash);
	if (check_unit(w) < 0 || get_stage(w) < 0 || open_store(w) < 0)
		return;
	run(w);
}

/* ---- the life of the process --------------------------------------------- */

static void
begin_work(struct work *w, const struct worker_order *order)
{
	struct error err;

	w->arena = (struct arena){0};
	w->begun = clock_ms();
	w->leash.granted = w->leash.came = 0;
	w->path = arena_printf(
	    &w->arena, "%s/spool/%" PRId64, w->conf->state, order->lease);
	w->json = NULL;
	w->stage = -1;
	w->plan = NULL;
	w->tree = NULL;
	w->recipes = NULL;
	w->fetched = w->ran = w->stale = false;
	ending_set(&w->ending, ENDING_DONE, "infrastructure", "");
	w->dir = open(w->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (w->dir >= 0)
		return;
	fail_errno(&err, "open %s", w->path);
	log_err("lease=%" PRId64 " %s", order->lease, err.msg);
	_exit(1);
}

static void
end_work(struct work *w)
{
	json_decref(w->json);
	if (w->stage >= 0)
		close(w->stage);
	close(w->dir);
	arena_release(&w->arena);
	opened_trim(&w->trees);
}

/* The end goes there after all that it speaks of. */
static int
end_in_spool(struct work *w, struct error *err)
{
	bool sync = clock_ms() - w->begun >= SPOOL_MOMENT;

	if (sync && spool_sync(w->dir, err) < 0)
		return -1;
	return spool_end(w->dir, &w->ending, sync, err);
}

/* The parent hears of the end when everything is in the spool. */
static void
do_order(struct work *w, const struct worker_order *order)
{
	struct error err;

	begin_work(w, order);
	do_work(w);
	/* the parent let go: it has decided how this ends */
	if (is_unwanted(w))
		_exit(1);
	if (w->ending.kind == ENDING_REFUSE_HARD)
		log_warn("refused lease=%" PRId64 " reason=\"%s\"",
		    order->lease, w->ending.reason);
	if (!w->stale && end_in_spool(w, &err) < 0) {
		log_err("lease=%" PRId64 " %s", order->lease, err.msg);
		_exit(1);
	}
	end_work(w);
	leash_tell(&w->leash, w->stale ? "stale\n" : "end\n");
	leash_tell_now(&w->leash);
}

/* false: the parent wants no more of this process. */
static bool
next_order(struct work *w, struct worker_order *order)
{
	struct pollfd p = {.fd = w->leash.hold, .events = POLLIN};

	if (poll(&p, 1, REST_AFTER) == 0)
		notary_rest(w->notary);
	return read(p.fd, order, sizeof(*order)) == (ssize_t)sizeof(*order);
}

_Noreturn void
worker_run(const struct slave_conf *c, int tell, int leash)
{
	struct work work = {
	    .conf = c, .store = -1, .line = {.conf = c, .leash = &work.leash}};
	struct work *w = &work;
	struct arena a = {0};
	struct worker_order order;

	leash_init(&w->leash, tell, leash, c->traffic);
	scratch_init(&w->scratch,
	    arena_printf(
		&a, "%s/spool/" SPOOL_WORK "%ld", c->state, (long)getpid()));
	w->notary = conf_notary(c);
	while (next_order(w, &order))
		do_order(w, &order);
	notary_close(w->notary);
	opened_close(&w->trees);
	scratch_release(&w->scratch);
	_exit(0);
}
