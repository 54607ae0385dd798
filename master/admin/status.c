/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/commands.h"
#include "master/store/pki.h"
#include "master/store/serving.h"
#include "master/store/state.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

#include <inttypes.h>
#include <string.h>

/* "trees: base overlay": the first column of a query. */
static int
print_names(struct state *st, const char *what, enum sql q, struct error *err)
{
	const char *last = "", *name;
	struct arena a = {0};
	int rc;

	printf("%s:", what);
	db_query(&st->db, q, NULL);
	while ((rc = db_row(&st->db, q, err)) > 0) {
		name = db_text(&st->db, q, 0, &a);
		if (strcmp(name, last) != 0)
			printf(" %s", name);
		last = name;
	}
	putchar('\n');
	arena_release(&a);
	return rc;
}

static int
print_counts(struct state *st, const char *what, enum sql q, struct error *err)
{
	struct arena a = {0};
	int rc;

	printf("%s:", what);
	db_query(&st->db, q, NULL);
	while ((rc = db_row(&st->db, q, err)) > 0)
		printf(" %s %" PRId64, db_text(&st->db, q, 0, &a),
		    db_int(&st->db, q, 1));
	putchar('\n');
	arena_release(&a);
	return rc;
}

static int
print_slaves(struct state *st, struct error *err)
{
	enum sql q = SQL_SLAVE_LIST;
	struct arena a = {0};
	int rc;

	printf("slaves:");
	db_query(&st->db, q, NULL);
	while ((rc = db_row(&st->db, q, err)) > 0)
		printf(" %s (%s)", db_text(&st->db, q, 1, &a),
		    db_text(&st->db, q, 2, &a));
	putchar('\n');
	arena_release(&a);
	return rc;
}

static int
print_all(struct state *st, struct error *err)
{
	struct buf port;

	buf_init(&port, 64);
	printf("name: %s\nlisten: %s\n", st->set.name, st->set.listen);
	if (serving_now(st) && file_read_at(st->dir, "port", &port, err) == 0)
		printf("serving: yes, port %s", port.data);
	else
		printf("serving: no\n");
	buf_release(&port);
	if (print_names(st, "users", SQL_USER_LIST, err) < 0 ||
	    print_names(st, "trees", SQL_TREE_LIST, err) < 0 ||
	    print_names(st, "stages", SQL_STAGE_LIST, err) < 0 ||
	    print_slaves(st, err) < 0 ||
	    print_counts(st, "jobs", SQL_JOB_COUNTS, err) < 0)
		return -1;
	return print_counts(st, "units", SQL_UNIT_COUNTS, err);
}

int
cmd_status(const char *path, int argc, char *argv[])
{
	struct state st;
	struct error err;
	int rc;

	(void)argv;
	if (argc != 0)
		return cmd_usage("status");
	if (state_open(&st, path, &err) < 0)
		return cmd_failed(&err);
	rc = print_all(&st, &err);
	state_close(&st);
	return rc < 0 ? cmd_failed(&err) : 0;
}

int
cmd_ca(const char *path, int argc, char *argv[])
{
	struct error err;
	struct state st;
	struct buf b;
	int rc = 0;

	(void)argv;
	if (argc != 0)
		return cmd_usage("ca");
	if (state_open(&st, path, &err) < 0)
		return cmd_failed(&err);
	buf_init(&b, PKI_PEM_MAX);
	if (file_read_at(st.dir, "ca.pem", &b, &err) < 0)
		rc = cmd_failed(&err);
	else
		fputs(b.data, stdout);
	buf_release(&b);
	state_close(&st);
	return rc;
}
