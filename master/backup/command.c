/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/backup/backup.h"
#include "master/commands.h"
#include "master/store/state.h"
#include "base/error.h"

#include <stdio.h>

/*
 * The backup is good, whether the audit can be told or not; it is the more
 * wanted where the state's disk is full.
 */
static int
note_made(struct state *st, const char *dir, struct error *err)
{
	if (db_begin(&st->db, err) == 0 &&
	    cmd_finish(&st->db, "backup", dir, err) == 0)
		return 0;
	(void)state_full(st->path, err);
	if (!error_is_full(err))
		return -1;
	fprintf(stderr,
	    "autotua-master: %s is whole, but isn't in the audit: %s\n", dir,
	    err->msg);
	return 0;
}

int
cmd_backup(const char *path, int argc, char *argv[])
{
	struct state st;
	struct error err;
	int rc, made;

	if (argc != 1)
		return cmd_usage("backup DIR|FILE.tar");
	if (state_open(&st, path, &err) < 0)
		return cmd_failed(&err);
	rc = made = backup_make(&st, argv[0], &err);
	if (made >= 0)
		rc = note_made(&st, argv[0], &err);
	state_close(&st);
	return rc < 0 ? cmd_failed(&err) : made;
}
