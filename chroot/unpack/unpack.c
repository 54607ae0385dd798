/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/unpack/unpack.h"
#include "chroot/unpack/inflate.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/filters.h"
#include "base/show.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <linux/fs.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* libarchive has no limits of its own. */
#define MEMBERS_MAX 5000000
#define BYTES_MAX   (256ULL << 30)
#define PATH_LIMIT  4095
#define BLOCK       (1 << 16) /* that is read at once */
/* What unpacking leaves free on the file system. */
#define KEEP_FREE   (256ULL << 20)

struct job {
	struct archive *in, *out;
	struct inflate inflate;
	enum unpack_policy policy;
	struct unpack_count *count;
	uint64_t checked; /* bytes when free space was last looked at */
};

void
unpack_prepare(void)
{
	/* or names in UTF-8 can't be converted */
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		setlocale(LC_CTYPE, "C");
}

/* The error of a member, whose name may hold anything. */
static int
fail_member(struct error *err, const char *name, const char *why)
{
	struct arena a = {0};

	if (!name)
		name = "(no name)";
	fail(err, "member \"%s\": %s", show(&a, name, strnlen(name, 200)),
	    show(&a, why, strlen(why)));
	arena_release(&a);
	return -1;
}

static int
fail_archive(struct error *err, const char *name, struct archive *a)
{
	const char *why = archive_error_string(a);
	int code = archive_errno(a);

	fail_member(err, name, why ? why : "is damaged");
	/* other codes are libarchive's own */
	if (code == ENOSPC || code == EDQUOT)
		err->code = code;
	return -1;
}

/* Is one of the components of path ".."? */
static bool
has_dotdot(const char *path)
{
	size_t n;

	for (; *path; path += n + (path[n] == '/')) {
		n = strcspn(path, "/");
		if (n == 2 && path[0] == '.' && path[1] == '.')
			return true;
	}
	return false;
}

/*
 * How deep is path below the root, seen from depth? -1 when it climbs above
 * it on the way.
 */
static int
depth_of(const char *path, int depth)
{
	size_t n;

	for (; *path && depth >= 0; path += n + (path[n] == '/')) {
		n = strcspn(path, "/");
		if (n == 0 || (n == 1 && path[0] == '.'))
			continue;
		depth += n == 2 && path[0] == '.' && path[1] == '.' ? -1 : 1;
	}
	return depth;
}

/* Which rule of UNPACK_CONF does the entry break? NULL if none. */
static const char *
conf_refuses(struct archive_entry *e, const char *name)
{
	const char *link = archive_entry_symlink(e);
	mode_t type = archive_entry_filetype(e);

	if (name[0] == '/')
		return "is absolute; names must start with etc/";
	if (strncmp(name, "etc/", 4) != 0 && strcmp(name, "etc") != 0)
		return "is not below etc/";
	if (archive_entry_hardlink(e))
		return "is a hard link; use a file or a symbolic link";
	if (type != AE_IFDIR && type != AE_IFREG && type != AE_IFLNK)
		return "is neither file, folder nor symbolic link";
	if (strcmp(name, "etc") == 0 && type != AE_IFDIR)
		return "would replace /etc";
	/* the link itself is one of the components of its name */
	if (type == AE_IFLNK && link && link[0] != '/' &&
	    depth_of(link, depth_of(name, 0) - 1) < 0)
		return "is a link that leaves the root";
	return NULL;
}

/* Which rule of UNPACK_LAYER does the entry break? */
static const char *
layer_refuses(struct archive_entry *e, const char *name)
{
	const char *link = archive_entry_hardlink(e);
	mode_t type = archive_entry_filetype(e);

	if (link && strncmp(link, "root/", 5) != 0)
		return "is a hard link to what is not below root/";
	if (strcmp(name, "ok") == 0)
		return type == AE_IFREG && !link ? NULL : "is no file";
	if (strcmp(name, "root/") == 0 || strcmp(name, "root") == 0)
		return type == AE_IFDIR ? NULL : "is no folder";
	if (strncmp(name, "root/", 5) != 0)
		return "is neither \"ok\" nor below root/";
	return NULL;
}

/* Which rule about owners does it? */
static const char *
owner_refuses(struct archive_entry *e)
{
	int64_t uid = archive_entry_uid(e), gid = archive_entry_gid(e);

	if (uid < 0 || uid > UNPACK_OWNER_MAX)
		return "its owner's id is above 65535, which no jail has: "
		       "make the archive with other owners";
	if (gid < 0 || gid > UNPACK_OWNER_MAX)
		return "its group's id is above 65535, which no jail has: "
		       "make the archive with other groups";
	return NULL;
}

/* Which rule that holds for every archive does the entry break? */
static const char *
any_refuses(struct archive_entry *e, const char *name)
{
	const char *link = archive_entry_hardlink(e);

	if (!name || name[0] == '\0')
		return "has no name that can be read";
	if (strlen(name) > PATH_LIMIT)
		return "has too long a name";
	if (has_dotdot(name))
		return "has \"..\" in its name";
	if (link && has_dotdot(link))
		return "is a hard link with \"..\" in its target";
	return NULL;
}

/* May a stage's file have this extended attribute? */
static bool
keep_xattr(const char *name)
{
	if (strcmp(name, "security.capability") == 0)
		return true;
	return strncmp(name, "user.", 5) == 0 &&
	    strncmp(name, "user.overlay.", 13) != 0;
}

/*
 * The name that an attribute is kept under, or NULL. What overlayfs is to see
 * goes under another name, which only its carrier may give.
 */
static const char *
kept_xattr(enum unpack_policy policy, struct arena *a, const char *name)
{
	static const char overlay[] = "trusted.overlay.";

	if (strncmp(name, UNPACK_CARRIED, strlen(UNPACK_CARRIED)) == 0)
		return NULL;
	if (keep_xattr(name))
		return arena_strdup(a, name);
	if (policy == UNPACK_LAYER && strncmp(name, overlay, 16) == 0)
		return arena_printf(a, UNPACK_CARRIED "%s", name + 16);
	return NULL;
}

static void
filter_xattrs(struct archive_entry *e, enum unpack_policy policy)
{
	struct {
		const char *name;
		void *value;
		size_t size;
	} * keep;
	struct arena a = {0};
	const char *name;
	const void *value;
	size_t size, i, n = 0;
	int all = archive_entry_xattr_reset(e);

	if (all == 0)
		return;
	keep = arena_alloc(&a, (size_t)all, sizeof(*keep));
	while (
	    archive_entry_xattr_next(e, &name, &value, &size) == ARCHIVE_OK) {
		keep[n].name = name ? kept_xattr(policy, &a, name) : NULL;
		if (!keep[n].name)
			continue;
		keep[n].value = arena_alloc(&a, size + 1, 1);
		if (size > 0)
			memcpy(keep[n].value, value, size);
		keep[n++].size = size;
	}
	archive_entry_xattr_clear(e);
	for (i = 0; i < n; i++)
		archive_entry_xattr_add_entry(
		    e, keep[i].name, keep[i].value, keep[i].size);
	arena_release(&a);
}

static void
filter_flags(struct archive_entry *e)
{
	unsigned long set, clear;

	archive_entry_fflags(e, &set, &clear);
	set &= ~(unsigned long)(FS_IMMUTABLE_FL | FS_APPEND_FL);
	archive_entry_set_fflags(e, set, 0);
}

static void
filter_conf(struct archive_entry *e)
{
	archive_entry_set_uid(e, 0);
	archive_entry_set_gid(e, 0);
	archive_entry_set_perm(e, archive_entry_perm(e) & 0777);
	archive_entry_xattr_clear(e);
	archive_entry_acl_clear(e);
	archive_entry_set_fflags(e, 0, 0);
}

/* Before the data that make the file system fuller than is good. */
static int
check_space(struct job *j, size_t n, struct error *err)
{
	struct statvfs vfs;

	j->count->bytes += n;
	if (j->count->bytes > BYTES_MAX)
		return fail(err, "unpacks to more than %llu GiB",
		    (unsigned long long)(BYTES_MAX >> 30));
	if (j->count->bytes - j->checked < KEEP_FREE / 4)
		return 0;
	j->checked = j->count->bytes;
	if (statvfs("/", &vfs) == 0 &&
	    (uint64_t)vfs.f_bavail * vfs.f_frsize < KEEP_FREE)
		return fail(err,
		    "the disk of the state folder is full: remove "
		    "stages or layers that aren't needed");
	return 0;
}

/* Why can't the archive be read on? */
static const char *
why_unread(struct job *j)
{
	const char *why = archive_error_string(j->in);

	if (inflate_failed(&j->inflate))
		return j->inflate.why;
	return why ? why : "is damaged";
}

/* Why not at all? */
static const char *
why_unopened(struct job *j)
{
	/* libarchive's number for what it doesn't know */
	bool unknown = archive_errno(j->in) == EILSEQ;

	if (!inflate_failed(&j->inflate) && unknown)
		return "is no tar archive, or compressed otherwise than "
		       "with " FILTERS_NAMES;
	return why_unread(j);
}

static int
copy_data(struct job *j, const char *name, struct error *err)
{
	const void *block;
	size_t size;
	int64_t offset;
	int rc;

	while ((rc = archive_read_data_block(j->in, &block, &size, &offset)) ==
	    ARCHIVE_OK) {
		if (check_space(j, size, err) < 0)
			return -1;
		if (archive_write_data_block(j->out, block, size, offset) < 0)
			return fail_archive(err, name, j->out);
	}
	if (rc != ARCHIVE_EOF)
		return fail_member(err, name, why_unread(j));
	return 0;
}

/* libarchive did it, but not everything of it. */
static void
note_warning(struct job *j, const char *name)
{
	struct error e;

	if (j->count->warnings++ == 0) {
		fail_archive(&e, name, j->out);
		snprintf(j->count->warning, sizeof(j->count->warning), "%.255s",
		    e.msg);
	}
}

/*
 * Before 1970 the fraction of a second counts back from the whole ones, but
 * libarchive gives it as it is written. Within the second before 1970 it loses
 * the sign.
 */
static void
mend_time(struct archive_entry *e)
{
	time_t s = archive_entry_mtime(e);
	long ns = archive_entry_mtime_nsec(e);

	if (s < 0 && ns > 0)
		archive_entry_set_mtime(e, s - 1, 1000000000 - ns);
}

static int
write_member(
    struct job *j, struct archive_entry *e, const char *name, struct error *err)
{
	int rc;

	mend_time(e);
	rc = archive_write_header(j->out, e);
	if (rc < ARCHIVE_WARN)
		return fail_archive(err, name, j->out);
	if (rc == ARCHIVE_WARN)
		note_warning(j, name);
	if (archive_entry_size(e) > 0 && copy_data(j, name, err) < 0)
		return -1;
	rc = archive_write_finish_entry(j->out);
	if (rc < ARCHIVE_WARN)
		return fail_archive(err, name, j->out);
	if (rc == ARCHIVE_WARN)
		note_warning(j, name);
	return 0;
}

/* A device or socket, but for a layer's whiteouts. */
static bool
is_left_out(const struct job *j, struct archive_entry *e)
{
	mode_t type = archive_entry_filetype(e);

	if (archive_entry_hardlink(e))
		return false;
	if (j->policy == UNPACK_LAYER && type == AE_IFCHR &&
	    archive_entry_rdevmajor(e) == 0 && archive_entry_rdevminor(e) == 0)
		return false;
	return type == AE_IFCHR || type == AE_IFBLK || type == AE_IFSOCK;
}

/* One member: refused, left out, or written as the policy has it. */
static int
take_member(struct job *j, struct archive_entry *e, struct error *err)
{
	const char *name = archive_entry_pathname(e), *why;

	if (++j->count->members > MEMBERS_MAX)
		return fail(err, "has more than %d members", MEMBERS_MAX);
	why = any_refuses(e, name);
	if (why)
		return fail_member(err, name, why);
	while (name[0] == '.' && name[1] == '/')
		name += 2 + strspn(name + 2, "/");
	if (j->policy == UNPACK_CONF) {
		if (name[0] == '\0' || strcmp(name, ".") == 0)
			return 0;
		why = conf_refuses(e, name);
		if (why)
			return fail_member(err, name, why);
		filter_conf(e);
		return write_member(j, e, name, err);
	}
	if (j->policy == UNPACK_LAYER) {
		why = layer_refuses(e, name);
		if (why)
			return fail_member(err, name, why);
	}
	why = owner_refuses(e);
	if (why)
		return fail_member(err, name, why);
	if (is_left_out(j, e)) {
		j->count->left_out++;
		return 0;
	}
	filter_xattrs(e, j->policy);
	filter_flags(e);
	return write_member(j, e, name, err);
}

static int
open_both(struct job *j, int fd, struct error *err)
{
	int flags = ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME;

	j->in = archive_read_new();
	j->out = archive_write_disk_new();
	if (!j->in || !j->out)
		return fail(err, "out of memory");
	archive_read_support_format_tar(j->in);
	archive_read_support_format_gnutar(j->in);
	filters_allow(j->in);
	j->inflate.data = fd;
	/* a portconf is small, and processes for it count as the job's */
	if (j->policy != UNPACK_CONF) {
		inflate_begin(&j->inflate, fd);
		flags |= ARCHIVE_EXTRACT_OWNER | ARCHIVE_EXTRACT_ACL |
		    ARCHIVE_EXTRACT_XATTR | ARCHIVE_EXTRACT_FFLAGS;
	}
	if (j->policy != UNPACK_STAGE)
		flags |= ARCHIVE_EXTRACT_OWNER |
		    ARCHIVE_EXTRACT_SECURE_SYMLINKS |
		    ARCHIVE_EXTRACT_SECURE_NODOTDOT;
	archive_write_disk_set_options(j->out, flags);
	if (archive_read_open_fd(j->in, j->inflate.data, BLOCK) != ARCHIVE_OK)
		return fail(err, "%s", why_unopened(j));
	return 0;
}

int
unpack(int fd, enum unpack_policy policy, struct unpack_count *count,
    struct error *err)
{
	struct job j = {.policy = policy,
	    .count = count,
	    .inflate = {.data = -1, .errors = -1}};
	struct archive_entry *e;
	int n, rc = -1;

	*count = (struct unpack_count){0};
	if (open_both(&j, fd, err) < 0)
		goto out;
	while ((n = archive_read_next_header(j.in, &e)) != ARCHIVE_EOF) {
		if (n < ARCHIVE_WARN) {
			fail(err, "after %llu members: %s",
			    (unsigned long long)count->members, why_unread(&j));
			goto out;
		}
		if (take_member(&j, e, err) < 0)
			goto out;
	}
	if (inflate_failed(&j.inflate)) {
		fail(err, "after %llu members: %s",
		    (unsigned long long)count->members, j.inflate.why);
		goto out;
	}
	/* what is no archive at all is read as one of no members */
	if (count->members == 0) {
		fail(err, "is no tar archive, or an empty one");
		goto out;
	}
	if (archive_write_close(j.out) < ARCHIVE_WARN) {
		fail_archive(err, "last", j.out);
		goto out;
	}
	rc = 0;
out:
	if (j.in)
		archive_read_free(j.in);
	if (j.out)
		archive_write_free(j.out);
	inflate_end(&j.inflate);
	return rc;
}
