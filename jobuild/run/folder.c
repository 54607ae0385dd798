/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/folder.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HELPER_MAX  (1 << 20)
#define RECORDS_MAX (RECIPE_FILE_MAX * 16)
#define NAME_BYTES  64

const char *const folder_helpers[HELPERS] = {"jobuild.sh", "helpers.sh"};

/* Set for every phase; no parameter may change them. */
static const char *const ours[] = {"P", "PN", "PV", "JOBUSER", "FILESDIR", "A",
    "DISTDIR", "WORKDIR", "S", "T", "ARTIFACTS", "ARCH", "JOBS", "JOB_ID",
    "HOME", "PHASE", NULL};

/* What the format gives a meaning; a recipe's own business. */
static const char *const metadata_names[] = {"EXTENDS", "DESCRIPTION",
    "HOMEPAGE", "SRC_URI", "PORTCONF_URI", "DEPEND", "SIDEPEND", "STAGE",
    "REQUIRES", "PROPERTIES", "LOCKS", "RESOURCES", "BLOCKS", NULL};

/* Names, or beginnings of names ("LC_*"), that bash or the loader act on. */
static const char *const special[] = {"PATH", "IFS", "ENV", "CDPATH", "OPTIND",
    "OPTARG", "OPTERR", "GLOBIGNORE", "TERM", "SHELL", "PWD", "OLDPWD", "UID",
    "EUID", "PPID", "RANDOM", "SECONDS", "LINENO", "REPLY", "FUNCNAME",
    "FUNCNEST", "GROUPS", "DIRSTACK", "HOSTNAME", "HOSTTYPE", "MACHTYPE",
    "OSTYPE", "PIPESTATUS", "SHLVL", "SRANDOM", "EXECIGNORE", "FIGNORE", "LANG",
    "TMOUT", "TIMEFORMAT", "POSIXLY_CORRECT", "MAPFILE", "COPROC", "CHILD_MAX",
    "COLUMNS", "LINES", "IGNOREEOF", "INPUTRC", "BASH*", "LC_*", "LD_*", "PS0",
    "PS1", "PS2", "PS3", "PS4", "HIST*", "COMP_*", "COMPREPLY", "SHELLOPTS",
    "READLINE_*", "MAIL", "MAILCHECK", "MAILPATH", "EPOCHREALTIME",
    "EPOCHSECONDS", NULL};

/* ---- parameters ---------------------------------------------------------- */

static bool
is_in(const char *const list[], const char *name, size_t len)
{
	size_t i, n;

	for (i = 0; list[i]; i++) {
		n = strlen(list[i]);
		if (list[i][n - 1] == '*' && len >= n - 1 &&
		    strncmp(list[i], name, n - 1) == 0)
			return true;
		if (n == len && strncmp(list[i], name, len) == 0)
			return true;
	}
	return false;
}

int
parameter_check(const char *parameter, struct error *err)
{
	size_t n = strspn(parameter, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
	bool digit = *parameter >= '0' && *parameter <= '9';

	if (n == 0 || n > NAME_BYTES || digit || *parameter == '_' ||
	    parameter[n] != '=')
		return fail(err,
		    "parameter \"%.80s\": write NAME=VALUE with a name of "
		    "capitals, digits and _",
		    parameter);
	if (is_in(ours, parameter, n) || is_in(metadata_names, parameter, n) ||
	    is_in(special, parameter, n))
		return fail(err,
		    "parameter %.*s: this name has a meaning of its own; "
		    "choose another",
		    (int)n, parameter);
	if (strlen(parameter + n + 1) > PARAMETER_MAX)
		return fail(err, "parameter %.*s: its value has over %d bytes",
		    (int)n, parameter, PARAMETER_MAX);
	return 0;
}

/* ---- files --------------------------------------------------------------- */

/* No sync: a folder that a crash spoils is never used again. */
static int
put(int dirfd, const char *name, const void *p, size_t n, struct error *err)
{
	bool is_new;
	int fd, rc;

	fd = openat(dirfd, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	is_new = fd < 0;
	if (fd < 0)
		fd = openat(dirfd, name,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return fail_errno(err, "create %s", name);
	rc = file_write_all(fd, p, n, err);
	/* what was longer before is cut afterwards: its blocks stay its own */
	if (rc == 0 &&
	    (is_new ? fchmod(fd, 0644) : ftruncate(fd, (off_t)n)) < 0)
		rc = fail_errno(err, "finish");
	if (rc < 0)
		fail_in(err, "%s", name);
	close(fd);
	return rc;
}

static int
put_buf(int dirfd, const char *name, struct buf *b, int full, struct error *err)
{
	int rc;

	if (full < 0)
		rc = fail(err, "%s: is larger than %zu bytes", name, b->max);
	else
		rc = put(dirfd, name, b->data ? b->data : "", b->len, err);
	buf_release(b);
	return rc;
}

/* One record of env. -1 when the buffer is full. */
static int
set(struct buf *b, const char *name, const char *value)
{
	int rc = buf_addf(b, "%s=%s", name, value);

	return rc < 0 ? rc : buf_addc(b, '\0');
}

/* Names of the fetched files, with a blank between. */
static const char *
source_names(struct arena *a, const struct metadata *m)
{
	const char *out = "";
	size_t i;

	for (i = 0; i < m->nsources; i++)
		out = arena_printf(
		    a, "%s%s%s", out, i > 0 ? " " : "", m->sources[i].name);
	return out;
}

/* Processes that the phases should use: the machine's, or what was asked. */
static int64_t
jobs_of(const struct folder *f)
{
	int64_t jobs = f->conf->jobs, asked = f->recipe->meta->resources.cpus;

	if (jobs <= 0)
		jobs = sysconf(_SC_NPROCESSORS_ONLN);
	if (asked > 0 && asked < jobs)
		jobs = asked;
	return jobs > 0 ? jobs : 1;
}

static int
put_env(const struct folder *f, struct arena *a, struct error *err)
{
	const struct recipe_id *id = &f->recipe->id;
	const char *const *p = f->conf->parameters;
	char ver[VERSION_MAX];
	const char *name;
	struct buf b;
	int rc = 0;

	buf_init(&b, RECORDS_MAX);
	version_format(id->ver, ver);
	name = arena_printf(a, "%s-%s", id->name, ver);
	for (; p && *p && rc == 0; p++)
		rc = buf_add(&b, *p, strlen(*p) + 1);
	rc |= set(&b, "P", name);
	rc |= set(&b, "PN", id->name);
	rc |= set(&b, "PV", ver);
	rc |= set(&b, "JOBUSER", id->user);
	rc |= set(&b, "FILESDIR", "/autotua/recipe/files");
	rc |= set(&b, "A", source_names(a, f->recipe->meta));
	rc |= set(&b, "DISTDIR", "/autotua/distfiles");
	rc |= set(&b, "WORKDIR", "/autotua/work");
	rc |= set(&b, "S", arena_printf(a, "/autotua/work/%s", name));
	rc |= set(&b, "T", "/autotua/temp");
	rc |= set(&b, "ARTIFACTS", "/autotua/artifacts");
	rc |= set(&b, "ARCH", f->arch);
	rc |= set(&b, "JOBS", arena_printf(a, "%" PRId64, jobs_of(f)));
	rc |= set(&b, "JOB_ID", f->id);
	rc |= set(&b, "HOME", "/autotua/home");
	return put_buf(f->dirfd, "env", &b, rc, err);
}

static int
put_values(const struct folder *f, struct error *err)
{
	const struct metadata *m = f->recipe->meta;
	struct buf b;
	int rc = 0;
	size_t i;

	buf_init(&b, RECORDS_MAX);
	for (i = 0; i < m->nvars && rc == 0; i++) {
		rc |= buf_add(&b, m->vars[i].name, strlen(m->vars[i].name) + 1);
		rc |=
		    buf_add(&b, m->vars[i].value, strlen(m->vars[i].value) + 1);
	}
	return put_buf(f->dirfd, "values", &b, rc, err);
}

/* Files of a longer chain that was here before. */
static int
drop_chain(const struct folder *f, struct error *err)
{
	size_t i, n = f->recipe->nchain;
	char name[24];

	if (!f->content)
		return 0;
	for (i = n; i < f->content->nchain; i++) {
		snprintf(name, sizeof(name), "%zu", i);
		if (unlinkat(f->dirfd, name, 0) < 0 && errno != ENOENT)
			return fail_errno(err, "delete %s", name);
	}
	f->content->nchain = n;
	return 0;
}

static int
put_chain(const struct folder *f, struct error *err)
{
	const struct tree_file *file;
	char name[24];
	struct buf b;
	int rc = 0;
	size_t i;

	buf_init(&b, RECORDS_MAX);
	for (i = 0; i < f->recipe->nchain; i++) {
		file = f->recipe->chain[i];
		snprintf(name, sizeof(name), "%zu", i);
		if (tree_load(f->tree, file, err) < 0 ||
		    put(f->dirfd, name, file->text, file->len, err) < 0) {
			buf_release(&b);
			return -1;
		}
		rc |= buf_add(&b, file->path, strlen(file->path) + 1);
		rc |= buf_add(&b, name, strlen(name) + 1);
	}
	if (drop_chain(f, err) < 0) {
		buf_release(&b);
		return -1;
	}
	return put_buf(f->dirfd, "chain", &b, rc, err);
}

static int
put_helper(const struct folder *f, size_t i, struct error *err)
{
	struct folder_content *c = f->content;
	const char *name = folder_helpers[i];
	struct stat now = {0};
	char path[4096];
	struct buf b;
	int rc;

	if (snprintf(path, sizeof(path), "%s/%s", f->conf->helpers, name) >=
	    (int)sizeof(path))
		return fail(err, "%s: name too long", f->conf->helpers);
	if (c && stat(path, &now) == 0 && file_is_same(&now, &c->helpers[i]))
		return 0;
	buf_init(&b, HELPER_MAX);
	rc = file_read(path, &b, err);
	if (rc == 0)
		rc = put(f->dirfd, name, b.data, b.len, err);
	buf_release(&b);
	if (c && rc == 0)
		c->helpers[i] = now;
	return rc;
}

static int
put_helpers(const struct folder *f, struct error *err)
{
	size_t i;

	for (i = 0; i < HELPERS; i++) {
		if (put_helper(f, i, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- files/ -------------------------------------------------------------- */

/* What comes after user/name/files/ in the tree's path; NULL: nothing. */
static const char *
below_files(const char *path)
{
	const char *p = strstr(path, "/files/");

	return p && p[7] ? p + 7 : NULL;
}

/* Make the folders of name and open the last; name becomes its last part. */
static int
open_parent(int filesfd, const char **name, struct error *err)
{
	int fd = fcntl(filesfd, F_DUPFD_CLOEXEC, 0), next;
	const char *slash;
	char part[256];

	while (fd >= 0 && (slash = strchr(*name, '/')) != NULL) {
		snprintf(
		    part, sizeof(part), "%.*s", (int)(slash - *name), *name);
		if (part[0] == '\0' || strcmp(part, ".") == 0 ||
		    strcmp(part, "..") == 0) {
			close(fd);
			return fail(err, "files/: \"%s\" is no name", part);
		}
		/* if that fails, so does the opening */
		(void)mkdirat(fd, part, 0755);
		next = openat(
		    fd, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		close(fd);
		fd = next;
		*name = slash + 1;
	}
	if (fd < 0)
		return fail_errno(err, "open a folder of files/");
	return fd;
}

static int
put_files(const struct folder *f, struct error *err)
{
	const struct tree_file *file;
	int filesfd, fd, rc = -1;
	const char *name;
	size_t i;

	if (f->content && f->content->files &&
	    file_remove_tree(f->dirfd, "files", err) < 0)
		return -1;
	if (f->content)
		f->content->files = f->recipe->naux > 0;
	if (mkdirat(f->dirfd, "files", 0755) < 0 &&
	    (errno != EEXIST || !f->content))
		return fail_errno(err, "create folder files");
	if (f->recipe->naux == 0)
		return 0;
	filesfd = openat(
	    f->dirfd, "files", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (filesfd < 0)
		return fail_errno(err, "open files");
	for (i = 0; i < f->recipe->naux; i++) {
		file = f->recipe->aux[i];
		name = below_files(file->path);
		if (!name) {
			fail(err, "%s: is not in a files/ folder", file->path);
			goto out;
		}
		rc = tree_load(f->tree, file, err);
		fd = rc == 0 ? open_parent(filesfd, &name, err) : -1;
		rc = -1;
		if (fd < 0)
			goto out;
		rc = put(fd, name, file->text, file->len, err);
		close(fd);
		if (rc < 0)
			goto out;
	}
	rc = 0;
out:
	close(filesfd);
	return rc;
}

int
folder_write(const struct folder *f, struct error *err)
{
	/* a job has other ids than the one who gives it this folder */
	mode_t before = umask(022);
	struct arena a = {0};
	int rc = -1;

	if (fchmod(f->dirfd, 0755) < 0)
		fail_errno(err, "chmod");
	else if (put_helpers(f, err) == 0 && put_env(f, &a, err) == 0 &&
	    put_chain(f, err) == 0 && put_values(f, err) == 0 &&
	    put_files(f, err) == 0)
		rc = 0;
	arena_release(&a);
	(void)umask(before);
	return rc;
}
