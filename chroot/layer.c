/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/layer.h"
#include "chroot/state.h"
#include "chroot/sys.h"
#include "chroot/walk.h"
#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Sockets of dead processes are of no use to anybody. */
static int
scrub_one(void *ctx, const struct walk_entry *e, struct error *err)
{
	struct walk_size *size = ctx;

	if (S_ISSOCK(e->st.st_mode)) {
		if (unlinkat(e->dirfd, e->name, 0) < 0)
			return fail_errno(err, "delete %.200s", e->path);
		return 0;
	}
	size->bytes += (uint64_t)e->st.st_blocks * 512;
	size->files++;
	return 0;
}

/* What no later step should see: temporary files, sockets. */
static int
scrub(int upper, struct walk_size *size, struct error *err)
{
	if (file_remove_tree(upper, "tmp", err) < 0 ||
	    file_remove_tree(upper, "run", err) < 0)
		return -1;
	return walk(upper, scrub_one, size, err);
}

int
layer_commit(struct state *s, int run, const char *key, const struct chain *on,
    struct error *err)
{
	struct walk_size size = {0, 0};
	char ok[512];
	int upper, rc;

	upper = sys_open_beneath(run, "upper", O_RDONLY | O_DIRECTORY);
	if (upper < 0)
		return fail_errno(err, "open upper");
	rc = scrub(upper, &size, err);
	close(upper);
	if (rc < 0)
		return fail_in(err, "layer %s", key);
	if (mkdirat(run, "new", 0700) < 0 ||
	    renameat(run, "upper", run, "new/root") < 0)
		return fail_errno(err, "layer %s", key);
	snprintf(ok, sizeof(ok),
	    "stage=%s\nbelow=%s\nsize=%" PRIu64 "\nfiles=%" PRIu64
	    "\nmade=%lld\n",
	    on->stage, on->below, size.bytes, size.files,
	    (long long)time(NULL));
	return state_publish(s, IMAGE_LAYER, key, run, "new", ok, err);
}

int
layer_check(int ok, const char *key, const struct chain *on, struct error *err)
{
	char stage[OK_VALUE], below[OK_VALUE];

	if (!state_ok_value(ok, "stage", stage) ||
	    !state_ok_value(ok, "below", below))
		return fail(err,
		    "layer %s: its \"ok\" file is damaged: remove the layer",
		    key);
	if (strcmp(stage, on->stage) != 0 || strcmp(below, on->below) != 0)
		return fail(err,
		    "layer %s was made on stage %s and layer %s, not on %s "
		    "and %s",
		    key, stage, below, on->stage, on->below);
	return 0;
}
