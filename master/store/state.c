/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/store/state.h"
#include "master/store/serving.h"
#include "master/http/httpd.h"
#include "master/store/pki.h"
#include "master/store/reserve.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define AT(member) offsetof(struct settings, member)
#define FULL       ((int64_t)256 << 10) /* bytes: less is nothing */

#define LIFE_MAX                                                               \
	((int64_t)36500 * 86400) /* seconds: dates have four-digit years */
#define UPLOAD_LEAST ((int64_t)1 << 20)
#define LOG_LEAST    ((int64_t)4 << 10)

static const struct conf_option options[] = {
    {"name", CONF_TEXT, AT(name), NULL},
    {"listen", CONF_TEXT, AT(listen), "0.0.0.0:8443"},
    {"host", CONF_LIST, AT(hosts), NULL},
    {"stage", CONF_TEXT, AT(stage), ""},
    {"lease", CONF_DURATION, AT(lease), "60s"},
    {"reserve", CONF_TEXT, AT(reserve), NULL},
    {"grace", CONF_DURATION, AT(grace), "120s"},
    {"share-half-life", CONF_DURATION, AT(half_life), "1d"},
    {"upload-max", CONF_SIZE, AT(upload_max), "8G"},
    {"upload-total", CONF_SIZE, AT(upload_total), "64G"},
    {"log-max", CONF_SIZE, AT(log_max), "1G"},
    {"children", CONF_NUMBER, AT(children), "4"},
    {"validation", CONF_DURATION, AT(validation), "120s"},
    {"certificate-life", CONF_DURATION, AT(cert_life), "1825d"},
    {"token-life", CONF_DURATION, AT(token_life), "1d"},
    {"session-life", CONF_DURATION, AT(session_life), "12h"},
    {"private", CONF_BOOL, AT(closed), "no"},
    {"rate-address", CONF_NUMBER, AT(rate_address), "200"},
    {"rate-user", CONF_NUMBER, AT(rate_user), "200"},
    {"rate-slave", CONF_NUMBER, AT(rate_slave), "1000"},
    {"request-time", CONF_DURATION, AT(patience), "30s"},
    {"connections-per-address", CONF_NUMBER, AT(connections), "2000"},
    {"tree-ca", CONF_TEXT, AT(tree_ca), NULL},
    {"tree-known-hosts", CONF_TEXT, AT(tree_known_hosts), NULL},
    {"tree-ssh-key", CONF_TEXT, AT(tree_ssh_key), NULL},
    {"tree-max", CONF_SIZE, AT(tree_max), "2G"},
    {"tree-stall", CONF_DURATION, AT(tree_stall), "60s"},
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

int
state_blobs(const struct state *st, bool alone, struct error *err)
{
	int fd = openat(
	    st->dir, "blobs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0 && flock(fd, alone ? LOCK_EX | LOCK_NB : LOCK_SH) == 0)
		return fd;
	fail_errno(err, "lock %s/blobs", st->path);
	if (fd >= 0)
		close(fd);
	return -1;
}

struct mirror_conf
state_mirror(const struct state *st, bool allow_forced)
{
	return (struct mirror_conf){.ca = st->set.tree_ca,
	    .known_hosts = st->set.tree_known_hosts,
	    .ssh_key = st->set.tree_ssh_key,
	    .max_bytes = st->set.tree_max,
	    .stall = st->set.tree_stall,
	    .allow_forced = allow_forced};
}

/* A name or an address, as it can be in a certificate. */
static bool
is_host(const char *s)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				      "-_";
	unsigned char address[16];
	size_t n, all = strlen(s);

	if (inet_pton(AF_INET, s, address) == 1 ||
	    inet_pton(AF_INET6, s, address) == 1)
		return true;
	if (all > 253)
		return false;
	if (strncmp(s, "*.", 2) == 0)
		s += 2;
	for (;; s++) {
		n = strspn(s, letters);
		if (n < 1 || n > 63)
			return false;
		s += n;
		if (*s != '.')
			return *s == '\0';
	}
}

static int
check_names(const struct settings *s, struct error *err)
{
	char host[256], port[8];
	size_t i;

	if (!s->name || !plain_name(s->name))
		return fail(err, "name: expected letters, digits, . _ -");
	if (httpd_split(s->listen, host, sizeof(host), port) < 0)
		return fail(err, "listen: expected ADDRESS:PORT");
	for (i = 0; i < s->hosts.n; i++) {
		if (!is_host(s->hosts.items[i]))
			return fail(err,
			    "host \"%s\": expected a name or an address",
			    s->hosts.items[i]);
	}
	if (*s->stage && !plain_name(s->stage))
		return fail(err, "stage: expected letters, digits, . _ -");
	return 0;
}

/* What a certificate, a token, an artifact or a log can be of use with. */
static int
check_least(const struct settings *s, struct error *err)
{
	if (s->cert_life <= s->lease + s->grace || s->cert_life > LIFE_MAX)
		return fail(err,
		    "certificate-life: expected more than lease and grace "
		    "together (%" PRId64 "s), at most 36500d",
		    s->lease + s->grace);
	if (s->token_life < 60 || s->token_life > LIFE_MAX)
		return fail(err, "token-life: expected 60s to 36500d");
	if (s->upload_max < UPLOAD_LEAST)
		return fail(err, "upload-max: expected at least 1M");
	if (s->log_max < LOG_LEAST)
		return fail(err, "log-max: expected at least 4K");
	return 0;
}

static int
check_settings(const struct settings *s, struct error *err)
{
	if (check_names(s, err) < 0)
		return -1;
	if (s->lease < 1 || s->lease > 86400)
		return fail(err, "lease: expected 1s to 1d");
	if (s->grace > 86400)
		return fail(err, "grace: expected at most 1d");
	if (s->half_life < 60)
		return fail(err, "share-half-life: expected at least 60s");
	if (s->children < 1 || s->children > 256)
		return fail(err, "children: expected 1 to 256");
	if (s->session_life < 60 || s->session_life > 366 * 86400)
		return fail(err, "session-life: expected 60s to 366d");
	if (s->patience < 1)
		return fail(err, "request-time: expected at least 1s");
	if (s->connections > 1000000)
		return fail(
		    err, "connections-per-address: expected 0 to 1000000");
	if (s->validation < 1)
		return fail(err, "validation: expected at least 1s");
	if (s->reserve && !reserve_valid(s->reserve))
		return fail(
		    err, "reserve: expected a size as 2G or a part as 5%%");
	return check_least(s, err);
}

/* Put the place of what the message is about before it. Returns -1. */
static int
fail_there(struct state *st, struct error *err)
{
	return conf_fail_there(state_path(st, &st->arena, "master.conf"), err);
}

static int
read_settings(struct state *st, struct settings *set, struct error *err)
{
	const char *conf = state_path(st, &st->arena, "master.conf");

	if (conf_defaults(options, set, &st->arena, err) < 0 ||
	    conf_read(conf, options, set, &st->arena, err) < 0)
		return -1;
	return check_settings(set, err) < 0 ? fail_there(st, err) : 0;
}

static int
check_file(const char *path)
{
	struct stat s;

	if (faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) < 0 ||
	    stat(path, &s) < 0)
		return -1;
	if (!S_ISDIR(s.st_mode))
		return 0;
	errno = EISDIR;
	return -1;
}

static int
check_files(struct state *st, const struct settings *set, struct error *err)
{
	const struct {
		const char *option, *path;
	} files[] = {
	    {"tree-ca", set->tree_ca},
	    {"tree-known-hosts", set->tree_known_hosts},
	    {"tree-ssh-key", set->tree_ssh_key},
	};
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (!files[i].path || check_file(files[i].path) == 0)
			continue;
		fail_errno(err, "%s: %s", files[i].option, files[i].path);
		return fail_there(st, err);
	}
	return 0;
}

/* -1: the database doesn't say. */
static int
check_stage(struct state *st, const struct settings *set, struct error *err)
{
	enum sql q = SQL_STAGE_GET;
	int rc;

	if (!*set->stage)
		return 0;
	rc = db_one(&st->db, q, ARGS(TEXT(set->stage)), err);
	db_end(&st->db, q);
	/* it may come while the master serves */
	if (rc == 0)
		log_warn("stage: there is no stage \"%s\": jobs that name "
			 "none are refused until it is added",
		    set->stage);
	return rc < 0 ? -1 : 0;
}

int
state_check_use(struct state *st, struct error *err)
{
	return check_files(st, &st->set, err) < 0
	    ? -1
	    : check_stage(st, &st->set, err);
}

int
state_check_whole(int dir, const char *path, struct error *err)
{
	if (faccessat(dir, CONF_HALF, F_OK, 0) < 0)
		return 0;
	return fail(err,
	    "%s: a restore that didn't come to its end; empty the folder and "
	    "restore again",
	    path);
}

/* There is no master.conf: say what to do. */
static int
fail_none(const struct state *st, struct error *err)
{
	int dir = open(st->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = dir < 0 ? 0 : state_check_whole(dir, st->path, err);

	if (dir >= 0)
		close(dir);
	if (rc == 0)
		fail(err,
		    "%s: no master here; make one with "
		    "\"autotua-master -C %s init\"",
		    st->path, st->path);
	return -1;
}

int
state_schema(struct state *st, int *version, struct error *err)
{
	return db_schema(state_path(st, &st->arena, "master.db"), version, err);
}

static bool
is_old(struct state *st)
{
	struct error ignored; /* who opens it tells */
	int version;

	return state_schema(st, &version, &ignored) == 0 &&
	    version < migrations_count;
}

/*
 * Who serves with an older schema has its statements of that, and couldn't go
 * on with this program's: the schema changes under the lock of serve only.
 */
static int
lock_schema(const struct state *st, int *lock, struct error *err)
{
	*lock = serving_lock(st, false, err);
	if (*lock >= 0 || err->code == ENOENT)
		return 0;
	return err->code == EWOULDBLOCK
	    ? fail(err,
		  "%s: an older autotua-master serves it: restart that one "
		  "first, which brings the database up to date",
		  st->path)
	    : -1;
}

static int
open_database(struct state *st, struct error *err)
{
	const char *path = state_path(st, &st->arena, "master.db");
	int rc = 0, turn = -1, lock = -1;

	if (is_old(st)) {
		turn = serving_turn(st, err);
		if (turn < 0)
			return -1;
		/* unless another one has just brought it up to date */
		if (is_old(st))
			rc = lock_schema(st, &lock, err);
	}
	if (rc == 0 && db_open(&st->db, path, false, err) < 0)
		rc = state_full(st->path, err);
	if (lock >= 0)
		close(lock);
	if (turn >= 0)
		close(turn);
	return rc;
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
		fail_none(st, err);
		goto failed;
	}
	if (read_settings(st, &st->set, err) < 0)
		goto failed;
	st->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (st->dir < 0) {
		fail_errno(err, "open %s", path);
		goto failed;
	}
	if (open_database(st, err) < 0)
		goto failed;
	return 0;
failed:
	state_close(st);
	return -1;
}

int
state_full(const char *path, struct error *err)
{
	struct statvfs s;
	int64_t free;

	if (statvfs(path, &s) < 0)
		return -1;
	free = (int64_t)s.f_bavail * (int64_t)s.f_frsize;
	/* the database tells of an I/O error, without a reason */
	if (!error_is_full(err) && (err->code != EAGAIN || free >= FULL))
		return -1;
	fail_in(err,
	    "%s: its disk is full (%" PRId64 " bytes are free): make room "
	    "there and try again",
	    path, free);
	err->code = ENOSPC;
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
	struct settings set = {0};

	if (conf_defaults(options, &set, &st->arena, err) < 0)
		return -1;
	set.name = how->name;
	set.listen = how->listen;
	set.hosts.items = (const char **)how->hosts;
	set.hosts.n = how->nhosts;
	if (check_settings(&set, err) < 0)
		return -1;
	if (faccessat(st->dir, "master.conf", F_OK, 0) == 0)
		return fail(err,
		    "%s: there is a master already; nothing was changed",
		    st->path);
	if (state_check_whole(st->dir, st->path, err) < 0)
		return -1;
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

static bool
is_same_text(const char *a, const char *b)
{
	return !a || !b ? a == b : strcmp(a, b) == 0;
}

static bool
is_same_list(const struct conf_list *a, const struct conf_list *b)
{
	size_t i;

	for (i = 0; i < a->n && i < b->n; i++) {
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	}
	return a->n == b->n;
}

/* What the certificate, the socket and people's shares are made of stays. */
static void
keep_fixed(struct settings *set, const struct settings *old)
{
	bool same = is_same_text(set->name, old->name) &&
	    is_same_text(set->listen, old->listen) &&
	    is_same_list(&set->hosts, &old->hosts) &&
	    set->half_life == old->half_life &&
	    set->connections == old->connections &&
	    set->patience == old->patience;

	if (!same)
		log_warn("name, listen, host, share-half-life, request-time "
			 "and connections-per-address change only with a "
			 "restart");
	set->name = old->name;
	set->listen = old->listen;
	set->hosts = old->hosts;
	set->half_life = old->half_life;
	set->connections = old->connections;
	set->patience = old->patience;
}

int
state_reload(struct state *st, struct error *err)
{
	struct settings set = {0};

	if (read_settings(st, &set, err) < 0 ||
	    check_files(st, &set, err) < 0 || check_stage(st, &set, err) < 0)
		return -1;
	keep_fixed(&set, &st->set);
	st->set = set;
	return 0;
}
