/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The slave's configuration (autotua-slave.conf(5)) and where its files are.
 * Texts live in the arena that conf_load() was given.
 */
#ifndef SLAVE_CONF_H
#define SLAVE_CONF_H

#include "base/conf.h"
#include "base/network.h"
#include "slave/hours.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct arena;
struct error;
struct notary;

#define STATE_DEFAULT "/var/lib/autotua/slave"
#define CONF_DEFAULT  "/etc/autotua/slave.conf"
#define SLOTS_MAX     256

struct slave_conf {
	/* where it is from, as conf_load() was told */
	const char *path, *folder;
	const char *file;      /* which that is; it may be absent */
	bool there;            /* it wasn't */
	struct timespec begun; /* just before it was read */
	bool by_root; /* who does what the file says: so it must be root's */
	const struct slave_conf *written; /* without what isn't in the file */
	const char *state;                /* folder: keys, spool */
	const char *url;                  /* of the master, without a path */
	const char *chroot;               /* the autotua-chroot program */
	const char *chroot_state;         /* its state folder */
	const char *helpers;              /* folder with jobuild.sh */
	const char *user;                 /* whom root becomes */
	bool allow_root;                  /* may that be root? */
	int jailer;                       /* socket of autotua-chroot serve */
	const char *keyring;     /* file; NULL: the capsule's signers */
	int64_t slots;           /* units at once */
	int64_t jobs;            /* JOBS of emake; 0: processors */
	int64_t time, silence;   /* seconds; 0: the defaults of run.h */
	int64_t log_max;         /* bytes of one step's log; 0: likewise */
	int64_t memory, disk;    /* bytes a step may use; disk 0: no limit */
	int64_t cpus, pids;      /* cpus 0: no limit; pids never is */
	int64_t pressure;        /* percent, of autotua-chroot ready */
	int64_t artifacts_max;   /* bytes of a step's artifacts; 0: no limit */
	int64_t artifacts_files; /* their number; likewise */
	/* the lender's contract: contract.h */
	const char *hours;        /* NULL: always */
	struct hours lent;        /* what that means */
	const char *at_close;     /* "stop" or "finish" */
	bool finish;              /* the latter: for what runs then */
	bool on_battery;          /* lent then too? */
	int64_t disk_reserve;     /* bytes that stay free */
	int64_t layers_max;       /* bytes of stages and layers */
	int64_t traffic;          /* bytes a day; 0: no limit */
	struct conf_list trees;   /* whose jobs; none: any */
	struct conf_list labels;  /* "NAME" or "NAME mandatory" */
	const char *network_word; /* as it was written */
	enum network network;     /* of recipes that ask for one */
	bool nest;                /* may they make namespaces? */
	bool allow_rootful;       /* may their root be this machine's? */
	struct conf_list mirrors; /* "NAME BASE-URL" */
	struct conf_list probes;  /* "MODULE" or "NAME MODULE" of pkg-config */
};

/*
 * Read the configuration. The file is path (which must exist then), else
 * slave.conf in folder if that is given, else CONF_DEFAULT; the last two may
 * be absent. folder (may be NULL) has precedence over the option "state".
 */
int conf_load(struct slave_conf *c, const char *path, const char *folder,
    struct arena *a, struct error *err);

/*
 * Read it again, for a slave that runs with what it had at its start. What
 * that has fixed stays, such as the state folder, and no more is lent than the
 * jailer was told then: the log names what only a restart takes up.
 */
int conf_reload(struct slave_conf *c, const struct slave_conf *start,
    struct arena *a, struct error *err);

/* Is everything there that "run" needs? err names what isn't. */
int conf_check(const struct slave_conf *c, struct arena *a, struct error *err);

/* "NAME" or "NAME mandatory"; -1 when it is neither. */
int conf_label(const char *option, char *name, size_t size, bool *mandatory,
    struct error *err);

/* Path of a file of the state folder. */
const char *
conf_path(const struct slave_conf *c, struct arena *a, const char *name);

/*
 * The verdicts that are remembered, in a folder of this user's own: that of
 * the state is root's.
 */
struct notary *conf_notary(const struct slave_conf *c);

#endif
