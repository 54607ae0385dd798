/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/part.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define ETAG_NOTE_MAX 8192

enum claim { CLAIM_FAILED, CLAIM_BUSY, CLAIM_AGAIN, CLAIM_OURS };

/*
 * Try to have the named part for ourselves. AGAIN: the name became another
 * file meanwhile, or it is one that is visible already (its process died
 * between link and unlink), which must never be written to.
 */
static enum claim
claim_named(struct part *p, struct error *err)
{
	struct stat st, named;

	p->fd = openat(
	    p->store, p->name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (p->fd < 0) {
		fail_errno(err, "open %s", p->name);
		return CLAIM_FAILED;
	}
	if (flock(p->fd, LOCK_EX | LOCK_NB) < 0) {
		close(p->fd);
		p->fd = -1;
		return CLAIM_BUSY;
	}
	if (fstat(p->fd, &st) == 0 &&
	    fstatat(p->store, p->name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_ino == named.st_ino && st.st_nlink == 1)
		return CLAIM_OURS;
	if (fstat(p->fd, &st) == 0 && st.st_nlink > 1)
		unlinkat(p->store, p->name, 0);
	close(p->fd);
	p->fd = -1;
	return CLAIM_AGAIN;
}

static int
open_unnamed(struct part *p, struct error *err)
{
	p->name[0] = '\0';
	p->fd = openat(p->store, "part", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (p->fd < 0) {
		fail_errno(err,
		    "another process fetches it, and a file of "
		    "our own can't be made");
		err->code = EAGAIN;
		return -1;
	}
	return 0;
}

static int
open_file(struct part *p, struct error *err)
{
	enum claim c = CLAIM_AGAIN;
	int tries;

	for (tries = 0; tries < 8 && c == CLAIM_AGAIN; tries++)
		c = claim_named(p, err);
	if (c == CLAIM_OURS)
		return 0;
	if (c == CLAIM_FAILED)
		return -1;
	return open_unnamed(p, err);
}

static void
start_digests(struct part *p)
{
	digest_init(&p->blake2b, DIGEST_BLAKE2B);
	digest_init(&p->sha512, DIGEST_SHA512);
	p->size = 0;
}

static void
drop_digests(struct part *p)
{
	char hex[DIGEST_HEX_MAX];

	if (p->blake2b.handle)
		digest_end(&p->blake2b, hex);
	if (p->sha512.handle)
		digest_end(&p->sha512, hex);
}

/* Hash what an earlier try left; too much of it is of no use. */
static int
take_up(struct part *p, struct error *err)
{
	char chunk[1 << 16];
	ssize_t n;

	while ((n = read(p->fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_errno(err, "read %s", p->name);
		if (p->size + n > p->entry->size)
			return part_restart(p, err);
		digest_add(&p->blake2b, chunk, (size_t)n);
		digest_add(&p->sha512, chunk, (size_t)n);
		p->size += n;
	}
	return 0;
}

int
part_open(struct part *p, int store, const struct manifest_entry *e,
    struct error *err)
{
	memset(p, 0, sizeof(*p));
	p->store = store;
	p->entry = e;
	p->fd = -1;
	snprintf(p->name, sizeof(p->name), "part/%s-%s",
	    e->blake2b[0] ? "blake2b" : "sha512",
	    e->blake2b[0] ? e->blake2b : e->sha512);
	if (open_file(p, err) < 0)
		return -1;
	start_digests(p);
	if (take_up(p, err) < 0) {
		part_close(p);
		return -1;
	}
	return 0;
}

int
part_add(struct part *p, const void *data, size_t n, struct error *err)
{
	if ((int64_t)n > p->entry->size - p->size) {
		fail(err,
		    "is larger than the %" PRId64 " bytes of the Manifest",
		    p->entry->size);
		err->code = EFBIG;
		return -1;
	}
	if (file_write_all(p->fd, data, n, err) < 0)
		return -1;
	digest_add(&p->blake2b, data, n);
	digest_add(&p->sha512, data, n);
	p->size += (int64_t)n;
	return 0;
}

/* The name of the note beside a part. */
static void
note_name(const struct part *p, char out[STORE_NAME_MAX + 8])
{
	snprintf(out, STORE_NAME_MAX + 8, "%s.etag", p->name);
}

static void
forget_note(struct part *p)
{
	char note[STORE_NAME_MAX + 8];

	if (!p->name[0])
		return;
	note_name(p, note);
	unlinkat(p->store, note, 0);
}

int
part_restart(struct part *p, struct error *err)
{
	drop_digests(p);
	start_digests(p);
	forget_note(p);
	if (ftruncate(p->fd, 0) < 0 || lseek(p->fd, 0, SEEK_SET) < 0)
		return fail_errno(err, "empty %s", p->name);
	return 0;
}

int
part_finish(struct part *p, struct error *err)
{
	char blake2b[DIGEST_HEX_MAX], sha512[DIGEST_HEX_MAX];
	struct error ignored;

	digest_end(&p->blake2b, blake2b);
	digest_end(&p->sha512, sha512);
	if (store_compare(p->entry, p->size, blake2b, sha512, err) < 0) {
		part_restart(p, &ignored);
		return -1;
	}
	if (store_publish(p->store, p->fd, p->name[0] ? p->name : NULL, blake2b,
		sha512, err) < 0)
		return -1;
	forget_note(p);
	p->name[0] = '\0';
	return 0;
}

void
part_close(struct part *p)
{
	if (p->fd < 0)
		return;
	drop_digests(p);
	if (p->name[0] && p->size == 0)
		unlinkat(p->store, p->name, 0);
	close(p->fd);
	p->fd = -1;
}

void
part_set_etag(struct part *p, const char *url, const char *etag)
{
	char note[STORE_NAME_MAX + 8];
	struct error ignored;
	struct buf b;

	if (!p->name[0])
		return;
	note_name(p, note);
	buf_init(&b, ETAG_NOTE_MAX);
	if (buf_addf(&b, "%s\n%s\n", etag, url) == 0)
		file_write_at(p->store, note, b.data, b.len, 0600, &ignored);
	buf_release(&b);
}

void
part_etag(const struct part *p, const char *url, char *etag, size_t max)
{
	char note[STORE_NAME_MAX + 8];
	struct error ignored;
	struct buf b;
	char *line;

	etag[0] = '\0';
	if (!p->name[0])
		return;
	note_name(p, note);
	buf_init(&b, ETAG_NOTE_MAX);
	if (file_read_at(p->store, note, &b, &ignored) == 0 && b.len > 0) {
		line = strchr(b.data, '\n');
		if (line && (size_t)(line - b.data) < max &&
		    strncmp(line + 1, url, strlen(url)) == 0 &&
		    strcmp(line + 1 + strlen(url), "\n") == 0)
			snprintf(
			    etag, max, "%.*s", (int)(line - b.data), b.data);
	}
	buf_release(&b);
}
