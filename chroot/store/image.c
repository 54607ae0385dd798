/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/store/image.h"
#include "chroot/store/content.h"
#include "chroot/sys/sys.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The list of folder/root as text. */
static int
list_root(
    int folder, struct buf *text, struct image_facts *f, struct error *err)
{
	struct content c = {.n = 0};
	int root, rc;

	root = sys_open_beneath(folder, "root", O_RDONLY | O_DIRECTORY);
	if (root < 0)
		return fail_errno(err, "open root");
	rc = content_read(root, true, &c, err);
	close(root);
	if (rc == 0)
		rc = content_text(&c, text, err);
	if (rc == 0) {
		content_digest(text, f->digest);
		f->bytes = c.bytes;
		f->files = c.n - 1; /* not the root itself */
	}
	arena_release(&c.arena);
	return rc;
}

int
image_record(int folder, struct image_facts *f, struct error *err)
{
	struct buf text;
	int fd = -1, rc = -1;

	buf_init(&text, CONTENT_TEXT_MAX);
	if (list_root(folder, &text, f, err) < 0)
		goto out;
	f->bytes += text.len;
	/* synced with all the rest when the image is published */
	fd = sys_create_beneath(folder, "list", 0600);
	if (fd < 0)
		fail_errno(err, "create list");
	else
		rc = file_write_all(fd, text.data, text.len, err);
out:
	if (fd >= 0)
		close(fd);
	buf_release(&text);
	return rc;
}

void
image_ok(const struct image_facts *f, char text[IMAGE_OK])
{
	snprintf(text, IMAGE_OK,
	    "size=%" PRIu64 "\nfiles=%" PRIu64 "\ndigest=%s\nmade=%lld\n",
	    f->bytes, f->files, f->digest, (long long)time(NULL));
}

/* The list as it was recorded; 0 with err if it isn't that any more. */
static int
read_list(int folder, int ok, struct buf *text, struct error *err)
{
	char digest[KEY_HEX], want[OK_VALUE];

	if (!state_ok_value(ok, "digest", want)) {
		fail(err, "nothing was recorded of it when it was made");
		return 0;
	}
	if (file_read_at(folder, "list", text, err) < 0)
		return 0;
	content_digest(text, digest);
	if (strcmp(digest, want) == 0)
		return 1;
	fail(err, "its list has the digest %s, not %s", digest, want);
	return 0;
}

static int
verify_folder(int folder, int ok, struct error *err)
{
	struct buf want, got;
	struct image_facts f;
	int rc;

	buf_init(&want, CONTENT_TEXT_MAX);
	buf_init(&got, CONTENT_TEXT_MAX);
	rc = read_list(folder, ok, &want, err);
	if (rc == 1)
		rc = list_root(folder, &got, &f, err);
	if (rc == 0 && got.len > 0)
		rc = content_compare(want.data, got.data, err);
	buf_release(&want);
	buf_release(&got);
	return rc;
}

/* The copy of the chain beside a layer, if there is one. */
static int
verify_flat(int folder, struct error *err)
{
	int flat, ok, rc = 1;

	flat = sys_open_beneath(folder, "flat", O_RDONLY | O_DIRECTORY);
	if (flat < 0)
		return errno == ENOENT ? 1 : fail_errno(err, "open flat");
	ok = sys_open_beneath(flat, "ok", O_RDONLY);
	if (ok < 0)
		rc = fail_errno(err, "open flat/ok");
	else
		rc = verify_folder(flat, ok, err);
	if (ok >= 0)
		close(ok);
	close(flat);
	if (rc != 1)
		fail_in(err, "its flat copy");
	return rc;
}

int
image_verify(
    struct state *s, enum image kind, const char *id, struct error *err)
{
	int ok = state_look(s, kind, id, err), folder, rc = -1;

	if (ok < 0)
		return -1;
	folder = sys_open_beneath(s->images[kind], id, O_RDONLY | O_DIRECTORY);
	if (folder < 0)
		fail_errno(err, "open it");
	else
		rc = verify_folder(folder, ok, err);
	if (rc == 1)
		rc = verify_flat(folder, err);
	if (folder >= 0)
		close(folder);
	close(ok);
	return rc;
}
