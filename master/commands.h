/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The commands of autotua-master. Each gets the words after its name and
 * returns an exit status; failures are told on standard error.
 */
#ifndef MASTER_COMMANDS_H
#define MASTER_COMMANDS_H

#define EXIT_USAGE     2
#define EXIT_NOT_FOUND 3

struct error;

int cmd_init(const char *path, int argc, char *argv[]);
int cmd_serve(const char *path, int argc, char *argv[]);
int cmd_user(const char *path, int argc, char *argv[]);
int cmd_token(const char *path, int argc, char *argv[]);
int cmd_tree(const char *path, int argc, char *argv[]);
int cmd_stage(const char *path, int argc, char *argv[]);
int cmd_slave(const char *path, int argc, char *argv[]);
int cmd_status(const char *path, int argc, char *argv[]);
int cmd_ca(const char *path, int argc, char *argv[]);

/* Tell what was wrong; the exit status. */
int cmd_failed(const struct error *err);
int cmd_usage(const char *line);

#endif
