/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prints the master's statements, one a line, with $N for ?N and behind the
 * name of the kind that the test is to do with it:
 *	prepare TEXT	both databases have it
 *	run TEXT	so too, but it can't be prepared: transactions
 *	own TEXT	sql.h names it as SQLite's own
 */
#include "master/store/sql.h"

#include <stdio.h>

static const char *
kind(enum sql id)
{
	switch (id) {
	case SQL_BEGIN:
	case SQL_DATA_VERSION:
	case SQL_SNAPSHOT:
	case SQL_IDS_JUMP:
	case SQL_IDS_BEGIN:
		return "own";
	case SQL_COMMIT:
	case SQL_ROLLBACK:
	case SQL_SAVEPOINT:
	case SQL_RELEASE:
	case SQL_UNDO:
		return "run";
	default:
		return "prepare";
	}
}

int
main(void)
{
	const char *p;
	int i;

	for (i = 0; i < SQL_COUNT; i++) {
		printf("%s ", kind((enum sql)i));
		for (p = sql_texts[i]; *p; p++)
			putchar(*p == '?' ? '$' : *p);
		putchar('\n');
	}
	return 0;
}
