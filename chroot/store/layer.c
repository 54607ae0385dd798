/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/store/layer.h"
#include "chroot/store/image.h"
#include "chroot/store/stage.h"
#include "chroot/store/state.h"
#include "chroot/sys/sys.h"
#include "chroot/sys/walk.h"
#include "base/blake2b.h"
#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Less than a second before 1970 whoever reads an archive takes the fraction
 * for one after it, and of the first second of all there is nobody who reads
 * it: the layer could be imported nowhere.
 */
static int
mend_time(const struct walk_entry *e, struct error *err)
{
	const struct timespec *was = &e->st.st_mtim;
	struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, {-1, 0}};

	if (was->tv_sec == INT64_MIN)
		times[1].tv_sec = INT64_MIN + 1;
	else if (was->tv_sec != -1 || was->tv_nsec == 0)
		return 0;
	return utimensat(e->dirfd, e->name, times, AT_SYMLINK_NOFOLLOW) < 0
	    ? fail_errno(err, "set the time of %.200s", e->path)
	    : 0;
}

/*
 * Sockets of dead processes are of no use to anybody; nor is what means to
 * overlayfs that there is nothing, which any job can make, in a layer that
 * hides nothing. Other device nodes are none that a job could have made.
 */
static int
scrub_one(void *ctx, const struct walk_entry *e, struct error *err)
{
	const bool *whole = ctx;
	bool whiteout = S_ISCHR(e->st.st_mode) && e->st.st_rdev == 0;

	if (S_ISBLK(e->st.st_mode) || (S_ISCHR(e->st.st_mode) && !whiteout))
		return fail(err, "%.200s is a device node", e->path);
	/* neither copied nor exported, and nothing below it is listed */
	if (e->deep) {
		fail(err,
		    "a folder is nested deeper than %d, or has a path longer "
		    "than %d bytes: %.200s",
		    WALK_DEPTH - 1, WALK_PATH, e->path);
		err->code = EOVERFLOW;
		return -1;
	}
	if (!S_ISSOCK(e->st.st_mode) && !(whiteout && *whole))
		return mend_time(e, err);
	return unlinkat(e->dirfd, e->name, 0) < 0
	    ? fail_errno(err, "delete %.200s", e->path)
	    : 0;
}

/* Remove the folder, or if it is to stay, what is in it. */
static int
empty_folder(int upper, const char *name, bool stays, struct error *err)
{
	struct stat st;

	if (fstatat(upper, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : fail_errno(err, "stat %s", name);
	if (!S_ISDIR(st.st_mode) && stays)
		return 0;
	if (file_remove_tree(upper, name, err) < 0)
		return -1;
	if (!stays)
		return 0;
	if (mkdirat(upper, name, 0700) < 0 ||
	    fchownat(upper, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) <
		0 ||
	    fchmodat(upper, name, st.st_mode & 07777, 0) < 0)
		return fail_errno(err, "create %s", name);
	return 0;
}

/* What no later step should see: temporary files, sockets. */
static int
scrub(int upper, bool whole, struct error *err)
{
	if (empty_folder(upper, "tmp", whole, err) < 0 ||
	    empty_folder(upper, "run", whole, err) < 0)
		return -1;
	return walk(upper, scrub_one, &whole, err);
}

void
layer_ok(
    const struct chain *on, const struct image_facts *facts, char ok[LAYER_OK])
{
	char text[IMAGE_OK];

	image_ok(facts, text);
	snprintf(ok, LAYER_OK, "stage=%s\nbelow=%s\nchain=%s\n%s%s%s",
	    on->stage, on->below, on->digest, on->whole ? "whole=yes\n" : "",
	    on->rootful ? "rootful=yes\n" : "", text);
}

bool
layer_is_rootful(int ok)
{
	char value[OK_VALUE];

	return state_ok_value(ok, "rootful", value);
}

bool
layer_is_whole(int ok)
{
	char value[OK_VALUE];

	return state_ok_value(ok, "whole", value);
}

bool
layer_below(int ok, char digest[OK_VALUE])
{
	char below[OK_VALUE];

	if (state_ok_value(ok, "chain", digest))
		return true;
	/* the stage says it all */
	return state_ok_value(ok, "below", below) && strcmp(below, "-") == 0 &&
	    state_ok_value(ok, "stage", digest);
}

bool
layer_top(int ok, char digest[OK_VALUE])
{
	char below[OK_VALUE], own[OK_VALUE];
	struct blake2b b;

	if (!layer_below(ok, below) || !state_ok_value(ok, "digest", own))
		return false;
	blake2b_init(&b);
	blake2b_add(&b, below, strlen(below));
	blake2b_add(&b, own, strlen(own));
	blake2b_end(&b, digest);
	return true;
}

/* What an "ok" file says of what the layer was made on; chain: layer_below() */
struct made_on {
	char stage[OK_VALUE], below[OK_VALUE], chain[OK_VALUE];
};

static int
read_made_on(int ok, const char *key, struct made_on *m, struct error *err)
{
	if (state_ok_value(ok, "stage", m->stage) &&
	    state_ok_value(ok, "below", m->below) && layer_below(ok, m->chain))
		return 0;
	fail(err,
	    "layer %s: its \"ok\" file doesn't say what it was made on: remove "
	    "the layer, it is made again",
	    key);
	err->code = ENOENT;
	return -1;
}

/*
 * One layer down the chain from the open layer key, as long as it stands on
 * what it was made on, which m says then. Returns 1 with the layer below; 0 at
 * the stage.
 */
static int
step_down(struct state *s, const char *key, int ok, struct made_on *m,
    int *down, struct error *err)
{
	char got[OK_VALUE];

	*down = -1;
	if (read_made_on(ok, key, m, err) < 0)
		return -1;
	if (strcmp(m->below, "-") == 0) {
		if (strcmp(m->chain, m->stage) == 0 &&
		    state_has(s, IMAGE_STAGE, m->stage))
			return 0;
	} else {
		*down = state_look(s, IMAGE_LAYER, m->below, err);
		/* it may be about to be removed */
		if (*down < 0 && err->code != ENOENT &&
		    err->code != EWOULDBLOCK)
			return -1;
		if (*down >= 0 && layer_top(*down, got) &&
		    strcmp(got, m->chain) == 0)
			return 1;
	}
	fail(err, "layer %s was made on what isn't here any more", key);
	err->code = ENOENT;
	return -1;
}

/*
 * Is all that it was made on there, and what it was? That each is made on what
 * is below it is no matter of course: what has the same content can have been
 * made on another one.
 */
static int
check_chain(struct state *s, const char *key, int ok, struct error *err)
{
	struct made_on m = {.below = ""};
	int fd = ok, down, rc;
	char at[OK_VALUE];

	snprintf(at, sizeof(at), "%s", key);
	/* a digest of digests: this ends */
	do {
		rc = step_down(s, at, fd, &m, &down, err);
		if (fd != ok)
			close(fd);
		fd = down;
		memcpy(at, m.below, sizeof(at));
	} while (rc > 0);
	if (fd >= 0)
		close(fd);
	return rc;
}

int
layer_hold(struct state *s, const char *key, struct error *err)
{
	int ok = state_hold(s, IMAGE_LAYER, key, err);

	if (ok < 0 || check_chain(s, key, ok, err) == 0)
		return ok;
	close(ok);
	return -1;
}

int
layer_give_way(
    struct state *s, const char *key, const struct chain *on, struct error *err)
{
	struct error why;
	bool stays;
	int ok;

	ok = state_hold(s, IMAGE_LAYER, key, err);
	if (ok < 0)
		return 0;
	stays = layer_check(ok, key, on, &why) == 0 &&
	    (on->rootful || !layer_is_rootful(ok)) &&
	    (!on->whole || layer_is_whole(ok));
	close(ok);
	if (stays)
		return 1;
	err->code = 0;
	return stage_remove(s, key, err) < 0 && err->code != ENOENT ? -1 : 0;
}

/* run/new from its root/: its list and its "ok". */
static int
record(int run, const struct chain *on, struct error *err)
{
	struct image_facts facts;
	char ok[LAYER_OK];
	int folder, rc;

	folder = sys_open_beneath(run, "new", O_RDONLY | O_DIRECTORY);
	if (folder < 0)
		return fail_errno(err, "open new");
	rc = image_record(folder, &facts, err);
	if (rc == 0) {
		layer_ok(on, &facts, ok);
		rc = state_seal(folder, ok, err);
	}
	close(folder);
	return rc;
}

int
layer_make(int run, const struct chain *on, struct error *err)
{
	int upper, rc;

	upper = sys_open_beneath(run, "upper", O_RDONLY | O_DIRECTORY);
	if (upper < 0)
		return fail_errno(err, "open upper");
	rc = scrub(upper, on->whole, err);
	close(upper);
	if (rc < 0)
		return -1;
	if (mkdirat(run, "new", 0700) < 0 ||
	    renameat(run, "upper", run, "new/root") < 0)
		return fail_errno(err, "rename upper");
	return record(run, on, err);
}

int
layer_check(int ok, const char *key, const struct chain *on, struct error *err)
{
	struct made_on m;

	if (read_made_on(ok, key, &m, err) < 0)
		return -1;
	if (strcmp(m.stage, on->stage) != 0 || strcmp(m.below, on->below) != 0)
		return fail(err,
		    "layer %s was made on stage %s and layer %s, not on %s "
		    "and %s",
		    key, m.stage, m.below, on->stage, on->below);
	if (strcmp(m.chain, on->digest) != 0)
		return fail(err,
		    "layer %s was made on layer %s when that or one below it "
		    "had another content: remove it, it is made again",
		    key, m.below);
	return 0;
}
