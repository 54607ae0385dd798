/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/part.h"
#include "net/store.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "tests/unit/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char text[] = "what a file holds\n";
static struct manifest_entry entry;
static struct error err;
static int store;

static void
make_entry(void)
{
	entry.name = "f.txt";
	entry.size = sizeof(text) - 1;
	digest_of(DIGEST_BLAKE2B, text, sizeof(text) - 1, entry.blake2b);
	digest_of(DIGEST_SHA512, text, sizeof(text) - 1, entry.sha512);
}

static int
unnamed(const char *content)
{
	int fd = openat(store, "part", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 || file_write_all(fd, content, strlen(content), &err) < 0) {
		perror("O_TMPFILE");
		exit(1);
	}
	return fd;
}

static void
test_refuses(void)
{
	char name[STORE_NAME_MAX];
	struct manifest_entry none = entry;
	int fd;

	fd = unnamed("what a file holds");
	is_int(store_add(store, fd, NULL, &entry, &err), -1, "too short");
	is_int(err.code, EILSEQ, "its code");
	is(err.msg, "f.txt: has 17 bytes, the Manifest says 18", "its text");
	close(fd);
	fd = unnamed("what a file hulds\n");
	is_int(store_add(store, fd, NULL, &entry, &err), -1, "other bytes");
	is_int(err.code, EILSEQ, "its code");
	ok(strstr(err.msg, "wrong content: BLAKE2B ") != NULL, "its text");
	close(fd);
	fd = unnamed(text);
	none.blake2b[0] = none.sha512[0] = '\0';
	is_int(store_add(store, fd, NULL, &none, &err), -1, "no hash at all");
	none = entry;
	none.sha512[5] ^= 1;
	is_int(store_add(store, fd, NULL, &none, &err), -1,
	    "one hash of two is wrong");
	close(fd);
	ok(!store_find(store, &entry, name), "nothing became visible");
}

static void
test_adds(void)
{
	char name[STORE_NAME_MAX], other[STORE_NAME_MAX];
	struct manifest_entry only = entry;
	struct stat st, st2;
	int fd = unnamed(text);

	is_int(store_add(store, fd, NULL, &entry, &err), 0, "right bytes");
	close(fd);
	ok(store_find(store, &entry, name), "found");
	ok(strncmp(name, "blake2b-", 8) == 0, "by BLAKE2B");
	only.blake2b[0] = '\0';
	ok(store_find(store, &only, other), "found");
	ok(strncmp(other, "sha512-", 7) == 0, "by SHA512");
	fstatat(store, name, &st, 0);
	fstatat(store, other, &st2, 0);
	is_int((long long)st.st_ino, (long long)st2.st_ino, "one file");
	is_int(st.st_mode & 07777, 0444, "read-only");
	only.size++;
	ok(!store_find(store, &only, other), "not with another size");
	only = entry;
	only.sha512[7] ^= 1;
	ok(!store_find(store, &only, other), "not when one hash differs");
}

/* Hashes of two files that are there, of the same size: neither is meant. */
static void
test_crossed(void)
{
	static const char twin[] = "what a file hulds\n";
	char name[STORE_NAME_MAX];
	struct manifest_entry e = entry;
	int fd = unnamed(twin);

	digest_of(DIGEST_BLAKE2B, twin, sizeof(twin) - 1, e.blake2b);
	digest_of(DIGEST_SHA512, twin, sizeof(twin) - 1, e.sha512);
	is_int(store_add(store, fd, NULL, &e, &err), 0, "another file");
	close(fd);
	ok(store_find(store, &e, name), "found");
	memcpy(e.sha512, entry.sha512, sizeof(e.sha512));
	ok(!store_find(store, &e, name), "not by hashes of two files");
}

/* What a crash between the two links leaves is mended by the next add. */
static void
test_mends(void)
{
	char name[STORE_NAME_MAX];
	int fd;

	snprintf(name, sizeof(name), "sha512-%s", entry.sha512);
	unlinkat(store, name, 0);
	ok(!store_find(store, &entry, name), "half-linked counts as absent");
	fd = unnamed(text);
	is_int(store_add(store, fd, NULL, &entry, &err), 0, "added again");
	close(fd);
	ok(store_find(store, &entry, name), "both names are there again");
}

static void
test_part(void)
{
	char name[STORE_NAME_MAX], etag[64];
	struct manifest_entry e = entry;
	struct part p, q;

	digest_of(DIGEST_BLAKE2B, "0123456789", 10, e.blake2b);
	e.sha512[0] = '\0';
	e.size = 10;
	is_int(part_open(&p, store, &e, &err), 0, "a part");
	is_int(part_add(&p, "01234", 5, &err), 0, "half of it");
	is_int(part_open(&q, store, &e, &err), 0, "another process's");
	is_int(q.size, 0, "starts anew");
	is(q.name, "", "without a name");
	part_close(&q);
	part_set_etag(&p, "http://h/f", "\"e\"");
	part_close(&p);
	ok(!store_find(store, &e, name), "a half is not visible");
	is_int(part_open(&p, store, &e, &err), 0, "opened again");
	is_int(p.size, 5, "it goes on");
	part_etag(&p, "http://h/f", etag, sizeof(etag));
	is(etag, "\"e\"", "its ETag");
	part_etag(&p, "http://h/", etag, sizeof(etag));
	is(etag, "", "not for another URL");
	is_int(part_add(&p, "567890", 6, &err), -1, "too much");
	is_int(err.code, EFBIG, "its code");
	is_int(part_add(&p, "5678x", 5, &err), 0, "wrong end");
	is_int(part_finish(&p, &err), -1, "is found out");
	is_int(err.code, EILSEQ, "its code");
	is_int(p.size, 0, "and thrown away");
	is_int(part_add(&p, "0123456789", 10, &err), 0, "right bytes");
	is_int(part_finish(&p, &err), 0, "are taken");
	part_close(&p);
	ok(store_find(store, &e, name), "and visible");
}

/* A part that a dead process had linked already is never written to. */
static void
test_linked_part(void)
{
	char name[STORE_NAME_MAX], part[STORE_NAME_MAX + 8];
	struct buf b;
	struct part p;

	store_find(store, &entry, name);
	snprintf(part, sizeof(part), "part/%s", name);
	is_int(linkat(store, name, store, part, 0), 0, "link it");
	is_int(part_open(&p, store, &entry, &err), 0, "open a linked part");
	is_int(p.size, 0, "it is a fresh one");
	part_add(&p, "spoiled", 7, &err);
	part_close(&p);
	buf_init(&b, 100);
	is_int(file_read_at(store, name, &b, &err), 0, "the visible file");
	is(b.data, text, "is untouched");
	buf_release(&b);
}

int
main(void)
{
	char dir[] = "/tmp/store.XXXXXX";
	char path[64];

	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/distfiles", dir);
	store = store_open(path, &err);
	ok(store >= 0, "open a store");
	make_entry();
	test_refuses();
	test_adds();
	test_crossed();
	test_mends();
	test_part();
	test_linked_part();
	close(store);
	file_remove_tree(AT_FDCWD, dir, &err);
	return tap_done();
}
