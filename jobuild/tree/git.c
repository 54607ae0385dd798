/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "git.h"
#include "tree.h"
#include "tree/index/alloc.h"
#include "base/arena.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/show.h"

#include <dlfcn.h>
#include <errno.h>
#include <git2/sys/mempack.h>
#include <git2/sys/odb_backend.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#if __has_include(<git2/sys/errors.h>) /* since 1.8 */
#include <git2/sys/errors.h>
#endif

#define OBJECTS_MAX 10000000 /* in one pack */

/*
 * -1: start it as usual. Where libgit2 stands on Mbed TLS it reads all
 * authorities of the machine when it starts, which takes longer than most that
 * is done with it here, and for nothing: what comes over https comes by curl.
 * It goes on without a file that it can't open.
 */
static int
start_without_files(void)
{
	struct rlimit limit, none;
	int rc;

	if (!dlsym(RTLD_DEFAULT, "mbedtls_x509_crt_parse_file") ||
	    getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -1;
	none = limit;
	none.rlim_cur = 0;
	if (setrlimit(RLIMIT_NOFILE, &none) < 0)
		return -1;
	rc = git_libgit2_init();
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	return rc;
}

int
git_start(struct error *err)
{
	const char *extension = "worktreeconfig";

	if (alloc_limit(err) < 0)
		return -1;
	if (start_without_files() < 0 && git_libgit2_init() < 0)
		return git_fail(err, "libgit2");
	/* more objects than any tree has */
	git_libgit2_opts(GIT_OPT_SET_PACK_MAX_OBJECTS, (size_t)OBJECTS_MAX);
	/* folders are read once, and kept in another form */
	git_libgit2_opts(
	    GIT_OPT_SET_CACHE_OBJECT_LIMIT, GIT_OBJECT_TREE, (size_t)0);
	/* settings of one work tree, as its sparse checkout's: none matters */
	git_libgit2_opts(GIT_OPT_SET_EXTENSIONS, &extension, (size_t)1);
	return 0;
}

int
tree_warm_up(struct error *err)
{
	return git_start(err);
}

void
git_stop(void)
{
	git_libgit2_shutdown();
}

int
git_fail(struct error *err, const char *fmt, ...)
{
	const git_error *last = git_error_last();
	const char *why = last && last->message ? last->message : "";
	struct arena a = {0};
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* it may quote what others wrote */
	fail(err, "%s: %s", text,
	    *why ? show(&a, why, strnlen(why, 300)) : "unknown trouble");
	arena_release(&a);
	return -1;
}

bool
tree_is_promised(git_repository *repo)
{
	git_config_iterator *it = NULL;
	git_config *config = NULL;
	git_config_entry *e;
	bool found;
	int yes;

	found = git_repository_config_snapshot(&config, repo) == 0 &&
	    git_config_iterator_glob_new(
		&it, config, "^remote\\..*\\.promisor$") == 0 &&
	    git_config_next(&e, it) == 0 &&
	    git_config_parse_bool(&yes, e->value) == 0 && yes;
	git_config_iterator_free(it);
	git_config_free(config);
	return found;
}

int
git_fail_object(struct error *err, git_repository *repo, int rc)
{
	if (rc == GIT_ENOTFOUND && tree_is_promised(repo)) {
		fail(err, LACKS_OBJECT);
		err->code = ENODATA;
		return -1;
	}
	return git_fail(err, "repository is damaged (git fsck)");
}

/* Are these the bytes that the id stands for? */
static bool
is_what_it_says(git_odb_object *object, const git_oid *oid)
{
	const char *type = git_object_type2string(git_odb_object_type(object));
	size_t n = git_odb_object_size(object);
	char head[32];
	git_oid found;
	int len;

	len = snprintf(head, sizeof(head), "%s %zu", type, n);
	digest_sha1(
	    head, (size_t)len + 1, git_odb_object_data(object), n, found.id);
	return git_oid_equal(&found, oid);
}

int
git_read(git_odb_object **out, git_odb *odb, const git_oid *oid)
{
	int rc;

	git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 0);
	rc = git_odb_read(out, odb, oid);
	git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 1);
	if (rc < 0 || is_what_it_says(*out, oid))
		return rc;
	git_odb_object_free(*out);
	*out = NULL;
	git_error_set_str(
	    GIT_ERROR_ODB, "an object isn't what its id stands for");
	return -1;
}

/*
 * libgit2 refuses repositories of other users; 1.5 says so only by a strange
 * text and no code of its own.
 */
static int
fail_owner(struct error *err, const char *path)
{
	struct stat st;
	long uid = -1;

	if (stat(path, &st) == 0)
		uid = (long)st.st_uid;
	return fail(err,
	    "%s: belongs to another user (id %ld, this is %ld): become the "
	    "owner, or allow it with \"git config --global --add "
	    "safe.directory %s\"",
	    path, uid, (long)geteuid(), path);
}

/* What the repository needs of git, which libgit2 doesn't know. */
static int
fail_extension(struct error *err, const char *path, const char *name)
{
	struct arena a = {0};

	if (strcmp(name, "objectformat") == 0)
		return fail(err,
		    "%s: names objects by SHA-256: a repository with SHA-1 is "
		    "needed (git init --object-format=sha1)",
		    path);
	fail(err,
	    "%s: needs git's extension \"%s\", which is unknown here: work in "
	    "a clone of it (git clone)",
	    path, show(&a, name, strnlen(name, 100)));
	arena_release(&a);
	return -1;
}

int
git_open(git_repository **out, const char *path, struct error *err)
{
	static const char extension[] = "extension name extensions.";
	const git_error *last;
	const char *name;
	int rc;

	rc = git_repository_open_ext(
	    out, path, GIT_REPOSITORY_OPEN_NO_SEARCH, NULL);
	if (rc == 0)
		return 0;
	last = git_error_last();
	if (rc == GIT_EOWNER ||
	    (last && last->message && strstr(last->message, "safe.directory")))
		return fail_owner(err, path);
	if (access(path, F_OK) < 0)
		return fail_errno(err, "%s", path);
	name = last && last->message ? strstr(last->message, extension) : NULL;
	if (name)
		return fail_extension(err, path, name + strlen(extension));
	if (rc == GIT_ENOTFOUND)
		return fail(err, "%s: is not a git repository", path);
	return git_fail(err, "%s", path);
}

int
git_add_memory(git_odb *odb, int priority, struct error *err)
{
	git_odb_backend *memory = NULL;

	if (git_mempack_new(&memory) < 0)
		return git_fail(err, "objects in memory");
	if (git_odb_add_backend(odb, memory, priority) == 0)
		return 0;
	memory->free(memory);
	return git_fail(err, "objects in memory");
}
