/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libsolv, which package managers of other distributions resolve with, as a
 * judge of what can be solved. It shares nothing with what it judges. Lines of
 * standard input (peer.h writes them):
 *	P NAME VERSION		a package; a name is in once at most
 *	V NAME			it stands for this name, too
 *	R NAME [OP VERSION]	it needs this; OP is of = >= <= > <
 *	S NAME			solve; answers "0" or "1" and CPU milliseconds,
 *and forgets all packages
 */
#include <solv/pool.h>
#include <solv/repo.h>
#include <solv/solver.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct peer {
	Pool *pool;
	Repo *repo;
	Solvable *package; /* the last; goes stale when one is added */
};

static void
begin(struct peer *p)
{
	p->pool = pool_create();
	pool_setdisttype(p->pool, DISTTYPE_DEB);
	pool_setarch(p->pool, "amd64");
	p->repo = repo_create(p->pool, "all");
	p->package = NULL;
}

static Id
text(struct peer *p, const char *s)
{
	return pool_str2id(p->pool, s, 1);
}

static void
provide(struct peer *p, Id dep)
{
	p->package->provides =
	    repo_addid_dep(p->repo, p->package->provides, dep, 0);
}

static void
add(struct peer *p, const char *name, const char *version)
{
	p->package = pool_id2solvable(p->pool, repo_add_solvable(p->repo));
	p->package->name = text(p, name);
	p->package->evr = text(p, version);
	p->package->arch = ARCH_ALL;
	provide(p,
	    pool_rel2id(p->pool, p->package->name, p->package->evr, REL_EQ, 1));
}

static void
need(struct peer *p, const char *name, const char *op, const char *version)
{
	Id id = text(p, name);
	int flags = 0;

	for (; op && *op; op++)
		flags |= *op == '=' ? REL_EQ : *op == '>' ? REL_GT : REL_LT;
	if (flags)
		id = pool_rel2id(p->pool, id, text(p, version), flags, 1);
	p->package->requires =
	    repo_addid_dep(p->repo, p->package->requires, id, 0);
}

static double
milliseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void
solve(struct peer *p, const char *name)
{
	double start = milliseconds();
	Solver *solver;
	Queue job;

	pool_createwhatprovides(p->pool);
	solver = solver_create(p->pool);
	queue_init(&job);
	queue_push2(&job, SOLVER_INSTALL | SOLVER_SOLVABLE_NAME, text(p, name));
	printf("%d", solver_solve(solver, &job) == 0);
	printf(" %.3f\n", milliseconds() - start);
	queue_free(&job);
	solver_free(solver);
	pool_free(p->pool);
	begin(p);
}

static int
read_line(struct peer *p, char *line)
{
	char *save, *kind = strtok_r(line, " \n", &save);
	char *name = strtok_r(NULL, " \n", &save);
	char *a = strtok_r(NULL, " \n", &save), *b;

	b = strtok_r(NULL, " \n", &save);
	if (!kind || !name)
		return -1;
	if (*kind == 'P' && a)
		add(p, name, a);
	else if (*kind == 'S')
		solve(p, name);
	else if (p->package && *kind == 'V')
		provide(p, text(p, name));
	else if (p->package && *kind == 'R' && !a == !b)
		need(p, name, a, b);
	else
		return -1;
	return 0;
}

int
main(void)
{
	struct peer p;
	char *line = NULL;
	size_t cap = 0;
	int rc = 0;

	begin(&p);
	while (rc == 0 && getline(&line, &cap, stdin) > 0)
		rc = read_line(&p, line);
	if (rc < 0)
		fputs("peer: a line that is none of P, V, R, S\n", stderr);
	pool_free(p.pool);
	free(line);
	return rc < 0 ? 2 : 0;
}
