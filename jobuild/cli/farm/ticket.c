/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/farm/ticket.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/home.h"
#include "cli/cli.h"
#include "cli/steps.h"
#include "cli/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX 4096

static const char *
folder(struct cli *c)
{
	const char *run = getenv("XDG_RUNTIME_DIR");

	if (run && *run == '/')
		return arena_printf(&c->arena, "%s/autotua", run);
	return home_folder(&c->arena, "XDG_STATE_HOME", ".local/state");
}

/* One a master; its URL may have what a file's name can't. */
static const char *
file_of(struct cli *c)
{
	char hex[DIGEST_HEX_MAX];

	digest_of(DIGEST_SHA256, c->conf.master, strlen(c->conf.master), hex);
	return arena_printf(&c->arena, "%s/session-%.16s", folder(c), hex);
}

/* Nobody else may have had a look at it, or put it there. */
static bool
is_private(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_uid == geteuid() && (st.st_mode & 077) == 0;
}

static const struct ticket *
parse(struct cli *c, const struct buf *b)
{
	json_t *o = json_loadb(b->data, b->len, JSON_REJECT_DUPLICATES, NULL);
	struct ticket *t = arena_new(&c->arena, struct ticket);

	t->session = (int64_t)member_number(o, "session");
	t->user = arena_strdup(&c->arena, member(o, "user"));
	t->token = arena_strdup(&c->arena, member(o, "token"));
	t->expires = member_number(o, "expires");
	json_decref(o);
	if (t->session <= 0 || !*t->token || t->expires <= text_now())
		return NULL;
	return t;
}

const struct ticket *
ticket_find(struct cli *c)
{
	const struct ticket *t = NULL;
	const char *path;
	struct error none;
	struct buf b;

	if (!c->conf.master)
		return NULL;
	path = file_of(c);
	if (!is_private(path))
		return NULL;
	buf_init(&b, FILE_MAX);
	if (file_read(path, &b, &none) == 0 && b.data)
		t = parse(c, &b);
	buf_release(&b);
	return t;
}

int
ticket_keep(struct cli *c, const struct ticket *t, struct error *err)
{
	json_t *o = json_pack("{s:s, s:I, s:s, s:s, s:f}", "master",
	    c->conf.master, "session", (json_int_t)t->session, "user", t->user,
	    "token", t->token, "expires", t->expires);
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	int rc = -1;

	if (!text)
		fail(err, "the session's answer is not complete");
	else if (file_mkdirs(folder(c), 0700, err) == 0)
		rc = file_write(file_of(c), text, strlen(text), 0600, err);
	free(text);
	json_decref(o);
	return rc;
}

void
ticket_drop(struct cli *c)
{
	if (c->conf.master)
		unlink(file_of(c));
}
