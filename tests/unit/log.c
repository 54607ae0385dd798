/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a line of a log looks like, and where. */
#include "base/log.h"
#include "tap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The line as it comes out on a standard error that JOURNAL_STREAM is about:
 * stream "own" is that itself, NULL none.
 */
static const char *
line(const char *stream, enum log_level level)
{
	static char text[256];
	char own[64];
	struct stat st;
	int was = dup(STDERR_FILENO), fd = memfd_create("stderr", MFD_CLOEXEC);
	ssize_t n;

	fstat(fd, &st);
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
	unsetenv("JOURNAL_STREAM");
	if (stream)
		setenv("JOURNAL_STREAM",
		    strcmp(stream, "own") == 0 ? own : stream, 1);
	dup2(fd, STDERR_FILENO);
	log_line(level, "job=%d \033[1m", 7);
	dup2(was, STDERR_FILENO);
	close(was);
	n = pread(fd, text, sizeof(text) - 1, 0);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

int
main(void)
{
	is(line(NULL, LOG_L_INFO), "job=7 \\x1b[1m\n",
	    "a pipe or a file: no priority");
	is(line("own", LOG_L_INFO), "<6>job=7 \\x1b[1m\n",
	    "the journal: the priority stands before it");
	is(line("own", LOG_L_ERR), "<3>job=7 \\x1b[1m\n", "an error's");
	is(line("1:1", LOG_L_ERR), "job=7 \\x1b[1m\n",
	    "another descriptor is the journal");
	is(line("", LOG_L_ERR), "job=7 \\x1b[1m\n", "a variable without value");
	is(line("own", LOG_L_DEBUG), "", "a level that isn't asked for");
	return tap_done();
}
