/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a confined child can do, and what it can't. */
#include "tap.h"
#include "master/serve/confine.h"
#include "base/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static long
do_open(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static long
do_open_old(void)
{
	return syscall(SYS_openat, AT_FDCWD, "/", O_RDONLY);
}

static long
do_open_how(void)
{
	unsigned long long how[3] = {O_RDONLY, 0, 0};

	return syscall(SYS_openat2, AT_FDCWD, "/", how, sizeof(how));
}

static long
do_stat(void)
{
	struct stat s;

	return stat("/etc/passwd", &s);
}

static long
do_unlink(void)
{
	return unlink("/nowhere/at/all");
}

static long
do_socket(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static long
do_pair(void)
{
	int fds[2];

	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds);
}

static long
do_exec(void)
{
	char *argv[] = {(char[]){"true"}, NULL};

	return execv("/bin/true", argv);
}

static long
do_fork(void)
{
	return fork();
}

static long
do_kill(void)
{
	return kill(getppid(), 0);
}

static long
do_signal_thread(void)
{
	return syscall(SYS_tgkill, getppid(), getppid(), 0);
}

static long
do_trace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static long
do_limit(void)
{
	struct rlimit rl;

	return getrlimit(RLIMIT_NOFILE, &rl);
}

static long
do_ioctl(void)
{
	int n;

	return ioctl(0, FIONREAD, &n);
}

static long
do_memfd(void)
{
	return memfd_create("x", MFD_CLOEXEC);
}

static long
do_unknown(void)
{
	return syscall(100000);
}

static const struct {
	const char *what;
	long (*call)(void);
} tried[] = {
    {"open", do_open},
    {"openat", do_open_old},
    {"openat2", do_open_how},
    {"stat", do_stat},
    {"unlink", do_unlink},
    {"socket", do_socket},
    {"socketpair", do_pair},
    {"execve", do_exec},
    {"fork", do_fork},
    {"kill", do_kill},
    {"tgkill", do_signal_thread},
    {"ptrace", do_trace},
    {"prlimit", do_limit},
    {"ioctl", do_ioctl},
    {"memfd_create", do_memfd},
    {"a call that there is not", do_unknown},
};

#define TRIED (sizeof(tried) / sizeof(tried[0]))

struct seen {
	int confined, codes[TRIED], memory, file;
	char byte;
};

/* Memory by the small and the large way, and given back. */
static int
use_memory(void)
{
	char *p, *more;
	size_t n;

	for (n = 16; n <= (size_t)64 << 20; n *= 2) {
		p = malloc(n);
		if (!p)
			return -1;
		p[n - 1] = 1;
		more = realloc(p, n * 2);
		free(more ? more : p);
		if (!more)
			return -1;
	}
	return 0;
}

static _Noreturn void
child(int file, int out, int messages)
{
	struct error err = {0};
	struct seen s = {0};
	size_t i;

	dup2(messages, 2);
	close(messages);
	s.confined = confine(&err);
	for (i = 0; i < TRIED; i++) {
		errno = 0;
		s.codes[i] = tried[i].call() == -1 ? errno : -1;
	}
	s.memory = use_memory();
	s.file = lseek(file, 1, SEEK_SET) == 1 && read(file, &s.byte, 1) == 1;
	s.file = s.file && write(2, "not to be seen\n", 15) == 15;
	_exit(write(out, &s, sizeof(s)) == sizeof(s) ? 0 : 1);
}

int
main(void)
{
	char path[] = "/tmp/confine.XXXXXX";
	int fds[2], said[2], file = mkstemp(path), status = 0;
	struct seen s = {.confined = -1};
	size_t i;
	pid_t pid;

	unlink(path);
	if (file < 0 || write(file, "ab", 2) != 2 || pipe(fds) < 0 ||
	    pipe(said) < 0)
		return 1;
	pid = fork();
	if (pid == 0)
		child(file, fds[1], said[1]);
	close(fds[1]);
	close(said[1]);
	is_int(read(fds[0], &s, sizeof(s)), sizeof(s), "the child has told");
	waitpid(pid, &status, 0);
	is_int(status, 0, "and ended well");
	is_int(s.confined, 0, "it is confined");
	for (i = 0; i < TRIED; i++)
		is_int(s.codes[i], EPERM, tried[i].what);
	is_int(s.memory, 0, "it has memory");
	ok(s.file && s.byte == 'b', "and what it had open");
	is_int(read(said[0], path, 1), 0, "its messages go nowhere");
	return tap_done();
}
