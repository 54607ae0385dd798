/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The slave's configuration (autotua-slave.conf(5)) and where its files are.
 * Texts live in the arena that conf_load() was given.
 */
#ifndef SLAVE_CONF_H
#define SLAVE_CONF_H

#include "base/conf.h"

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct error;

#define STATE_DEFAULT "/var/lib/autotua/slave"
#define CONF_DEFAULT  "/etc/autotua/slave.conf"

struct slave_conf {
	const char *state;        /* folder: keys, spool */
	const char *url;          /* of the master, without a path */
	const char *chroot;       /* the autotua-chroot program */
	const char *chroot_state; /* its state folder */
	const char *helpers;      /* folder with jobuild.sh */
	const char *keyring;      /* file; NULL: the capsule's signers */
	int64_t slots;            /* units at once */
	int64_t jobs;             /* JOBS of emake; 0: processors */
	int64_t time, silence;    /* seconds; 0: the defaults of run.h */
	int64_t log_max;          /* bytes of one step's log; 0: likewise */
	bool network;             /* may recipes that ask for it have it? */
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

/* Is everything there that "run" needs? err names what isn't. */
int conf_check(const struct slave_conf *c, struct arena *a, struct error *err);

/* Path of a file of the state folder. */
const char *
conf_path(const struct slave_conf *c, struct arena *a, const char *name);

#endif
