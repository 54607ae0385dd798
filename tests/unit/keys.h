/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Real OpenPGP keys for tests: a GnuPG home of our own, driven by gpg itself
 * as a maintainer would. keys_end() stops its agent and removes it.
 */
#ifndef TESTS_KEYS_H
#define TESTS_KEYS_H

#include "program.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/proc.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char keys_home[] = "/tmp/autotua-keys-XXXXXX";

__attribute__((unused)) static void
keys_begin(void)
{
	if (!mkdtemp(keys_home) || setenv("GNUPGHOME", keys_home, 1) < 0) {
		perror("keys_begin");
		exit(1);
	}
}

__attribute__((unused)) static void
keys_end(void)
{
	const char *const kill_all[] = {"gpgconf", "--kill", "all", NULL};
	struct error err;

	(void)proc_run(kill_all, NULL, &err);
	(void)file_remove_tree(AT_FDCWD, keys_home, &err);
}

/* Run gpg with these arguments (NULL ends); out gets its output or is NULL. */
__attribute__((unused, sentinel)) static bool
gpg(struct buf *out, ...)
{
	const char *argv[PROGRAM_ARGS] = {"gpg", "--batch", "--quiet", "--yes",
	    "--no-tty", "--passphrase", "", "--pinentry-mode", "loopback"};
	va_list ap;
	bool good;

	va_start(ap, out);
	good = program(argv, 9, out, ap);
	va_end(ap);
	return good;
}

/* Armoured public key of this user id or fingerprint. */
__attribute__((unused)) static bool
keys_export(const char *name, struct buf *out)
{
	return gpg(out, "--armor", "--export", name, NULL);
}

/* Primary fingerprint of a user id, from gpg's own list. */
__attribute__((unused)) static void
keys_fingerprint(const char *name, char out[65])
{
	struct buf b;
	char *line;

	buf_init(&b, 1 << 20);
	out[0] = '\0';
	if (gpg(&b, "--with-colons", "--list-keys", name, NULL)) {
		line = strstr(b.data, "\nfpr:::::::::");
		if (line)
			snprintf(out, 65, "%.40s", line + 13);
	}
	buf_release(&b);
}

#endif
