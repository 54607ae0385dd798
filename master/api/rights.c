/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/api/rights.h"
#include "master/commands.h"
#include "master/master.h"
#include "master/http/request.h"
#include "base/error.h"

#include <string.h>

static const char *const names[] = {"read", "maintain", "operate", "admin"};

/* -1: there is no such right. */
static int
parse(const char *name)
{
	int i;

	for (i = RIGHT_READ; i <= RIGHT_ADMIN; i++) {
		if (strcmp(name, names[i]) == 0)
			return i;
	}
	return -1;
}

int
rights_has(
    struct master *m, const char *user, enum right right, struct error *err)
{
	enum sql q = SQL_USER_RIGHT;
	struct arena a = {0};
	int rc = db_one(m->db, q, ARGS(TEXT(user)), err);

	if (rc > 0)
		rc = parse(db_text(m->db, q, 0, &a)) >= (int)right;
	db_end(m->db, q);
	arena_release(&a);
	return rc;
}

bool
rights_need(struct master *m, struct request *r, const char *user,
    enum right right, const char *what)
{
	struct error err;
	int rc = rights_has(m, user, right, &err);

	if (rc < 0)
		request_broken(r, &err);
	else if (rc == 0)
		request_problem(r, 403, "not-authorised",
		    "%s needs the right \"%s\", which %s hasn't; the "
		    "administrator gives it with \"autotua-master user "
		    "rights\"",
		    what, names[right], user);
	return rc > 0;
}

static int
print_all(struct state *st, struct error *err)
{
	enum sql q = SQL_USER_RIGHT_LIST;
	struct arena a = {0};
	int rc;

	db_query(&st->db, q, NULL);
	while ((rc = db_row(&st->db, q, err)) > 0)
		printf("%s %s\n", db_text(&st->db, q, 0, &a),
		    db_text(&st->db, q, 1, &a));
	arena_release(&a);
	return rc;
}

int
rights_command(
    struct state *st, const char *user, const char *right, struct error *err)
{
	struct arena a = {0};
	int n;

	if (!user)
		return print_all(st, err);
	if (parse(right) < 0)
		return fail(err,
		    "right \"%s\": expected read, maintain, operate or admin",
		    right);
	if (db_begin(&st->db, err) < 0)
		return -1;
	n = db_run(
	    &st->db, SQL_USER_RIGHT_SET, ARGS(TEXT(user), TEXT(right)), err);
	if (n == 0)
		fail(err, "there is no user \"%s\"", user);
	if (n < 1) {
		db_rollback(&st->db);
		return -1;
	}
	n = cmd_finish(&st->db, "user rights",
	    arena_printf(&a, "%s %s", user, right), err);
	arena_release(&a);
	return n;
}
