/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a statement does to a keyring file. */
#include "tree/sign/statement.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

#include <string.h>
#include <sys/stat.h>

#define KEYRING_MAX (1024 * 1024)

/* Is the entry the old key, of the user that the statement is of? */
static bool
is_meant(const struct keyring *k, const struct keyring_entry *e,
    const struct statement *s)
{
	return strcmp(e->fingerprint, s->old) == 0 &&
	    (!s->user || strcmp(e->user, s->user) == 0) &&
	    keyring_trusts(k, e->user, e->fingerprint);
}

static int
check(const char *path, const struct statement *s, struct arena *a,
    struct keyring *k, struct error *err)
{
	const char *who = s->user ? s->user : "anybody";
	size_t i, n = 0;

	keyring_init(k, a);
	if (keyring_read(k, path, err) < 0)
		return -1;
	for (i = 0; i < k->n; i++)
		n += is_meant(k, &k->entries[i], s);
	if (n == 0)
		return fail(
		    err, "%s trusts no key %s for %s", path, s->old, who);
	if (s->new[0] && keyring_revoked(k, s->user, s->new))
		return fail(err,
		    "%s has the key %s as revoked: only who keeps it can take "
		    "that line away",
		    path, s->new);
	return 0;
}

int
keyring_apply(const char *path, const struct statement *s, struct error *err)
{
	const struct keyring_entry *e;
	struct arena a = {0};
	struct keyring k;
	struct stat st;
	struct buf b;
	size_t i;
	int rc = -1;

	buf_init(&b, KEYRING_MAX);
	if (check(path, s, &a, &k, err) < 0 || file_read(path, &b, err) < 0)
		goto out;
	if (b.len && b.data[b.len - 1] != '\n')
		buf_addc(&b, '\n');
	/* a line "revoked" outweighs the one that trusts */
	for (i = 0; i < k.n; i++) {
		e = &k.entries[i];
		if (is_meant(&k, e, s))
			buf_addf(&b, "# %s\n%s %s revoked\n",
			    s->action == STATEMENT_ROTATE ? "replaced"
							  : s->reason,
			    e->user, e->fingerprint);
	}
	if (s->new[0])
		buf_addf(&b, "%s %s\n", s->user, s->new);
	if (stat(path, &st) < 0)
		fail_errno(err, "%s", path);
	else
		rc = file_write(path, b.data, b.len, st.st_mode & 0777, err);
out:
	buf_release(&b);
	arena_release(&a);
	return rc;
}
