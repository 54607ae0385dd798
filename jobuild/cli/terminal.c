/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/terminal.h"
#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static volatile sig_atomic_t resized;

static void
on_resize(int sig)
{
	(void)sig;
	resized = 1;
}

static void
copy_size(int master)
{
	struct winsize size;

	resized = 0;
	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		(void)ioctl(master, TIOCSWINSZ, &size);
}

bool
terminal_is(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) && term && *term && strcmp(term, "dumb") != 0;
}

bool
terminal_answers(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

int
terminal_open(struct terminal *t, struct error *err)
{
	char name[128];

	*t = (struct terminal){.master = -1, .slave = -1};
	if (!terminal_answers())
		return fail(err, "--shell needs a terminal");
	t->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (t->master < 0 || grantpt(t->master) < 0 ||
	    unlockpt(t->master) < 0 ||
	    ptsname_r(t->master, name, sizeof(name)) != 0) {
		fail_errno(err, "pseudo-terminal");
		terminal_close(t);
		return -1;
	}
	t->slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (t->slave >= 0)
		return 0;
	fail_errno(err, "open %s", name);
	terminal_close(t);
	return -1;
}

/* What from has, to the other; false at its end. */
static bool
pass(int from, int to)
{
	struct error ignored;
	char chunk[4096];
	ssize_t n;

	n = read(from, chunk, sizeof(chunk));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	return n > 0 && file_write_all(to, chunk, (size_t)n, &ignored) == 0;
}

static void
carry(int master)
{
	struct pollfd p[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
	    {.fd = master, .events = POLLIN}};

	for (;;) {
		if (resized)
			copy_size(master);
		if (poll(p, 2, -1) < 0)
			continue;
		/* at its end the other side is all that counts */
		if (p[0].revents != 0 && !pass(STDIN_FILENO, master))
			p[0].fd = -1;
		if (p[1].revents != 0 && !pass(master, STDERR_FILENO))
			return;
	}
}

static _Noreturn void
child(const struct terminal *t)
{
	struct sigaction sa = {.sa_handler = on_resize};
	struct termios was, raw;

	/* whoever waits for a descriptor's end must not wait for this one */
	if (t->master > 3)
		(void)close_range(3, (unsigned)t->master - 1, 0);
	(void)close_range((unsigned)t->master + 1, ~0U, 0);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGTTOU, SIG_IGN);
	sigaction(SIGWINCH, &sa, NULL);
	if (tcgetattr(STDIN_FILENO, &was) < 0)
		_exit(1);
	raw = was;
	cfmakeraw(&raw);
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	copy_size(t->master);
	carry(t->master);
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &was);
	_exit(0);
}

int
terminal_carry(struct terminal *t, struct error *err)
{
	t->carrier = fork();
	if (t->carrier < 0) {
		t->carrier = 0;
		return fail_errno(err, "fork");
	}
	if (t->carrier == 0)
		child(t);
	return 0;
}

void
terminal_close(struct terminal *t)
{
	if (t->slave >= 0)
		close(t->slave);
	while (t->carrier > 0 && waitpid(t->carrier, NULL, 0) < 0 &&
	    errno == EINTR)
		continue;
	if (t->master >= 0)
		close(t->master);
	*t = (struct terminal){.master = -1, .slave = -1};
}
