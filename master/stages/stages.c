/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/stages/stages.h"
#include "base/error.h"
#include "recipe/recipe.h"

#include <errno.h>
#include <string.h>

/* 1: its packages are known; its name in any case, if it has one. */
static int
look_up(struct master *m, const char *digest, struct arena *a,
    const char **name, struct error *err)
{
	enum sql q = SQL_STAGE_GET;
	int rc = db_one(m->db, q, ARGS(TEXT(digest)), err);

	*name = digest;
	if (rc > 0) {
		*name = db_text(m->db, q, 0, a);
		rc = db_text(m->db, q, 4, a) != NULL;
	}
	db_end(m->db, q);
	return rc;
}

/* What isn't known of it; a name can move on to another one at any time. */
static int
load(struct master *m, struct sched_stage *stage, struct error *err)
{
	enum sql q = SQL_STAGE_PACKAGES;
	struct arena a = {0};
	const char *name;
	int rc;

	rc = look_up(m, stage->digest, &a, &name, err);
	if (rc >= 0)
		sched_stage_name(&m->sched, stage, name);
	if (rc <= 0 || stage->known) {
		arena_release(&a);
		return rc < 0 ? -1 : 0;
	}
	db_query(m->db, q, ARGS(TEXT(stage->digest)));
	while ((rc = db_row(m->db, q, err)) > 0)
		sched_stage_package(&m->sched, stage, db_text(m->db, q, 0, &a),
		    db_text(m->db, q, 1, &a));
	if (rc == 0)
		sched_stage_ready(&m->sched, stage);
	arena_release(&a);
	return rc;
}

int
stages_know(
    struct master *m, const struct sched_wants *wants, struct error *err)
{
	struct sched_stage *stage;
	size_t i;

	for (i = 0; i < wants->nrequires; i++) {
		if (strncmp(wants->requires[i], REQUIREMENT_STAGE,
			strlen(REQUIREMENT_STAGE)) != 0)
			continue;
		stage = sched_stage(&m->sched, wants->stage);
		return stage->known ? 0 : load(m, stage, err);
	}
	return 0;
}

int
stages_there(struct master *m, int64_t job, struct error *err)
{
	enum sql q = SQL_STAGE_GONE;
	struct arena a = {0};
	int rc = db_one(m->db, q, ARGS(INT(job)), err);

	if (rc > 0) {
		rc = fail(err,
		    "the stage of %s was removed; submit the job anew with "
		    "another one",
		    db_text(m->db, q, 0, &a));
		err->code = ESTALE;
	}
	db_end(m->db, q);
	arena_release(&a);
	return rc;
}

int
stages_load(struct master *m, struct error *err)
{
	struct sched_stage *stage;

	for (stage = m->sched.stages; stage; stage = stage->next) {
		if (load(m, stage, err) < 0)
			return -1;
	}
	return 0;
}
