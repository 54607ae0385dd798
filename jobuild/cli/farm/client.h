/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls to the configured master, with everything that can go wrong told to
 * the user and turned into an exit status.
 */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include "cli/options.h"
#include "net/http.h"

#include <stdbool.h>
#include <stdint.h>

struct cli;

/* What each command that calls a master knows; for its table. */
#define CLIENT_OPTIONS                                                         \
	{"master", 'm', OPT_SETTING, 0, "URL",                                 \
	    "the master, https://host:port"},                                  \
	{                                                                      \
		"ca", 0, OPT_SETTING, 0, "FILE",                               \
		    "certificate of the master's CA"                           \
	}

/* What each command that signs a request knows too. */
#define SIGNING_OPTIONS                                                        \
	{"user", 'u', OPT_SETTING, 0, "NAME", "your name in the tree"},        \
	{                                                                      \
		"key", 'k', OPT_SETTING, 0, "KEY", "fingerprint to sign with"  \
	}

/* Connect to the configured master. An exit status; CLI_OK sets out. */
int client_open(struct cli *c, struct http **out);

/* As that; tick is called about once a second and ends a call by true. */
int client_open_ticking(
    struct cli *c, bool (*tick)(void *ctx), void *ctx, struct http **out);

/*
 * One call; CLI_OK when the master did as it was asked (the caller owns the
 * answer), else the exit status after telling what was wrong, a refusal with
 * all its diagnostics.
 */
int client_call(struct cli *c, struct http *h, const char *method,
    const char *path, const json_t *body, json_t **answer);

/*
 * A request signed by the user. request gets kind, user, master, nonce and
 * time, and is sent to path; the caller keeps its reference.
 */
int client_signed(struct cli *c, struct http *h, const char *kind,
    json_t *request, const char *path, json_t **answer);

/* What a user writes as a priority, -1000 to 1000; an exit status. */
int client_priority(struct cli *c, const char *text, int *out);

/*
 * A signed change of a job, as "retry": POST jobs/JOB/KIND. request (may be
 * NULL) has what the kind wants besides the job; the reference is taken. The
 * answer is printed with --json, and has the member "job".
 */
int client_change(
    struct cli *c, const char *kind, const char *job, json_t *request);

/* GET and, with --json, print the answer. CLI_OK: the caller owns it. */
int
client_show(struct cli *c, struct http *h, const char *path, json_t **answer);

/* GET into fd; an exit status. */
int client_get(
    struct cli *c, struct http *h, const char *path, int fd, int64_t max);

/* A positive number as an argument; -1 after telling that it is none. */
int64_t client_number(struct cli *c, const char *what, const char *s);

/* As client_open(), for a job that the argument s has the number of. */
int
client_open_job(struct cli *c, const char *s, int64_t *job, struct http **out);

/* INT, TERM and QUIT end nothing after this: client_stopped() tells. */
void client_catch_signals(void);
bool client_stopped(void);

/* Sleep for a second; false when stopped. */
bool client_pause(void);

#endif
