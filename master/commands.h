/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The commands of autotua-master. Each gets the words after its name and
 * returns an exit status; failures are told on standard error.
 */
#ifndef MASTER_COMMANDS_H
#define MASTER_COMMANDS_H

#include <jansson.h>

#define STATE_DEFAULT "/var/lib/autotua/master"

#define EXIT_USAGE     2
#define EXIT_LATER     75 /* it failed for want of room: see sysexits.h */
#define EXIT_NOT_FOUND 3

struct db;
struct error;

int cmd_init(const char *path, int argc, char *argv[]);
int cmd_serve(const char *path, int argc, char *argv[]);
int cmd_key(const char *path, int argc, char *argv[]);
int cmd_user(const char *path, int argc, char *argv[]);
int cmd_token(const char *path, int argc, char *argv[]);
int cmd_tree(const char *path, int argc, char *argv[]);
int cmd_stage(const char *path, int argc, char *argv[]);
int cmd_job(const char *path, int argc, char *argv[]);
int cmd_slave(const char *path, int argc, char *argv[]);
int cmd_status(const char *path, int argc, char *argv[]);
int cmd_ca(const char *path, int argc, char *argv[]);
int cmd_backup(const char *path, int argc, char *argv[]);
int cmd_restore(const char *path, int argc, char *argv[]);
int cmd_audit(const char *path, int argc, char *argv[]);
int cmd_check(const char *path, int argc, char *argv[]);

struct state;

/* The users' keys on standard output; a further one (inside a transaction). */
int user_show_all(struct state *st, struct error *err);
int user_key_write(struct db *db, const char *name, const char *fingerprint,
    const char *armour, struct error *err);

/* Warn of trees that are nowhere, or not for this user. */
int tree_check_all(struct state *st, struct error *err);

/* What shells are told of users, slaves, trees and stages by name. */
struct usage_asked;
void cmd_names(const struct usage_asked *asked);

/* Tell what was wrong; the exit status. */
int cmd_failed(const struct error *err);
int cmd_usage(const char *line);

/* Print a document on standard output, which takes the reference; 0. */
int cmd_json(json_t *document);

/* The audit row and the commit of a command. */
int cmd_finish(
    struct db *db, const char *what, const char *object, struct error *err);

#endif
