/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An import fills a folder under run/, as a run does, so that recovery knows
 * it too. The archive is read by a program of its own, see unpacker.h; the
 * digest of its bytes, which is the stage's id, is made meanwhile. When that
 * is an id that is there, what was unpacked so far was for nothing: it's
 * rare that a stage is imported twice.
 */
#include "chroot/store/import.h"
#include "chroot/store/room.h"
#include "chroot/store/content.h"
#include "chroot/sys/ids.h"
#include "chroot/store/image.h"
#include "chroot/store/stage.h"
#include "chroot/sys/sys.h"
#include "chroot/store/tar.h"
#include "chroot/sys/unpacker.h"
#include "base/arena.h"
#include "base/blake2b.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static void
tell_left_out(const struct unpack_count *count)
{
	if (count->left_out > 0)
		log_info("left out %" PRIu64 " device nodes and sockets",
		    count->left_out);
	if (count->warnings > 0)
		log_warn("%" PRIu64 " members could not be kept as stored, "
			 "the first: %s",
		    count->warnings, count->warning);
}

/* What an unpacking process is given and has until its end. */
struct filling {
	struct unpacker u;
	struct ids ids;
	int mapped; /* the folder as the user namespace sees it, or -1 */
};

/*
 * Unpack as root of a user namespace: whatever the archive makes the unpacker
 * do, it has no powers over this machine. Where there is none, and only if that
 * is allowed, it is root of this machine without most powers, in a chroot.
 */
static int
begin_filling(struct filling *f, struct state *s, int tarball, int root,
    enum unpack_policy policy, struct error *err)
{
	f->mapped = -1;
	if (ids_take(&f->ids, s->fd, s->users, err) == 0) {
		if (fchown(root, ids_root(&f->ids), ids_root(&f->ids)) < 0)
			return fail_errno(err, "chown root");
		f->mapped = ids_mount(root, f->ids.mapped ? f->ids.userns : -1,
		    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, err);
	}
	if (f->mapped >= 0)
		return unpacker_start(
		    &f->u, tarball, f->mapped, f->ids.userns, policy, err);
	if (!s->allow_rootful)
		return fail_in(err,
		    "an archive can only be read as this machine's root here: "
		    "see \"autotua-chroot doctor\", or allow it "
		    "(--allow-rootful)");
	log_warn("the archive is read as this machine's root: %s", err->msg);
	return unpacker_start(&f->u, tarball, root, -1, policy, err);
}

static void
end_filling(struct filling *f)
{
	if (f->mapped >= 0)
		close(f->mapped);
	ids_release(&f->ids);
}

int
import_unpack(struct state *s, int tarball, int root, enum unpack_policy policy,
    struct unpack_count *count, struct error *err)
{
	struct filling f;
	int rc = begin_filling(&f, s, tarball, root, policy, err);

	if (rc == 0)
		rc = unpacker_end(&f.u, count, err);
	end_filling(&f);
	return rc;
}

/* The digest of all bytes of the file. */
static int
digest_tarball(int fd, char id[KEY_HEX], struct error *err)
{
	unsigned char data[1 << 17];
	struct blake2b b;
	off_t at = 0;
	ssize_t n;

	blake2b_init(&b);
	while ((n = pread(fd, data, sizeof(data), at)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_errno(err, "read");
		blake2b_add(&b, data, (size_t)n);
		at += n;
	}
	blake2b_end(&b, id);
	return 0;
}

struct source_file {
	int fd;
	const struct stat *was; /* before it was read */
	const char *want;       /* NULL, or the digest that it must have */
};

/* The id of the tarball: 1 when there is such a stage, and 0 if not. */
static int
identify(struct state *s, const struct source_file *f, char id[KEY_HEX],
    struct error *err)
{
	int held;

	if (digest_tarball(f->fd, id, err) < 0)
		return -1;
	if (f->want && strcmp(id, f->want) != 0)
		return fail(
		    err, "the tarball's digest is %s, not %s", id, f->want);
	err->code = 0;
	held = state_hold(s, IMAGE_STAGE, id, err);
	if (held >= 0)
		close(held);
	return held >= 0 ? 1 : err->code == ENOENT ? 0 : -1;
}

/* Fill root and find out the id; 1 when there is such a stage already. */
static int
fill_root(struct state *s, int root, const struct source_file *f,
    char id[KEY_HEX], struct error *err)
{
	struct unpack_count count = {0};
	struct filling filling;
	int rc;

	if (lseek(f->fd, 0, SEEK_SET) < 0)
		return fail_errno(err, "seek");
	rc = begin_filling(&filling, s, f->fd, root, UNPACK_STAGE, err);
	if (rc == 0) {
		rc = identify(s, f, id, err);
		if (rc != 0)
			unpacker_stop(&filling.u);
		else if ((rc = unpacker_end(&filling.u, &count, err)) == 0)
			tell_left_out(&count);
	}
	end_filling(&filling);
	return rc;
}

/*
 * Make new from the tarball, below run, and seal it; 1 when that stage is
 * there already.
 */
static int
fill(struct state *s, int run, const struct source_file *f, char id[KEY_HEX],
    struct error *err)
{
	struct image_facts facts;
	char ok[IMAGE_OK];
	int folder, root = -1, rc = -1;

	if (mkdirat(run, "new", 0700) < 0 || mkdirat(run, "new/root", 0755) < 0)
		return fail_errno(err, "create root");
	folder = sys_open_beneath(run, "new", O_RDONLY | O_DIRECTORY);
	if (folder >= 0)
		root = sys_open_beneath(folder, "root", O_RDONLY | O_DIRECTORY);
	if (root < 0) {
		fail_errno(err, "open root");
		goto out;
	}
	rc = fill_root(s, root, f, id, err);
	if (rc == 0)
		rc = image_record(folder, &facts, err);
	if (rc == 0) {
		image_ok(&facts, ok);
		rc = state_seal(folder, ok, err);
	}
out:
	if (root >= 0)
		close(root);
	if (folder >= 0)
		close(folder);
	return rc;
}

/* Is the file at fd still as it was, or was the digest that of other bytes? */
static bool
is_same(int fd, const struct stat *a)
{
	struct stat b;

	return fstat(fd, &b) == 0 && file_is_same(a, &b);
}

int
import_folder(struct state *s, const char *name, struct error *err)
{
	int fd = -1;

	if (state_lock(s, LOCK_SH, err) == 0)
		fd = state_new_run(s, name, err);
	flock(s->fd, LOCK_UN);
	return fd;
}

/* The stage of the tarball, made if it isn't there. */
static int
make_stage(struct state *s, const struct source_file *f, char id[KEY_HEX],
    struct error *err)
{
	char run[32];
	int fd, rc;

	snprintf(run, sizeof(run), "import-%ld", (long)getpid());
	fd = import_folder(s, run, err);
	if (fd < 0)
		return -1;
	rc = fill(s, fd, f, id, err);
	if (rc == 0 && !is_same(f->fd, f->was))
		rc = fail(err, "changed while it was read; import it again");
	if (rc == 0)
		rc = state_publish(s, IMAGE_STAGE, id, fd, "new", err);
	room_forget(s);
	if (rc < 0)
		(void)state_end_run(s, run, &(struct error){0});
	else if (state_end_run(s, run, err) < 0)
		rc = -1;
	close(fd);
	return rc < 0 ? -1 : 0;
}

/* The folder as a tarball in a file without a name: always the same bytes. */
static int
pack_folder(struct state *s, int folder, struct error *err)
{
	struct content c = {.n = 0};
	struct tar t;
	int fd, rc = -1;

	fd = openat(s->run, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail_errno(err, "create a tarball of it");
	tar_init(&t, fd);
	if (content_read(folder, false, &c, err) == 0 &&
	    tar_add_tree(&t, "", folder, &c, err) == 0)
		rc = tar_end(&t, err);
	tar_release(&t);
	arena_release(&c.arena);
	if (rc == 0)
		return fd;
	close(fd);
	return -1;
}

int
import_stage_fd(struct state *s, int fd, const char *name, const char *want,
    char id[KEY_HEX], struct error *err)
{
	struct stat st;
	struct source_file f = {fd, &st, want};
	int packed = -1, rc;

	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		f.fd = packed = pack_folder(s, fd, err);
		if (packed < 0)
			return -1;
	}
	if (fstat(f.fd, &st) < 0 || !S_ISREG(st.st_mode))
		rc = fail(err, "is neither a file nor a folder");
	else
		rc = make_stage(s, &f, id, err);
	if (packed >= 0)
		close(packed);
	return rc < 0 || !name ? rc : stage_set_name(s, id, name, err);
}

int
import_stage(struct state *s, const char *path, const char *name,
    char id[KEY_HEX], struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return fail_errno(err, "open %s", path);
	rc = import_stage_fd(s, fd, name, NULL, id, err);
	close(fd);
	return rc < 0 ? fail_in(err, "%s", path) : 0;
}
