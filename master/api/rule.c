/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What people with the right to operate say of slaves, and owners of theirs. */
#include "master/api/asking.h"
#include "master/jobs/dispatch.h"
#include "master/api/rights.h"
#include "master/admin/slaves.h"
#include "base/error.h"

#include <inttypes.h>
#include <string.h>

#define CHILD_SECONDS 30

static const char *
name_of(struct asking *a)
{
	struct sched_slave *sl;

	for (sl = a->m->sched.slaves; sl; sl = sl->next) {
		if (sl->id == a->r->id)
			return sl->name;
	}
	request_problem(a->r, 404, "not-found", "there is no such slave");
	return NULL;
}

static void
rule(struct asking *a)
{
	struct request *r = a->r;
	struct change change = {.user = a->wish.user,
	    .nonce = a->wish.nonce,
	    .origin = a->origin,
	    .now = loop_now(&a->m->loop)};
	const char *name = name_of(a);
	struct error err = {0};
	int rc;

	if (!name ||
	    !rights_need(a->m, r, a->wish.user, RIGHT_OPERATE,
		arena_printf(&r->arena, "to %s a slave", a->wish.kind)))
		return;
	rc = slaves_rule(a->m, a->wish.kind, name, &change, &err);
	if (rc > 0)
		request_json(r, 200,
		    json_pack("{s:I, s:s}", "slave", (json_int_t)r->id, "name",
			name));
	else if (rc == 0)
		request_problem(
		    r, 409, "retired", "the slave %s is retired", name);
	else
		asking_unstored(a, &err);
}

static void
rule_done(void *ctx, const struct buf *text, const struct error *err)
{
	struct asking *a = ctx;
	json_t *o = asking_verdict(a, text, err);

	if (o)
		rule(a);
	json_decref(o);
	request_resume(a->r);
}

void
api_slave_rule(struct master *m, struct request *r)
{
	const char *kind = r->path[r->npath - 1];
	struct wish w = {0};
	struct asking *a;
	const json_t *slave;

	if (!wish_read(m, r, kind, &w))
		return;
	slave = json_object_get(w.o, "slave");
	if (!json_is_integer(slave) || json_integer_value(slave) != r->id) {
		request_problem(r, 400, "bad-request",
		    "request: \"slave\": is not the one of the path");
		return;
	}
	a = asking_new(m, r, &w);
	if (a)
		asking_start(a, CHILD_SECONDS, rule_done);
}

/* Its owner takes the machine back. */
void
api_slave_retire(struct master *m, struct request *r)
{
	const struct change change = {.user = r->slave_name,
	    .origin = r->origin,
	    .now = loop_now(&m->loop)};
	struct error err;

	if (!api_body(r))
		return;
	/* what is open of a retired slave is cut: all but this */
	r->slave = 0;
	request_of_slave(r);
	if (slaves_rule(m, "retire", r->slave_name, &change, &err) < 0)
		request_broken(r, &err);
	else
		request_json(r, 200, json_pack("{s:s}", "name", r->slave_name));
}
