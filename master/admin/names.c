/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The names in a state folder's database for a shell that completes a command
 * line: it is only read, one statement is prepared, and nothing is said when
 * that can't be done.
 */
#include "master/commands.h"
#include "master/store/sql.h"
#include "base/usage.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

/* Which argument of which commands is in which column of what. */
static const struct {
	const char *form; /* begins so */
	const char *name;
	enum sql list;
	int column;
} known[] = {
    {"slave ", "NAME", SQL_SLAVE_LIST, 1},
    {"token ", "NAME", SQL_SLAVE_LIST, 1},
    {"user rights ", "NAME", SQL_USER_LIST, 0},
    {"key ", "NAME", SQL_USER_LIST, 0},
    {"key rotate ", "OLD", SQL_USER_LIST, 1},
    {"key ", "FINGERPRINT", SQL_USER_LIST, 1},
    {"tree sync ", "NAME", SQL_TREE_LIST, 0},
    {"stage ", "NAME", SQL_STAGE_LIST, 0},
};

static void
offer_rows(
    const struct usage_asked *asked, sqlite3 *db, const char *sql, int column)
{
	char last[256] = "";
	const char *name;
	sqlite3_stmt *row;

	if (sqlite3_prepare_v2(db, sql, -1, &row, NULL) != SQLITE_OK)
		return;
	while (sqlite3_step(row) == SQLITE_ROW) {
		name = (const char *)sqlite3_column_text(row, column);
		/* one of several keys' owner */
		if (!name || strcmp(name, last) == 0)
			continue;
		snprintf(last, sizeof(last), "%s", name);
		usage_offer(asked, name);
	}
	sqlite3_finalize(row);
}

void
cmd_names(const struct usage_asked *asked)
{
	const char *state = usage_value(asked, "-C", "--state", STATE_DEFAULT);
	char path[4096];
	sqlite3 *db = NULL;
	size_t i;

	if (snprintf(path, sizeof(path), "%s/master.db", state) >=
	    (int)sizeof(path))
		return;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(asked->name, known[i].name) != 0 ||
		    strncmp(
			asked->form, known[i].form, strlen(known[i].form)) != 0)
			continue;
		if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) ==
		    SQLITE_OK)
			offer_rows(asked, db, sql_texts[known[i].list],
			    known[i].column);
		sqlite3_close(db);
		return;
	}
}
