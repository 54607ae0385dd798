/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slave/stage.h"
#include "slave/call.h"
#include "slave/capsule.h"
#include "slave/conf.h"
#include "slave/leash.h"
#include "base/arena.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "net/http.h"
#include "run/jailer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES 5

struct part {
	int fd;
	int64_t size, max; /* bytes that are there; that may be */
	struct leash *leash;
	struct error *err;
};

static size_t
on_bytes(char *p, size_t size, size_t n, void *ctx)
{
	struct part *part = ctx;

	n *= size;
	if (part->max >= 0 && part->size + (int64_t)n > part->max) {
		fail(part->err, "the master sends more than %" PRId64 " bytes",
		    part->max);
		return 0;
	}
	if (leash_need(part->leash, (int64_t)n, part->err) < 0)
		return 0;
	leash_took(part->leash, (int64_t)n);
	if (file_write_all(part->fd, p, n, part->err) < 0)
		return 0;
	part->size += (int64_t)n;
	return n;
}

/* One GET of what is missing: 1 all there, 0 worth another try, -1 not. */
static int
get_rest(const struct calls *master, const char *digest, struct part *part,
    struct error *err)
{
	char text[CURL_ERROR_SIZE] = "";
	struct arena a = {0};
	CURL *easy = curl_easy_init();
	long status = 0;
	CURLcode code;

	err->msg[0] = '\0';
	call_setup(easy, master);
	curl_easy_setopt(easy, CURLOPT_URL,
	    arena_printf(&a, "%s/api/v1/stages/%s", master->url, digest));
	curl_easy_setopt(
	    easy, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)part->size);
	curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 100L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, 60L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, text);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, part);
	code = curl_easy_perform(easy);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(easy);
	arena_release(&a);
	if (code == CURLE_OK)
		return 1;
	if (code == CURLE_WRITE_ERROR)
		return -1;
	if (!*err->msg)
		fail(err, "%s", *text ? text : curl_easy_strerror(code));
	if (code == CURLE_RANGE_ERROR || status == 416) {
		/* it doesn't continue where we are: from the start again */
		if (ftruncate(part->fd, 0) < 0 ||
		    lseek(part->fd, 0, SEEK_SET) < 0)
			return fail_errno(err, "truncate");
		part->size = 0;
		return 0;
	}
	if (status >= 400 && !http_may_pass((int)status))
		return -1;
	err->code = EAGAIN;
	return 0;
}

static int
download(const struct calls *master, const struct capsule *capsule, int fd,
    struct leash *leash, struct error *err)
{
	struct part part = {
	    .fd = fd, .max = capsule->stage_size, .leash = leash, .err = err};
	int try, rc;

	part.size = lseek(fd, 0, SEEK_END);
	if (part.size < 0)
		return fail_errno(err, "seek");
	if (part.max >= 0 && part.size > part.max) {
		if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)
			return fail_errno(err, "truncate");
		part.size = 0;
	}
	if (leash_need(leash, part.max - part.size, err) < 0)
		return -1;
	for (try = 0; part.max < 0 || part.size < part.max; try++) {
		if (try > 0) {
			log_info("stage %s: %s; trying again", capsule->stage,
			    err->msg);
			sleep(1U << try);
		}
		rc = get_rest(master, capsule->digest, &part, err);
		if (rc > 0)
			break;
		if (rc < 0 || try + 1 == TRIES)
			return -1;
	}
	return 0;
}

/* The digest decides; a wrong file is dropped, so that it isn't continued. */
static int
check_digest(const struct capsule *capsule, int fd, struct error *err)
{
	char hex[DIGEST_HEX_MAX];

	if (lseek(fd, 0, SEEK_SET) < 0)
		return fail_errno(err, "seek");
	if (digest_of_fd(DIGEST_KEY, fd, hex, err) < 0)
		return -1;
	if (strcmp(hex, capsule->digest) == 0)
		return 0;
	if (ftruncate(fd, 0) < 0)
		return fail_errno(err, "truncate");
	return fail(err, "what the master sent has digest %s, not %s", hex,
	    capsule->digest);
}

/* With the lock held: someone else may have been first. 1: it was fetched. */
static int
fetch_locked(const struct slave_conf *c, const struct calls *master,
    const struct capsule *capsule, int fd, struct leash *leash,
    struct error *err)
{
	int there = jailer_has(c->jailer, false, capsule->digest, err);

	if (there != 0)
		return there < 0 ? -1 : 0;
	if (download(master, capsule, fd, leash, err) < 0 ||
	    check_digest(capsule, fd, err) < 0 ||
	    jailer_import(c->jailer, fd, capsule->digest, capsule->stage, err) <
		0)
		return -1;
	return 1;
}

/* Into the file, which goes when the stage is imported. */
static int
fetch_to(const char *path, const struct slave_conf *c,
    const struct calls *master, const struct capsule *capsule,
    struct leash *leash, struct error *err)
{
	int fd, rc;

	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail_errno(err, "open %s", path);
	while ((rc = flock(fd, LOCK_EX)) < 0 && errno == EINTR)
		;
	if (rc < 0)
		rc = fail_errno(err, "lock %s", path);
	else
		rc = fetch_locked(c, master, capsule, fd, leash, err);
	if (rc > 0)
		unlink(path);
	close(fd);
	return rc;
}

int
stage_ensure(const struct slave_conf *c, const struct calls *master,
    const struct capsule *capsule, struct leash *leash, struct error *err)
{
	struct arena a = {0};
	const char *dir = conf_path(c, &a, "stages");
	int rc = jailer_has(c->jailer, false, capsule->digest, err);

	if (rc == 0 && file_mkdirs(dir, 0700, err) < 0)
		rc = -1;
	if (rc == 0)
		rc = fetch_to(
		    arena_printf(&a, "%s/%s.part", dir, capsule->digest), c,
		    master, capsule, leash, err);
	if (rc < 0)
		fail_in(err, "stage %s", capsule->stage);
	arena_release(&a);
	return rc < 0 ? -1 : 0;
}
