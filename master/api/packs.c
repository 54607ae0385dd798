/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files of a unit's recipes, as a pack of git's. What is missing is made
 * by a child, one at a time for each job: who asks meanwhile waits for it, as
 * to open a large tree is most of the work. Once it is open, packs that are
 * likely to be asked for next are made too.
 */
#include "master/api/api.h"
#include "master/jobs/validate.h"
#include "base/error.h"
#include "base/log.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#define PACK_SECONDS 60
#define AHEAD        64 /* packs that nobody has asked for yet */

/* One that is asked for. */
struct packing {
	struct request *r;
	int64_t unit;
	const char *path;
	struct packing *next;
};

/* Of a job, as long as somebody waits. */
struct packer {
	struct arena arena; /* it lives in there itself */
	struct packer *next;
	struct master *m;
	int64_t job;
	struct packing *asked; /* of the child that runs */
	struct packing *later, **end;
	struct packs_job work;
	struct arena run; /* what that has */
};

static void
send_pack(const struct packing *p)
{
	api_file(p->r, p->path, "application/x-git-packed-objects");
}

static void packer_run(struct packer *k);

static void
packer_work(void *ctx, int out)
{
	const struct packer *k = ctx;

	packs_make(&k->work, out);
}

static void
packer_end(struct packer *k)
{
	struct packer **at = &k->m->packers;
	struct arena a = k->arena;

	while (*at != k)
		at = &(*at)->next;
	*at = k->next;
	arena_release(&a);
}

static void
packer_done(void *ctx, const struct buf *text, const struct error *ended)
{
	struct packer *k = ctx;
	struct packing *p, *next;
	struct error err;
	int rc = child_result(text, ended, &err);

	if (rc < 0)
		fail_in(&err, "pack");
	for (p = k->asked; p; p = next) {
		next = p->next;
		if (access(p->path, F_OK) == 0) {
			send_pack(p);
		} else {
			if (rc == 0)
				fail(&err,
				    "pack: unit %" PRId64 ": was not made",
				    p->unit);
			request_broken(p->r, &err);
		}
		request_resume(p->r);
	}
	arena_release(&k->run);
	if (k->later)
		packer_run(k);
	else
		packer_end(k);
}

/* The name of a pack and the capsule that says what is in it, of a row. */
static void
add_pack(struct packer *k, enum sql q)
{
	struct packs_job *w = &k->work;

	w->list[w->n].name = db_text(k->m->db, q, 0, &k->run);
	w->list[w->n].capsule = db_text(k->m->db, q, 1, &k->run);
	w->n++;
}

/* A row of SQL_UNIT_PACK, db_end() must follow; -1: err. */
static int
find_unit(struct master *m, int64_t unit, struct error *err)
{
	int rc = db_one(m->db, SQL_UNIT_PACK, ARGS(INT(unit)), err);

	return rc == 0 ? fail(err, "unit %" PRId64 " is gone", unit) : rc;
}

/* false: it can't be found, which the log says. */
static bool
add_asked(struct packer *k, const struct packing *p)
{
	enum sql q = SQL_UNIT_PACK;
	struct db *db = k->m->db;
	struct error err;

	if (find_unit(k->m, p->unit, &err) < 0) {
		log_err("pack: %s", err.msg);
		return false;
	}
	k->work.list[k->work.n].unit = p->unit;
	add_pack(k, q);
	k->work.mirror = state_path(
	    k->m->st, &k->run, "trees/%s.git", db_text(db, q, 2, &k->run));
	db_end(db, q);
	return true;
}

/* Those behind a unit that have not begun. */
static void
add_next(struct packer *k, int64_t unit)
{
	enum sql q = SQL_UNIT_PACKS;
	struct db *db = k->m->db;
	struct error err;

	db_query(db, q, ARGS(INT(k->job), INT(unit), INT(AHEAD)));
	while (db_row(db, q, &err) > 0)
		add_pack(k, q);
}

static void
packer_run(struct packer *k)
{
	struct child_work work = {.work = packer_work,
	    .done = packer_done,
	    .ctx = k,
	    .limit = PACK_SECONDS,
	    .max = 4096};
	struct packing *p;
	size_t n = AHEAD;
	int64_t last = 0;

	k->asked = k->later;
	k->later = NULL;
	k->end = &k->later;
	for (p = k->asked; p; p = p->next)
		n++;
	k->work = (struct packs_job){.arena = &k->run,
	    .packs = state_path(k->m->st, &k->run, "packs"),
	    .list = arena_array(&k->run, n, struct pack_of)};
	for (p = k->asked; p; p = p->next) {
		if (add_asked(k, p))
			last = p->unit;
	}
	k->work.nasked = k->work.n;
	if (last != 0)
		add_next(k, last);
	child_start(&k->m->loop, &work);
}

/* Who makes the packs of this job; began: just now. */
static struct packer *
packer_of(struct master *m, int64_t job, bool *began)
{
	struct arena a = {0};
	struct packer *k = m->packers;

	while (k && k->job != job)
		k = k->next;
	*began = !k;
	if (k)
		return k;
	k = arena_new(&a, struct packer);
	k->arena = a;
	k->m = m;
	k->job = job;
	k->end = &k->later;
	k->next = m->packers;
	m->packers = k;
	return k;
}

/* Where it is or will be; NULL: err. */
static const char *
pack_path(struct master *m, struct request *r, int64_t unit, struct error *err)
{
	enum sql q = SQL_UNIT_PACK;
	const char *path;

	if (find_unit(m, unit, err) < 0)
		return NULL;
	path = state_path(
	    m->st, &r->arena, "packs/%s", db_text(m->db, q, 0, &r->arena));
	db_end(m->db, q);
	return path;
}

void
api_pack(struct master *m, struct request *r)
{
	int64_t attempt = request_number(r, "attempt");
	struct sched_unit *u;
	struct packing *p;
	struct packer *k;
	struct error err;
	bool began;

	if (attempt < 0 || !(u = api_lease(m, r, attempt)))
		return;
	p = arena_new(&r->arena, struct packing);
	p->r = r;
	p->unit = u->id;
	p->path = pack_path(m, r, u->id, &err);
	if (!p->path) {
		fail_in(&err, "pack");
		request_broken(r, &err);
		return;
	}
	/* it is there, and was asked for today: sweep.h */
	if (utimensat(AT_FDCWD, p->path, NULL, 0) == 0) {
		send_pack(p);
		return;
	}
	request_wait(r);
	k = packer_of(m, u->job->id, &began);
	*k->end = p;
	k->end = &p->next;
	if (began)
		packer_run(k);
}
