/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The master's state folder (mode 0700) and its configuration:
 *	master.conf	settings; written last by init, so a sign of wholeness
 *	master.db	the database
 *	ca.pem ca.key	the certificate authority; server.pem server.key
 *	stages/DIGEST  trees/NAME.git  packs/DIGEST  blobs/ab/DIGEST
 *	logs/UNIT/ATTEMPT/STEP.log
 *	tmp/		halves; emptied when serve starts
 *	lock port	of a running serve
 */
#ifndef MASTER_STATE_H
#define MASTER_STATE_H

#include "base/arena.h"
#include "base/conf.h"
#include "master/store/audit.h"
#include "master/store/db.h"
#include "tree/remote/mirror.h"

struct error;

struct settings {
	const char *name, *listen, *stage;
	const char *reserve; /* reserve.h; NULL: the default */
	struct conf_list hosts;
	int64_t lease, grace;          /* seconds */
	int64_t half_life;             /* seconds, of what users had */
	int64_t upload_max, log_max;   /* bytes */
	int64_t upload_total;          /* bytes, of a lease */
	int64_t children;              /* at once */
	int64_t validation;            /* seconds that one may take */
	int64_t cert_life, token_life; /* seconds */
	int64_t session_life;          /* seconds, at most */
	bool closed;                   /* to those without a session */
	/* requests a second; connections at once; 0: no limit */
	int64_t rate_address, rate_user, rate_slave, connections;
	int64_t patience; /* seconds, for the begin of a request */
	/* how trees are fetched */
	const char *tree_ca, *tree_known_hosts, *tree_ssh_key; /* files */
	int64_t tree_max, tree_stall; /* bytes of one fetch; seconds */
};

struct state {
	struct arena arena;
	const char *path;
	int dir;
	struct settings set;
	struct db db;
};

/*
 * Read the configuration of a folder that init made, and open the database,
 * which is brought up to date unless an older program serves it.
 */
int state_open(struct state *st, const char *path, struct error *err);
void state_close(struct state *st);

/* The version of the database's schema, of which nothing is changed. */
int state_schema(struct state *st, int *version, struct error *err);

/* What a restore calls master.conf until all is there. */
#define CONF_HALF "master.conf.new"

/* -1 when the folder is one that a restore has begun and not ended. */
int state_check_whole(int dir, const char *path, struct error *err);

/*
 * If what failed below path failed for want of room: say so in err, with how
 * much there is and what to do, and its code is ENOSPC. Returns -1.
 */
int state_full(const char *path, struct error *err);

/*
 * A descriptor; until it is closed no artifact is removed. alone: to remove
 * some. Then -1 with EWOULDBLOCK as err's code when they are to stay.
 */
int state_blobs(const struct state *st, bool alone, struct error *err);

/* How this master fetches a tree. */
struct mirror_conf state_mirror(const struct state *st, bool allow_forced);

/* A path below the folder, in a: state_path(st, a, "stages/%s", id). */
const char *state_path(const struct state *st, struct arena *a, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

/*
 * Is what the settings lead to there, for one who serves? -1: a file isn't, as
 * err says. A stage that isn't there is only warned of.
 */
int state_check_use(struct state *st, struct error *err);

struct state_init {
	const char *name, *listen;
	const char *const *hosts;
	size_t nhosts;
};

/* Make a new one; refused when there is one. */
int
state_create(const char *path, const struct state_init *how, struct error *err);

/* Names of masters, slaves and stages: [A-Za-z0-9][A-Za-z0-9._-]{0,63}. */
bool plain_name(const char *s);

/*
 * Read the configuration again: what can change while it is served does,
 * the rest stays with a warning, as state_check_use() has one. -1: it is
 * wrong, and nothing was changed.
 */
int state_reload(struct state *st, struct error *err);

#endif
