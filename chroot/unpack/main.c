/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * autotua-unpack, see unpacker.h. The folder becomes the root directory and
 * what root could do besides writing files is given up before the first byte
 * of the archive is read.
 */
#include "chroot/sys/priv.h"
#include "chroot/sys/unpacker.h"

#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Die with the caller, who may be gone already: nobody reads the answer. */
static int
tie(struct error *err)
{
	struct pollfd p = {.fd = STDOUT_FILENO};

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return fail_errno(err, "prctl");
	if (poll(&p, 1, 0) != 0)
		return fail(err, "the caller is gone");
	return 0;
}

/* As root of the user namespace, from here on with its ids only. */
static int
enter_userns(const char *number, struct error *err)
{
	int fd = (int)strtol(number, NULL, 10);

	if (setns(fd, CLONE_NEWUSER) < 0 || setgroups(0, NULL) < 0 ||
	    setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return fail_errno(err, "enter the user namespace");
	close(fd);
	return 0;
}

/* argv: the folder, and the user namespace if there is one. */
static int
fill(char **argv, enum unpack_policy policy, struct unpack_count *count,
    struct error *err)
{
	int root = (int)strtol(argv[0], NULL, 10);

	unpack_prepare();
	if (argv[1] && enter_userns(argv[1], err) < 0)
		return -1;
	if (fchdir(root) < 0 || chroot(".") < 0)
		return fail_errno(err, "chroot");
	close(root);
	/* a change of credentials has untied it */
	if (priv_drop(PRIV_UNPACK, err) < 0 || tie(err) < 0)
		return -1;
	return unpack(STDIN_FILENO, policy, count, err);
}

int
main(int argc, char **argv)
{
	struct unpacker_answer a = {.good = false};
	int rc;

	umask(022);
	if (tie(&a.err) < 0)
		rc = -1;
	else if (argc >= 3 && strcmp(argv[1], "stage") == 0)
		rc = fill(argv + 2, UNPACK_STAGE, &a.count, &a.err);
	else if (argc >= 3 && strcmp(argv[1], "conf") == 0)
		rc = fill(argv + 2, UNPACK_CONF, &a.count, &a.err);
	else if (argc >= 3 && strcmp(argv[1], "layer") == 0)
		rc = fill(argv + 2, UNPACK_LAYER, &a.count, &a.err);
	else {
		fputs("autotua-unpack: is started by autotua-chroot\n", stderr);
		return 2;
	}
	a.good = rc == 0;
	if (write(STDOUT_FILENO, &a, sizeof(a)) != sizeof(a))
		_exit(1);
	/* what libraries do at exit() isn't for the archive's root */
	_exit(a.good ? 0 : 1);
}
