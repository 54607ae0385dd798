/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/state.h"
#include "master/httpd.h"
#include "master/pki.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define AT(member) offsetof(struct settings, member)

static const struct conf_option options[] = {
    {"name", CONF_TEXT, AT(name), NULL},
    {"listen", CONF_TEXT, AT(listen), "0.0.0.0:8443"},
    {"host", CONF_LIST, AT(hosts), NULL},
    {"stage", CONF_TEXT, AT(stage), ""},
    {"lease", CONF_DURATION, AT(lease), "60s"},
    {"grace", CONF_DURATION, AT(grace), "120s"},
    {"share-half-life", CONF_DURATION, AT(half_life), "1d"},
    {"upload-max", CONF_SIZE, AT(upload_max), "8G"},
    {"log-max", CONF_SIZE, AT(log_max), "1G"},
    {"children", CONF_NUMBER, AT(children), "4"},
    {"validation", CONF_DURATION, AT(validation), "120s"},
    {"certificate-life", CONF_DURATION, AT(cert_life), "1825d"},
    {"token-life", CONF_DURATION, AT(token_life), "1d"},
    {0},
};

static const char *const folders[] = {
    "stages", "trees", "packs", "blobs", "logs", "tmp"};

bool
plain_name(const char *s)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				      "._-";
	size_t n = strlen(s);

	return n >= 1 && n <= 64 && strspn(s, letters) == n &&
	    !strchr("._-", *s);
}

const char *
state_path(const struct state *st, struct arena *a, const char *fmt, ...)
{
	const char *rest;
	va_list ap;

	va_start(ap, fmt);
	rest = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return arena_printf(a, "%s/%s", st->path, rest);
}

static int
check_settings(const struct settings *s, struct error *err)
{
	char host[256], port[8];

	if (!s->name || !plain_name(s->name))
		return fail(err, "name: expected letters, digits, . _ -");
	if (httpd_split(s->listen, host, sizeof(host), port) < 0)
		return fail(err, "listen: expected ADDRESS:PORT");
	if (s->lease < 1 || s->lease > 86400)
		return fail(err, "lease: expected 1s to 1d");
	if (s->grace > 86400)
		return fail(err, "grace: expected at most 1d");
	if (s->half_life < 60)
		return fail(err, "share-half-life: expected at least 60s");
	if (s->children < 1 || s->children > 256)
		return fail(err, "children: expected 1 to 256");
	if (s->validation < 1)
		return fail(err, "validation: expected at least 1s");
	return 0;
}

int
state_open(struct state *st, const char *path, struct error *err)
{
	const char *conf;

	memset(st, 0, sizeof(*st));
	st->dir = -1;
	st->path = arena_strdup(&st->arena, path);
	conf = state_path(st, &st->arena, "master.conf");
	if (access(conf, F_OK) < 0 && errno == ENOENT) {
		fail(err,
		    "%s: no master here; make one with "
		    "\"autotua-master -C %s init\"",
		    path, path);
		goto failed;
	}
	if (conf_defaults(options, &st->set, &st->arena, err) < 0 ||
	    conf_read(conf, options, &st->set, &st->arena, err) < 0)
		goto failed;
	if (check_settings(&st->set, err) < 0) {
		fail_in(err, "%s", conf);
		goto failed;
	}
	st->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (st->dir < 0) {
		fail_errno(err, "open %s", path);
		goto failed;
	}
	if (db_open(&st->db, state_path(st, &st->arena, "master.db"), false,
		err) < 0)
		goto failed;
	return 0;
failed:
	state_close(st);
	return -1;
}

void
state_close(struct state *st)
{
	if (st->db.conn)
		db_close(&st->db);
	if (st->dir >= 0)
		close(st->dir);
	arena_release(&st->arena);
	st->dir = -1;
}

static int
write_conf(
    const struct state *st, const struct state_init *how, struct error *err)
{
	struct arena a = {0};
	struct buf b;
	size_t i;
	int rc;

	buf_init(&b, 65536);
	buf_addf(&b,
	    "# Settings of this master: see autotua-master.conf(5).\n"
	    "name = %s\nlisten = %s\n",
	    how->name, how->listen);
	for (i = 0; i < how->nhosts; i++)
		buf_addf(&b, "host = %s\n", how->hosts[i]);
	rc = file_write(
	    state_path(st, &a, "master.conf"), b.data, b.len, 0600, err);
	buf_release(&b);
	arena_release(&a);
	return rc;
}

static int
make_folders(const struct state *st, struct error *err)
{
	size_t i;

	if (fchmod(st->dir, 0700) < 0)
		return fail_errno(err, "chmod %s", st->path);
	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		if (mkdirat(st->dir, folders[i], 0700) < 0 && errno != EEXIST)
			return fail_errno(
			    err, "create folder %s/%s", st->path, folders[i]);
	}
	return 0;
}

/* What an init that didn't come to its end has left. */
static void
clear(const struct state *st)
{
	static const char *const names[] = {"master.db", "master.db-wal",
	    "master.db-shm", "ca.pem", "ca.key", "server.pem", "server.key"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlinkat(st->dir, names[i], 0);
}

static int
fill(struct state *st, const struct state_init *how, struct error *err)
{
	struct settings set = {.name = how->name,
	    .listen = how->listen,
	    .lease = 1,
	    .half_life = 60,
	    .children = 1,
	    .validation = 1};

	if (check_settings(&set, err) < 0)
		return -1;
	if (faccessat(st->dir, "master.conf", F_OK, 0) == 0)
		return fail(err,
		    "%s: there is a master already; nothing was changed",
		    st->path);
	clear(st);
	if (make_folders(st, err) < 0 ||
	    pki_create(st->path, how->name, err) < 0 ||
	    pki_server(st->path, how->name, how->hosts, how->nhosts, err) < 0 ||
	    db_open(&st->db, state_path(st, &st->arena, "master.db"), true,
		err) < 0)
		return -1;
	return write_conf(st, how, err);
}

int
state_create(const char *path, const struct state_init *how, struct error *err)
{
	struct state st = {.dir = -1};
	int rc = -1;

	st.path = arena_strdup(&st.arena, path);
	if (file_mkdirs(path, 0700, err) < 0)
		goto out;
	st.dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (st.dir < 0)
		fail_errno(err, "open %s", path);
	else
		rc = fill(&st, how, err);
out:
	state_close(&st);
	return rc;
}

int
audit(struct db *db, int64_t now, const char *who, const char *what,
    const char *object, const char *origin, struct error *err)
{
	return db_run(db, SQL_AUDIT_ADD,
		   ARGS(INT(now), TEXT(who), TEXT(what), TEXT(object),
		       TEXT(origin)),
		   err) < 0
	    ? -1
	    : 0;
}
