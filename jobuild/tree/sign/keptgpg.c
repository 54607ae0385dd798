/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * It ends when nobody can write to it any more, so also when we are killed.
 * It reads from a socket: writing to one that died raises no signal.
 */
#include "keptgpg.h"
#include "keyhome.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NAME_MAX_GPG 2000 /* bytes of a line that gpg reads */
#define CHUNK        4096

static pid_t
run(const char *home, int in, int out)
{
	const char *const argv[] = {GPG, "--homedir", home, "--batch",
	    "--no-tty", "--quiet", "--exit-on-status-write-error",
	    "--status-fd", "1", "--verify-files", NULL};
	const char *const env[] = {"PATH=/usr/bin:/bin", "LC_ALL=C", NULL};
	struct proc p = {
	    .argv = argv, .env = env, .in = in, .out = out, .err = -1};
	struct error none;

	return proc_start(&p, &none);
}

static int
start(struct keptgpg *k, const char *home)
{
	int ask[2], told[2];

	if (strlen(home) >= sizeof(k->home) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ask) < 0)
		return -1;
	if (pipe2(told, O_CLOEXEC) < 0) {
		close(ask[0]);
		close(ask[1]);
		return -1;
	}
	k->pid = run(home, ask[1], told[1]);
	close(ask[1]);
	close(told[1]);
	if (k->pid < 0) {
		k->pid = 0;
		close(ask[0]);
		close(told[0]);
		return -1;
	}
	k->ask = ask[0];
	k->told = told[0];
	memcpy(k->home, home, strlen(home) + 1);
	return 0;
}

void
keptgpg_end(struct keptgpg *k)
{
	struct error none;
	int status;

	if (k->pid <= 0)
		return;
	close(k->ask);
	close(k->told);
	(void)proc_wait(k->pid, &status, &none);
	k->pid = 0;
}

static int
send_all(int fd, const char *p, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = send(fd, p, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int
send_name(const struct keptgpg *k, const char *path)
{
	char line[NAME_MAX_GPG + 2];
	int n = snprintf(line, sizeof(line), "%s\n", path);

	if (n <= 0 || (size_t)n >= sizeof(line))
		return -1;
	return send_all(k->ask, line, (size_t)n);
}

/* Is this line of n bytes the last one about a file? */
static bool
is_end(const char *line, size_t n)
{
	static const char done[] = "[GNUPG:] FILE_DONE",
			  error[] = "[GNUPG:] FILE_ERROR ";

	return (n == strlen(done) && memcmp(line, done, n) == 0) ||
	    (n > strlen(error) && memcmp(line, error, strlen(error)) == 0);
}

/* Whole lines behind from that end a file; from moves behind them. */
static size_t
count_ends(const struct buf *b, size_t *from)
{
	const char *line = b->data + *from, *eol;
	size_t n = 0;

	while ((eol = memchr(line, '\n', b->len - (size_t)(line - b->data))) !=
	    NULL) {
		n += is_end(line, (size_t)(eol - line));
		line = eol + 1;
	}
	*from = (size_t)(line - b->data);
	return n;
}

static int
listen_to(const struct keptgpg *k, size_t files, struct buf *status)
{
	size_t ended = 0, from = 0;
	char chunk[CHUNK];
	ssize_t n;

	while (ended < files) {
		n = read(k->told, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || buf_add(status, chunk, (size_t)n) < 0)
			return -1;
		ended += count_ends(status, &from);
	}
	return ended == files && from == status->len ? 0 : -1;
}

int
keptgpg_ask(struct keptgpg *k, const char *home, const char *const paths[],
    size_t n, struct buf *status)
{
	size_t i;

	if (k->pid > 0 && strcmp(k->home, home) != 0)
		keptgpg_end(k);
	if (k->pid <= 0 && start(k, home) < 0)
		return -1;
	k->asked += n;
	for (i = 0; i < n; i++) {
		if (send_name(k, paths[i]) < 0)
			break;
	}
	if (i == n && listen_to(k, n, status) == 0)
		return 0;
	/* what it says next would be taken for an answer to something else */
	keptgpg_end(k);
	return -1;
}
