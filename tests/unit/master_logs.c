/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tap.h"
#include "tests/unit/syncs.h"
#include "master/store/logs.h"
#include "master/store/state.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"

#include <fcntl.h>
#include <stdlib.h>

static char top[] = "/tmp/autotua-logs-XXXXXX";

int
main(void)
{
	struct state st = {.path = mkdtemp(top)};
	struct arena a = {0};
	struct error err;
	const char *folder = arena_printf(&a, "%s/logs/7/2", top);

	ok(logs_sync(&st, 7, 2, 0, &err) == 0 && !*syncs,
	    "a step without a log has nothing to sync");
	ok(file_mkdirs(folder, 0700, &err) == 0 &&
		file_create(arena_printf(&a, "%s/0.log", folder), "text", 4,
		    0600, &err) == 0,
	    "a log");
	ok(logs_sync(&st, 7, 2, 0, &err) == 0, "is synced");
	ok(is_synced(folder, "0.log"), "its bytes");
	ok(is_synced(folder, ""), "its name");
	ok(is_synced(arena_printf(&a, "%s/logs/7", top), ""),
	    "that of the attempt");
	ok(is_synced(arena_printf(&a, "%s/logs", top), ""), "and of the unit");
	ok(!is_synced(top, ""), "the folder of all is there from the start");
	file_remove_tree(AT_FDCWD, top, &err);
	arena_release(&a);
	return tap_done();
}
