/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/store/hasher.h"
#include "chroot/sys/walk.h"
#include "base/blake2b.h"
#include "base/error.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define BLOCK    4096
#define PER_FILE 65536           /* bytes that opening a file is worth */
#define WORTH    (16 * PER_FILE) /* from here on a second process helps */

/* What the child says of a file; written in one piece. */
struct word {
	ino_t ino;
	struct hashed file;
};

/* ---- the bytes of a file ------------------------------------------------- */

/*
 * Blocks that aren't all zeros, each after its place: the same whether zeros
 * are on the disk or a hole, and a hole takes no time.
 */
static void
hash_blocks(
    struct blake2b *b, const unsigned char *data, size_t n, uint64_t offset)
{
	static const unsigned char zeros[BLOCK];
	size_t len;
	uint64_t place;

	for (; n > 0; data += len, n -= len, offset += len) {
		len = n < BLOCK ? n : BLOCK;
		if (memcmp(data, zeros, len) == 0)
			continue;
		place = htole64(offset);
		blake2b_add(b, &place, sizeof(place));
		blake2b_add(b, data, len);
	}
}

/* The blocks from offset up to end, both whole blocks but at the file's end. */
static int
hash_range(
    int fd, struct blake2b *b, off_t offset, off_t end, struct error *err)
{
	unsigned char data[16 * BLOCK];
	size_t have, want;
	ssize_t n = 1;

	for (; offset < end && n > 0; offset += (off_t)have) {
		want = sizeof(data);
		if (end - offset < (off_t)want)
			want = (size_t)(end - offset);
		for (have = 0; have < want; have += (size_t)n) {
			n = pread(
			    fd, data + have, want - have, offset + (off_t)have);
			if (n < 0 && errno != EINTR)
				return fail_errno(err, "read");
			if (n == 0)
				break;
			if (n < 0)
				n = 0;
		}
		hash_blocks(b, data, have, (uint64_t)offset);
	}
	return 0;
}

static off_t
up(off_t at)
{
	return (at + BLOCK - 1) / BLOCK * BLOCK;
}

/* Holes may begin and end within a block of ours; each block is read once. */
static int
hash_data(int fd, struct blake2b *b, const struct stat *st, struct error *err)
{
	off_t data, end = 0, size = st->st_size;

	/* as big on the disk: to look for holes would be for nothing */
	if (st->st_blocks * 512 >= size)
		return hash_range(fd, b, 0, size, err);
	while (end < size) {
		data = lseek(fd, end, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			break;
		if (data < 0)
			return fail_errno(err, "seek");
		end = lseek(fd, data, SEEK_HOLE);
		if (end < 0)
			return fail_errno(err, "seek");
		end = up(end) < size ? up(end) : size;
		if (hash_range(fd, b, data - data % BLOCK, end, err) < 0)
			return -1;
	}
	return 0;
}

static int
hash_file(const struct walk_entry *w, struct hashed *f, struct error *err)
{
	struct blake2b b;
	int fd, rc = 0;

	*f = (struct hashed){.plain = false};
	blake2b_init(&b);
	if (w->st.st_size > 0) {
		fd = openat(w->dirfd, w->name,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			return fail_errno(err, "open");
		rc = hash_data(fd, &b, &w->st, err);
		/* cheaper than by the name afterwards */
		f->plain = flistxattr(fd, NULL, 0) == 0;
		close(fd);
	}
	blake2b_end(&b, f->hex);
	return rc;
}

/* ---- two processes ------------------------------------------------------- */

/* Ends the walk as soon as it is enough. */
static int
weigh(void *ctx, const struct walk_entry *w, struct error *err)
{
	uint64_t *load = ctx;

	if (S_ISREG(w->st.st_mode))
		*load += (uint64_t)w->st.st_size + PER_FILE;
	return *load < WORTH ? 0 : fail(err, "enough");
}

static bool
is_worth_two(int root)
{
	struct error err;
	uint64_t load = 0;

	return walk(root, weigh, &load, &err) < 0 && load >= WORTH &&
	    sysconf(_SC_NPROCESSORS_ONLN) > 1;
}

bool
hasher_begin(struct hasher *h, int root)
{
	pid_t parent = getpid();
	int fds[2];

	*h = (struct hasher){.pid = -1, .pipe = -1};
	if (!is_worth_two(root) || pipe2(fds, O_CLOEXEC) < 0)
		return false;
	h->pid = fork();
	h->pipe = fds[h->pid == 0];
	close(fds[h->pid != 0]);
	if (h->pid == 0) {
		(void)signal(SIGPIPE, SIG_DFL);
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
			_exit(1);
		return true;
	}
	if (h->pid < 0)
		hasher_end(h);
	return false;
}

/* Whose turn is it? The same answer in both. */
static int
turn(struct hasher *h, const struct walk_entry *w)
{
	int side = h->load[1] < h->load[0];

	h->load[side] += (uint64_t)w->st.st_size + PER_FILE;
	return side;
}

static int
say(struct hasher *h, const struct walk_entry *w, const struct hashed *f,
    struct error *err)
{
	struct word word;

	memset(&word, 0, sizeof(word));
	word.ino = w->st.st_ino;
	word.file = *f;
	if (write(h->pipe, &word, sizeof(word)) != (ssize_t)sizeof(word))
		return fail_errno(err, "write");
	return 0;
}

/* What the child says of the file; false if it doesn't. */
static bool
listen_to(struct hasher *h, const struct walk_entry *w, struct hashed *f)
{
	struct word word = {0};
	size_t have = 0;
	ssize_t n = 1;

	while (have < sizeof(word) && n > 0) {
		n = read(h->pipe, (char *)&word + have, sizeof(word) - have);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			have += (size_t)n;
	}
	if (have < sizeof(word) || word.ino != w->st.st_ino)
		return false;
	*f = word.file;
	return true;
}

int
hasher_file(struct hasher *h, const struct walk_entry *w, struct hashed *f,
    struct error *err)
{
	int side;

	if (h->pipe < 0)
		return hash_file(w, f, err);
	side = turn(h, w);
	if (h->pid == 0) {
		*f = (struct hashed){.plain = false};
		if (side == 0)
			return 0;
		return hash_file(w, f, err) < 0 ? -1 : say(h, w, f, err);
	}
	if (side == 1) {
		if (listen_to(h, w, f))
			return 0;
		hasher_end(h);
	}
	return hash_file(w, f, err);
}

bool
hasher_is_child(const struct hasher *h)
{
	return h->pid == 0 && h->pipe >= 0;
}

void
hasher_end(struct hasher *h)
{
	if (h->pipe >= 0)
		close(h->pipe);
	h->pipe = -1;
	if (h->pid <= 0)
		return;
	(void)kill(h->pid, SIGKILL);
	while (waitpid(h->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	h->pid = -1;
}
