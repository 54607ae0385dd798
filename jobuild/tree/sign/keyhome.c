/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The watcher is a fork that holds nothing open but the reading end of a
 * pipe. When the last writing end is gone, the caller has closed it or is
 * dead: killed by a signal, too, which runs no code of ours. The watcher is in
 * a session of its own, so that what ends the caller's group leaves it alone.
 */
#include "keyhome.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ARGS_MAX  16
#define TRIES     100 /* of removing while a dying gpg still writes */
#define TRY_PAUSE 20  /* milliseconds */

/*
 * no-autostart: not even an import leaves an agent behind. self-sigs-only:
 * other people's signatures, of which a block may have thousands, are dropped.
 */
static const char gpg_conf[] = "no-autostart\n"
			       "no-auto-key-retrieve\n"
			       "no-auto-key-import\n"
			       "disable-dirmngr\n"
			       "no-auto-check-trustdb\n"
			       "trust-model always\n"
			       "import-options self-sigs-only\n"
			       "display-charset utf-8\n"
			       "no-greeting\n";
static const char strict_conf[] = "weak-digest SHA1\n";

static void
pause_ms(long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

/* gpg may be about to make a file, since its caller died a moment ago. */
static void
remove_folder(const char *path)
{
	struct error err;
	int i;

	for (i = 0; i < TRIES; i++) {
		if (file_remove_tree(AT_FDCWD, path, &err) == 0)
			return;
		pause_ms(TRY_PAUSE);
	}
}

static _Noreturn void
watch(const char *path, int end)
{
	sigset_t all;
	char c;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setsid();
	dup2(end, 0);
	(void)close_range(1, ~0U, 0);
	while (read(0, &c, 1) > 0)
		;
	remove_folder(path);
	_exit(0);
}

static int
start_watcher(struct keyhome *h, struct error *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail_errno(err, "pipe");
	h->watcher = fork();
	if (h->watcher == 0)
		watch(h->path, ends[0]);
	close(ends[0]);
	h->leash = ends[1];
	if (h->watcher > 0)
		return 0;
	fail_errno(err, "fork");
	close(h->leash);
	return -1;
}

int
keyhome_open(struct keyhome *h, struct error *err)
{
	const char *tmp = getenv("TMPDIR");
	int n;

	memset(h, 0, sizeof(*h));
	n = snprintf(h->path, sizeof(h->path) - 32, "%s/autotua-gpg-XXXXXX",
	    tmp && *tmp ? tmp : "/tmp");
	if (n < 0 || (size_t)n >= sizeof(h->path) - 32) {
		h->path[0] = '\0';
		return fail(err, "TMPDIR is too long");
	}
	if (!mkdtemp(h->path)) {
		fail_errno(err, "create folder %s", h->path);
		h->path[0] = '\0';
		return -1;
	}
	if (start_watcher(h, err) == 0)
		return 0;
	rmdir(h->path);
	h->path[0] = '\0';
	return -1;
}

void
keyhome_close(struct keyhome *h)
{
	if (!h->path[0])
		return;
	keptgpg_end(&h->kept);
	remove_folder(h->path);
	close(h->leash);
	while (waitpid(h->watcher, NULL, 0) < 0 && errno == EINTR)
		;
	h->path[0] = '\0';
}

const char *
keyhome_add(struct keyhome *h, enum keyhome_kind kind, struct arena *a,
    struct error *err)
{
	const char *path = arena_printf(a, "%s/%zu", h->path, h->n++);
	const char *conf = arena_printf(
	    a, "%s%s", gpg_conf, kind == KEYHOME_STRICT ? strict_conf : "");

	if (mkdir(path, 0700) < 0) {
		fail_errno(err, "create folder %s", path);
		return NULL;
	}
	if (file_create(arena_printf(a, "%s/gpg.conf", path), conf,
		strlen(conf), 0600, err) < 0)
		return NULL;
	/* an empty one keeps newer releases from starting a key daemon */
	if (file_create(
		arena_printf(a, "%s/common.conf", path), "", 0, 0600, err) < 0)
		return NULL;
	return path;
}

int
keyhome_gpg(const char *home, const char *const args[], struct buf *out,
    struct error *err)
{
	const char *argv[ARGS_MAX + 8] = {
	    GPG, "--homedir", home, "--batch", "--no-tty", "--quiet"};
	const char *const env[] = {"PATH=/usr/bin:/bin", "LC_ALL=C", NULL};
	struct proc p = {.argv = argv, .env = env, .in = -1, .err = -1};
	int ends[2], status, rc;
	size_t i, n = 6;
	pid_t pid;

	for (i = 0; i < ARGS_MAX && args[i]; i++)
		argv[n++] = args[i];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail_errno(err, "pipe");
	p.out = ends[1];
	pid = proc_start(&p, err);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return -1;
	}
	rc = buf_read(out, ends[0], err);
	close(ends[0]);
	if (proc_wait(pid, &status, err) < 0)
		return -1;
	return rc;
}
