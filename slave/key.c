/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slave/key.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "slave/conf.h"
#include "tree/sign/statement.h"

#include <stdio.h>
#include <time.h>

int
key_accept(const struct slave_conf *c, const char *file, struct error *err)
{
	struct arena a = {0};
	struct statement s;
	struct buf b;
	int rc = -1;

	if (!c->keyring)
		return fail(err,
		    "this slave has no keyring of its own, it trusts whom its "
		    "master names: set the option \"keyring\", or let the "
		    "master accept the statement (autotua-master key accept)");
	buf_init(&b, STATEMENT_MAX);
	if (statement_load(&s, file, &b, time(NULL), &a, err) < 0)
		goto out;
	rc = keyring_apply(c->keyring, &s, err);
	if (rc == 1)
		fprintf(stderr, "%s is revoked already\n", s.old);
	if (rc == 0)
		printf("%s revoked\n", s.old);
	if (rc == 0 && s.new[0])
		printf("%s %s\n", s.user, s.new);
out:
	buf_release(&b);
	arena_release(&a);
	return rc < 0 ? -1 : 0;
}
