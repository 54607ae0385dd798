/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/unpack/inflate.h"
#include "base/error.h"
#include "base/filters.h"
#include "base/proc.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK     (1 << 16)
#define PIPE_SIZE (1 << 20)

/* A file that begins like what one of the filters makes. */
static bool
is_compressed(int fd)
{
	static const struct {
		const char *begin;
		size_t n;
	} kinds[] = {{"\37\213", 2}, {"BZh", 3}, {"\3757zXZ", 5},
	    {"\50\265\57\375", 4}, {"\4\42\115\30", 4}, {"LZIP", 4}};
	char text[8] = "";
	size_t i;

	if (pread(fd, text, sizeof(text), lseek(fd, 0, SEEK_CUR)) < 6)
		return false;
	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (memcmp(text, kinds[i].begin, kinds[i].n) == 0)
			return true;
	}
	return false;
}

/* Until all is written, or nobody wants more. */
static int
copy(struct archive *a, int out)
{
	const char *p;
	const void *block;
	size_t size;
	int64_t offset;
	ssize_t n;
	int rc;

	while ((rc = archive_read_data_block(a, &block, &size, &offset)) ==
	    ARCHIVE_OK) {
		for (p = block; size > 0; p += n, size -= (size_t)n) {
			n = write(out, p, size);
			if (n < 0)
				_exit(errno == EPIPE ? 0 : 1);
		}
	}
	return rc;
}

static _Noreturn void
child(int fd, int data, int errors, pid_t parent)
{
	struct archive *a = archive_read_new();
	struct archive_entry *e;
	const char *why = "out of memory";
	int rc = ARCHIVE_FATAL;

	(void)signal(SIGPIPE, SIG_IGN);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(1);
	if (a) {
		filters_allow(a);
		archive_read_support_format_raw(a);
		archive_read_support_format_empty(a);
		rc = archive_read_open_fd(a, fd, BLOCK);
		if (rc == ARCHIVE_OK)
			rc = archive_read_next_header(a, &e);
		if (rc == ARCHIVE_OK)
			rc = copy(a, data);
		why = archive_error_string(a);
	}
	/* before the data's end, so that the reader finds it there */
	if (rc != ARCHIVE_EOF && !why)
		why = "is damaged";
	if (rc != ARCHIVE_EOF && write(errors, why, strlen(why)) < 0)
		_exit(1);
	_exit(0);
}

void
inflate_begin(struct inflate *i, int fd)
{
	pid_t parent = getpid();
	int data[2], errors[2];

	*i = (struct inflate){.data = fd, .errors = -1};
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2 || !is_compressed(fd) ||
	    pipe2(data, O_CLOEXEC) < 0)
		return;
	if (pipe2(errors, O_CLOEXEC) < 0) {
		close(data[0]);
		close(data[1]);
		return;
	}
	(void)fcntl(data[0], F_SETPIPE_SZ, PIPE_SIZE);
	i->pid = fork();
	if (i->pid == 0) {
		close(data[0]);
		close(errors[0]);
		child(fd, data[1], errors[1], parent);
	}
	close(data[1]);
	close(errors[1]);
	i->data = data[0];
	i->errors = errors[0];
	if (i->pid < 0) {
		inflate_end(i);
		i->data = fd;
	}
}

bool
inflate_failed(struct inflate *i)
{
	struct error err;
	int status, rc;
	ssize_t n;

	if (i->pid == 0)
		return i->why[0] != '\0';
	/* it is told that nobody wants more */
	close(i->data);
	i->data = -1;
	do
		n = read(i->errors, i->why, sizeof(i->why) - 1);
	while (n < 0 && errno == EINTR);
	i->why[n > 0 ? n : 0] = '\0';
	rc = proc_wait(i->pid, &status, &err);
	i->pid = 0;
	/* who is killed can't say so, and what it gave may seem whole */
	if (n <= 0 && (rc < 0 || status != 0))
		snprintf(i->why, sizeof(i->why),
		    "the decompressing process died: %.200s",
		    rc < 0 ? err.msg : proc_status_text(status));
	return i->why[0] != '\0';
}

void
inflate_end(struct inflate *i)
{
	if (i->errors < 0)
		return;
	if (i->data >= 0)
		close(i->data);
	close(i->errors);
	i->errors = -1;
	if (i->pid > 0) {
		(void)kill(i->pid, SIGKILL);
		while (waitpid(i->pid, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
	i->pid = 0;
}
