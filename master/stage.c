/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/commands.h"
#include "master/loop.h"
#include "master/state.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Copy from to to; size and digest of what was copied. */
static int
copy(int from, int to, int64_t *size, char hex[DIGEST_HEX_MAX],
    struct error *err)
{
	char chunk[1 << 16];
	struct digest d;
	ssize_t n;
	int rc = 0;

	*size = 0;
	digest_init(&d, DIGEST_KEY);
	while (rc == 0 && (n = read(from, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			rc = fail_errno(err, "read");
			break;
		}
		digest_add(&d, chunk, (size_t)n);
		*size += n;
		rc = file_write_all(to, chunk, (size_t)n, err);
	}
	digest_end(&d, hex);
	if (rc == 0 && fsync(to) < 0)
		rc = fail_errno(err, "sync");
	return rc;
}

static int
sync_folder(const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	if (fd < 0 || fsync(fd) < 0)
		rc = fail_errno(err, "sync %s", path);
	if (fd >= 0)
		close(fd);
	return rc;
}

/* The tarball becomes stages/DIGEST. */
static int
take_file(struct state *st, struct arena *a, const char *file, int64_t *size,
    char hex[DIGEST_HEX_MAX], struct error *err)
{
	/* not in tmp/: a serve that starts would empty it */
	const char *dir = state_path(st, a, "stages");
	const char *tmp = arena_printf(a, "%s/.new-%ld", dir, (long)getpid());
	int from = -1, to = -1, rc = -1;

	from = open(file, O_RDONLY | O_CLOEXEC);
	if (from < 0)
		return fail_errno(err, "open %s", file);
	to = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (to < 0) {
		fail_errno(err, "create %s", tmp);
		goto out;
	}
	if (copy(from, to, size, hex, err) < 0) {
		fail_in(err, "%s", file);
		goto out;
	}
	if (rename(tmp, arena_printf(a, "%s/%s", dir, hex)) < 0)
		fail_errno(err, "rename %s", tmp);
	else
		rc = sync_folder(dir, err);
out:
	if (rc < 0 && to >= 0)
		unlink(tmp);
	if (to >= 0)
		close(to);
	close(from);
	return rc;
}

static int
record(struct state *st, const char *name, const char *digest, int64_t size,
    struct error *err)
{
	int64_t now = now_us();
	char who[32];

	snprintf(who, sizeof(who), "uid %ld", (long)getuid());
	if (db_begin(&st->db, err) < 0)
		return -1;
	if (db_run(&st->db, SQL_STAGE_ADD,
		ARGS(TEXT(digest), INT(size), INT(now)), err) < 0 ||
	    db_run(&st->db, SQL_STAGE_NAME, ARGS(TEXT(name), TEXT(digest)),
		err) < 0 ||
	    audit(&st->db, now, who, "stage add", digest, "command", err) < 0) {
		db_rollback(&st->db);
		return -1;
	}
	return db_commit(&st->db, err);
}

static int
stage_add(
    struct state *st, const char *name, const char *file, struct error *err)
{
	char hex[DIGEST_HEX_MAX];
	struct arena a = {0};
	int64_t size;
	int rc = -1;

	if (!plain_name(name))
		return fail(err,
		    "stage \"%s\": expected letters, digits and . _ -", name);
	if (take_file(st, &a, file, &size, hex, err) == 0)
		rc = record(st, name, hex, size, err);
	if (rc == 0)
		printf("%s %s\n", name, hex);
	arena_release(&a);
	return rc;
}

int
cmd_stage(const char *path, int argc, char *argv[])
{
	struct state st;
	struct error err;
	int rc;

	if (argc != 3 || strcmp(argv[0], "add") != 0)
		return cmd_usage("stage add NAME FILE");
	if (state_open(&st, path, &err) < 0)
		return cmd_failed(&err);
	rc = stage_add(&st, argv[1], argv[2], &err);
	state_close(&st);
	return rc < 0 ? cmd_failed(&err) : 0;
}
