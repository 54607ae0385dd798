/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/jail/order.h"
#include "chroot/jail/uplink.h"
#include "chroot/sys/ids.h"
#include "chroot/sys/sys.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/passing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#define FDS (PARTS + PARTS_LOWER) /* below SCM_MAX_FD, 253 */

/* What goes over the socket; behind it the arguments, each with its NUL. */
struct order {
	bool nest, bits32, poor;
	enum network net;
	struct limits limits;
	bool has[PARTS];
	size_t nlower, nargs, size;
};

/* ---- the parent ---------------------------------------------------------- */

/* The folder at path as a mount of its own. */
static int
open_mount(const struct box *b, const char *path, uint64_t attributes,
    struct error *err)
{
	int fd, copy;

	fd = sys_open_beneath(AT_FDCWD, path, O_PATH | O_DIRECTORY);
	if (fd < 0)
		return fail_errno(err, "open %s", path);
	copy = ids_mount(fd, b->mapped ? b->userns : -1,
	    attributes | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, err);
	close(fd);
	return copy < 0 ? fail_in(err, "%s", path) : copy;
}

/* The state folder, in which a user may have mounts: of distfiles, say. */
static int
open_images(const struct box *b, struct error *err)
{
	int fd, copy;

	if (b->userns < 0 || b->mapped)
		return open_mount(b, ".", MOUNT_ATTR_RDONLY, err);
	fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(err, "open the state folder");
	copy = ids_mount_all(
	    fd, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, err);
	close(fd);
	return copy < 0 ? fail_in(err, "state folder") : copy;
}

/*
 * By one mount of all images: the end of each mount is a wait for all
 * processors.
 */
static int
open_lowers(struct parts *p, const struct box *b, struct error *err)
{
	int images = open_images(b, err);
	char path[256];
	size_t i;

	p->fd[PART_IMAGES] = images;
	if (images < 0)
		return -1;
	for (i = b->nlayers + 1; i > 0; i--) {
		if (i > 1)
			snprintf(path, sizeof(path), "layers/%s/root",
			    b->layers[i - 2]);
		else
			snprintf(path, sizeof(path), "%s/root", b->below);
		p->lower[p->nlower] =
		    sys_open_beneath(images, path, O_PATH | O_DIRECTORY);
		if (p->lower[p->nlower] < 0)
			return fail_errno(err, "open %s", path);
		p->nlower++;
	}
	return 0;
}

static int
open_overlay(struct parts *p, const struct box *b, struct error *err)
{
	int run;

	if (b->folder < 0)
		run = open_mount(b, b->run, 0, err);
	else if ((run = fcntl(b->folder, F_DUPFD_CLOEXEC, 0)) < 0)
		fail_errno(err, "descriptors");
	p->fd[PART_RUN] = run;
	if (run < 0)
		return -1;
	p->fd[PART_UPPER] =
	    sys_open_beneath(run, "upper", O_PATH | O_DIRECTORY);
	p->fd[PART_WORK] = sys_open_beneath(run, b->work, O_PATH | O_DIRECTORY);
	if (p->fd[PART_UPPER] < 0 || p->fd[PART_WORK] < 0)
		return fail_errno(err, "open %s", b->run);
	return open_lowers(p, b, err);
}

/* A file of the host's, once more. */
static int
open_resolver(int *out, const struct box *b, struct error *err)
{
	const char *path =
	    b->net == NETWORK_PRIVATE ? uplink_resolver() : "/etc/resolv.conf";
	int fd, copy;

	*out = -1;
	if (b->net == NETWORK_NO || !path || access(path, R_OK) < 0)
		return 0;
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(err, "open %s", path);
	copy = ids_mount(fd, -1,
	    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, err);
	close(fd);
	*out = copy;
	return copy < 0 ? fail_in(err, "%s", path) : 0;
}

static int
open_doors(struct parts *p, const struct box *b, struct error *err)
{
	int i;

	for (i = 0; i < CONTROLS; i++) {
		p->fd[PART_DOOR + i] =
		    cgroup_door(b->groups, (enum controller)i, err);
		if (p->fd[PART_DOOR + i] < -1)
			return -1;
	}
	return 0;
}

int
parts_open(struct parts *p, const struct box *b, struct error *err)
{
	char path[256];

	*p = PARTS_NONE;
	if (b->copied) {
		snprintf(path, sizeof(path), "%s/upper", b->run);
		p->fd[PART_ROOT] = open_mount(b, path, 0, err);
		if (p->fd[PART_ROOT] < 0)
			return -1;
	} else if (open_overlay(p, b, err) < 0) {
		return -1;
	}
	p->fd[PART_EXTRA] =
	    b->extra < 0 ? -1 : fcntl(b->extra, F_DUPFD_CLOEXEC, 0);
	if (b->extra >= 0 && p->fd[PART_EXTRA] < 0)
		return fail_errno(err, "descriptors");
	if (open_doors(p, b, err) < 0)
		return -1;
	if (!b->argv)
		return 0;
	snprintf(path, sizeof(path), "%s/home", b->run);
	p->fd[PART_HOME] = open_mount(b, path, 0, err);
	snprintf(path, sizeof(path), "%s/src", b->run);
	if (p->fd[PART_HOME] >= 0)
		p->fd[PART_SRC] = open_mount(b, path, MOUNT_ATTR_RDONLY, err);
	if (p->fd[PART_SRC] < 0)
		return -1;
	if (b->recipe >= 0) {
		p->fd[PART_RECIPE] = fcntl(b->recipe, F_DUPFD_CLOEXEC, 0);
		if (p->fd[PART_RECIPE] < 0)
			return fail_errno(err, "descriptors");
	}
	return open_resolver(&p->fd[PART_RESOLVER], b, err);
}

void
parts_close(struct parts *p)
{
	size_t i;

	while (p->nlower > 0)
		close(p->lower[--p->nlower]);
	for (i = 0; i < PARTS; i++) {
		if (p->fd[i] >= 0)
			close(p->fd[i]);
		p->fd[i] = -1;
	}
}

/* The arguments as one text. */
static int
join(const struct box *b, struct order *o, struct buf *text, struct error *err)
{
	size_t i;

	for (i = 0; b->argv && b->argv[i]; i++) {
		if (buf_add(text, b->argv[i], strlen(b->argv[i]) + 1) < 0)
			return fail(err, "the command is too long");
		o->nargs++;
	}
	o->size = text->len;
	return 0;
}

static size_t
collect(struct order *o, const struct parts *p, int fds[FDS])
{
	size_t i, n = 0;

	for (i = 0; i < PARTS; i++) {
		o->has[i] = p->fd[i] >= 0;
		if (o->has[i])
			fds[n++] = p->fd[i];
	}
	o->nlower = p->nlower;
	memcpy(fds + n, p->lower, p->nlower * sizeof(*fds));
	return n + p->nlower;
}

static int
send_order(int socket, struct order *o, const struct parts *p)
{
	int fds[FDS];
	size_t n = collect(o, p, fds);

	return pass_send(socket, o, sizeof(*o), fds, n, 0);
}

int
order_send(
    int socket, const struct box *b, const struct parts *p, struct error *err)
{
	struct order o;
	struct buf text;
	size_t done = 0;
	ssize_t n = 0;
	int rc;

	memset(&o, 0, sizeof(o));
	o.nest = b->nest;
	o.bits32 = b->bits32;
	o.poor = b->poor;
	o.net = b->net;
	o.limits = b->limits;
	buf_init(&text, SIZE_MAX / 2);
	rc = join(b, &o, &text, err);
	if (rc == 0 && send_order(socket, &o, p) < 0 && errno != EPIPE &&
	    errno != ECONNRESET)
		rc = fail_errno(err, "tell process 1 what to run");
	while (rc == 0 && done < text.len && n >= 0) {
		n = send(
		    socket, text.data + done, text.len - done, MSG_NOSIGNAL);
		done += n > 0 ? (size_t)n : 0;
	}
	buf_release(&text);
	return rc;
}

/* ---- process 1 ----------------------------------------------------------- */

/* The descriptors of a message, in the order of collect(). */
static void
take(struct parts *p, const struct order *o, const struct passed *got)
{
	size_t i, n = 0;

	for (i = 0; i < PARTS; i++) {
		if (o->has[i] && n < got->n)
			p->fd[i] = got->fds[n++];
	}
	if (o->nlower > PARTS_LOWER || got->n - n != o->nlower)
		_exit(70);
	memcpy(p->lower, got->fds + n, o->nlower * sizeof(int));
	p->nlower = o->nlower;
}

static void
read_command(struct box *b, const struct order *o, struct arena *a)
{
	const char **argv = arena_array(a, o->nargs + 1, const char *);
	char *text = arena_alloc(a, o->size + 1, 1);
	size_t done = 0, i;
	ssize_t n;

	while (done < o->size) {
		n = read(BOX_ORDER, text + done, o->size - done);
		if (n <= 0)
			_exit(70);
		done += (size_t)n;
	}
	text[o->size] = '\0';
	for (i = 0, done = 0; i < o->nargs && done < o->size; i++) {
		argv[i] = text + done;
		done += strlen(argv[i]) + 1;
	}
	b->argv = argv;
}

void
order_receive(struct box *b, struct parts *p, struct arena *a)
{
	struct passed got;
	struct order o;

	*p = PARTS_NONE;
	/* the parent is gone, or has no use for us */
	if (pass_receive(BOX_ORDER, &o, sizeof(o), &got) != (ssize_t)sizeof(o))
		_exit(70);
	if (got.cut)
		box_die(b, "descriptors: no room for those of the job");
	take(p, &o, &got);
	b->nest = o.nest;
	b->bits32 = o.bits32;
	b->poor = o.poor;
	b->net = o.net;
	b->limits = o.limits;
	b->extra = p->fd[PART_EXTRA];
	b->argv = NULL;
	if (o.nargs > 0)
		read_command(b, &o, a);
}
