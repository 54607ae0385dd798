/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tarball's bytes are read by the unpacker alone, with no more rights
 * than for a stage; it can't set overlayfs's marks, which are root's. It
 * leaves them as attributes of another name, and here, where there is a tree
 * instead of bytes, they are checked and set.
 */
#include "chroot/store/share.h"
#include "chroot/store/room.h"
#include "chroot/store/content.h"
#include "chroot/sys/id.h"
#include "chroot/sys/ids.h"
#include "chroot/store/image.h"
#include "chroot/store/layer.h"
#include "chroot/store/import.h"
#include "chroot/store/stage.h"
#include "chroot/sys/sys.h"
#include "chroot/store/tar.h"
#include "chroot/sys/unpacker.h"
#include "chroot/sys/walk.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define FORMATS "autotua-layer-" /* and a number */
#define FORMAT  FORMATS "3"

/* What "ok" in the tarball says. */
struct label {
	char format[OK_VALUE], key[OK_VALUE], stage[OK_VALUE];
	char below[OK_VALUE], chain[OK_VALUE], digest[OK_VALUE];
	bool whole;
};

/* ---- export -------------------------------------------------------------- */

static int
write_tar(int fd, int root, const struct content *c, const struct label *l,
    struct error *err)
{
	char ok[512];
	struct tar t;
	int n, rc = -1;

	n = snprintf(ok, sizeof(ok),
	    "format=" FORMAT "\nkey=%s\nstage=%s\nbelow=%s\n"
	    "chain=%s\ndigest=%s\n%s",
	    l->key, l->stage, l->below, l->chain, l->digest,
	    l->whole ? "whole=yes\n" : "");
	tar_init(&t, fd);
	if (tar_add_text(&t, "ok", ok, (size_t)n, err) == 0 &&
	    tar_add_tree(&t, "root", root, c, err) == 0)
		rc = tar_end(&t, err);
	tar_release(&t);
	return rc;
}

static int
export_root(int fd, int root, const struct label *l, struct error *err)
{
	struct content c = {.n = 0};
	char digest[KEY_HEX];
	struct buf text;
	int rc = -1;

	buf_init(&text, CONTENT_TEXT_MAX);
	if (content_read(root, true, &c, err) < 0)
		goto out;
	if (content_text(&c, &text, err) < 0)
		goto out;
	content_digest(&text, digest);
	if (strcmp(digest, l->digest) == 0)
		rc = write_tar(fd, root, &c, l, err);
	else
		fail(err,
		    "is not as it was made: \"autotua-chroot verify\" says "
		    "what differs");
out:
	buf_release(&text);
	arena_release(&c.arena);
	return rc;
}

static int
read_label(int ok, struct label *l, struct error *err)
{
	char whole[OK_VALUE];

	l->whole = state_ok_value(ok, "whole", whole);
	if (!state_ok_value(ok, "stage", l->stage) ||
	    !state_ok_value(ok, "below", l->below) ||
	    !layer_below(ok, l->chain) ||
	    !state_ok_value(ok, "digest", l->digest))
		return fail(
		    err, "its \"ok\" file lacks stage, below, chain or digest");
	return 0;
}

/*
 * In an ordinary user's store overlayfs's marks are attributes that a job can
 * set: they must not become root's.
 */
static int
refuse_users(struct error *err)
{
	return ids_is_users() ? fail(err,
				    "layers go from one root's store to "
				    "another's only, not to or from a user's")
			      : 0;
}

int
share_export(struct state *s, const char *key, int fd, char digest[KEY_HEX],
    struct error *err)
{
	int ok = layer_hold(s, key, err), root = -1, rc = -1;
	struct label l = {.format = FORMAT};
	char path[80];

	if (ok < 0)
		return -1;
	if (refuse_users(err) < 0) {
		close(ok);
		return -1;
	}
	snprintf(l.key, sizeof(l.key), "%s", key);
	if (layer_is_rootful(ok)) {
		fail(err,
		    "was made by a job whose root was this machine's: it "
		    "stays here");
		goto out;
	}
	if (read_label(ok, &l, err) < 0)
		goto out;
	snprintf(path, sizeof(path), "%s/root", key);
	root = sys_open_beneath(
	    s->images[IMAGE_LAYER], path, O_RDONLY | O_DIRECTORY);
	if (root < 0) {
		fail_errno(err, "open its root");
		goto out;
	}
	rc = export_root(fd, root, &l, err);
	memcpy(digest, l.digest, KEY_HEX);
out:
	if (root >= 0)
		close(root);
	close(ok);
	return rc < 0 ? fail_in(err, "layer %s", key) : 0;
}

/* ---- import: overlayfs's marks ------------------------------------------- */

static bool
is_opaque(const char *value)
{
	return strcmp(value, "y") == 0;
}

/* A name, or a path from the top: where the folder was in the chain below. */
static bool
is_redirect(const char *value)
{
	const char *p = value + (value[0] == '/');
	size_t n;

	if (value[0] != '/' && strchr(value, '/'))
		return false;
	for (;; p += n + 1) {
		n = strcspn(p, "/");
		if (n == 0 || n > NAME_MAX || (n == 1 && p[0] == '.') ||
		    (n == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		if (p[n] == '\0')
			return true;
	}
}

static const struct {
	const char *carried, *real;
	bool (*valid)(const char *value);
} marks[] = {{UNPACK_CARRIED "opaque", "trusted.overlay.opaque", is_opaque},
    {UNPACK_CARRIED "redirect", "trusted.overlay.redirect", is_redirect}};

static int
set_mark(int fd, size_t i, struct error *err)
{
	char value[PATH_MAX];
	ssize_t n = fgetxattr(fd, marks[i].carried, value, sizeof(value) - 1);

	if (n < 0 && (errno == ENODATA || errno == ENOTSUP))
		return 0;
	if (n < 0)
		return fail_errno(err, "read its mark");
	value[n] = '\0';
	if (strlen(value) != (size_t)n || !marks[i].valid(value))
		return fail(
		    err, "%s has a value that means nothing", marks[i].real);
	if (fsetxattr(fd, marks[i].real, value, (size_t)n, 0) < 0 ||
	    fremovexattr(fd, marks[i].carried) < 0)
		return fail_errno(err, "set %s", marks[i].real);
	return 0;
}

/* Only folders have marks; those of anything else mean nothing and stay. */
static int
set_marks(void *ctx, const struct walk_entry *e, struct error *err)
{
	size_t i;
	int fd, rc = 0;

	(void)ctx;
	if (!S_ISDIR(e->st.st_mode))
		return 0;
	fd = openat(
	    e->dirfd, e->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(err, "%.200s", e->path);
	for (i = 0; i < sizeof(marks) / sizeof(*marks) && rc == 0; i++)
		rc = set_mark(fd, i, err);
	close(fd);
	return rc < 0 ? fail_in(err, "%.200s", e->path) : 0;
}

/* ---- import -------------------------------------------------------------- */

/* "ok" of the tarball, and away with it: ours will be another one. */
static int
take_label(int folder, struct label *l, struct error *err)
{
	bool whole = false;
	struct stat st;
	int fd;

	fd = sys_open_beneath(folder, "ok", O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return fail_errno(err, "is no layer: its file \"ok\"");
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    state_ok_value(fd, "format", l->format))
		whole = state_ok_value(fd, "key", l->key) &&
		    read_label(fd, l, err) == 0;
	close(fd);
	if (strcmp(l->format, FORMAT) != 0 &&
	    strncmp(l->format, FORMATS, strlen(FORMATS)) == 0)
		return fail(err,
		    "is a layer that was exported by another version of "
		    "autotua-chroot: export it again");
	if (!whole || strcmp(l->format, FORMAT) != 0)
		return fail(err,
		    "is no layer that was exported by "
		    "\"autotua-chroot export\"");
	if (!id_is_key(l->key) || !id_is_key(l->stage) ||
	    !id_is_key(l->digest) || !id_is_key(l->chain) ||
	    (strcmp(l->below, "-") != 0 && !id_is_key(l->below)))
		return fail(err, "its file \"ok\" names what is no key");
	if (unlinkat(folder, "ok", 0) < 0)
		return fail_errno(err, "remove \"ok\"");
	return 0;
}

/* Is what it was made on here? Held until the layer is, see below. */
static int
hold_chain(struct state *s, const struct label *l, int held[2], bool *missing,
    struct error *err)
{
	char stage[OK_VALUE], digest[OK_VALUE];

	held[0] = state_hold(s, IMAGE_STAGE, l->stage, err);
	*missing = held[0] < 0 && err->code == ENOENT;
	if (held[0] < 0)
		return fail_in(err, "import the stage first");
	if (strcmp(l->below, "-") == 0)
		return strcmp(l->chain, l->stage) == 0
		    ? 0
		    : fail(err, "says that it stands on more than its stage");
	held[1] = layer_hold(s, l->below, err);
	*missing = held[1] < 0 && err->code == ENOENT;
	if (held[1] < 0)
		return fail_in(err, "import the layer below first");
	if (!state_ok_value(held[1], "stage", stage) ||
	    strcmp(stage, l->stage) != 0)
		return fail(err,
		    "the layer below it, %s, stands on stage %s here, not on "
		    "%s",
		    l->below, stage, l->stage);
	if (!layer_top(held[1], digest) || strcmp(digest, l->chain) != 0) {
		*missing = true;
		return fail(err,
		    "the layer below it, %s, or one below that has another "
		    "content here than it was made on: remove that one and "
		    "import the other first",
		    l->below);
	}
	return 0;
}

static int
unpack_layer(struct state *s, int tarball, int folder, struct error *err)
{
	struct unpack_count count = {0};

	if (import_unpack(s, tarball, folder, UNPACK_LAYER, &count, err) < 0)
		return -1;
	/* nothing may be missing: the digest would say it less clearly */
	if (count.warnings > 0)
		return fail(err, "%.255s", count.warning);
	return 0;
}

static struct chain
chain_of(const struct label *l)
{
	return (struct chain){l->stage, l->below, l->chain, l->whole, false};
}

/* The tree as it must be, sealed. */
static int
finish_root(
    int folder, const struct label *l, const char *digest, struct error *err)
{
	struct chain on = chain_of(l);
	struct image_facts facts;
	char ok[LAYER_OK];
	int root, rc;

	root = sys_open_beneath(folder, "root", O_RDONLY | O_DIRECTORY);
	if (root < 0)
		return fail_errno(err, "is no layer: its folder \"root\"");
	rc = walk(root, set_marks, NULL, err);
	close(root);
	if (rc < 0 || image_record(folder, &facts, err) < 0)
		return -1;
	if (strcmp(facts.digest, l->digest) != 0)
		return fail(err,
		    "its content has the digest %s, but it says %s: it is "
		    "damaged",
		    facts.digest, l->digest);
	if (digest && strcmp(facts.digest, digest) != 0)
		return fail(err, "its content has the digest %s, not %s",
		    facts.digest, digest);
	layer_ok(&on, &facts, ok);
	return state_seal(folder, ok, err);
}

/* All of it in the run's folder run; key is what became of it. */
static int
import_into(struct state *s, int run, int fd, const char *digest,
    char key[KEY_HEX], bool *missing, struct error *err)
{
	int folder, held[2] = {-1, -1}, rc = -1, i;
	struct label l = {.format = ""};
	struct chain on;

	if (mkdirat(run, "new", 0700) < 0)
		return fail_errno(err, "create new");
	folder = sys_open_beneath(run, "new", O_RDONLY | O_DIRECTORY);
	if (folder < 0)
		return fail_errno(err, "open new");
	if (unpack_layer(s, fd, folder, err) == 0 &&
	    take_label(folder, &l, err) == 0 &&
	    hold_chain(s, &l, held, missing, err) == 0 &&
	    finish_root(folder, &l, digest, err) == 0) {
		memcpy(key, l.key, KEY_HEX);
		on = chain_of(&l);
		rc = layer_give_way(s, key, &on, err);
		if (rc == 0)
			rc =
			    state_publish(s, IMAGE_LAYER, key, run, "new", err);
	}
	for (i = 0; i < 2; i++) {
		if (held[i] >= 0)
			close(held[i]);
	}
	close(folder);
	return rc;
}

int
share_import(struct state *s, int fd, const char *digest, char key[KEY_HEX],
    bool *missing, struct error *err)
{
	struct error none;
	char run[32];
	int folder, rc;

	*missing = false;
	if (refuse_users(err) < 0)
		return -1;
	snprintf(run, sizeof(run), "import-%ld", (long)getpid());
	folder = import_folder(s, run, err);
	if (folder < 0)
		return -1;
	rc = import_into(s, folder, fd, digest, key, missing, err);
	room_forget(s);
	(void)state_end_run(s, run, &none);
	close(folder);
	return rc;
}
