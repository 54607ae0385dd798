/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/farm/client.h"
#include "tree/sign/sign.h"
#include "base/buf.h"
#include "cli/cli.h"
#include "cli/progress.h"
#include "cli/steps.h"
#include "cli/farm/ticket.h"
#include "cli/sign/key.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>

#define NONCE_BYTES   16
#define SIGNATURE_MAX (32 * 1024)
#define PRIORITY_MAX  1000

static volatile sig_atomic_t stopped;

static void
on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

void
client_catch_signals(void)
{
	struct sigaction sa = {.sa_handler = on_signal};

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGQUIT, &sa, NULL);
}

bool
client_stopped(void)
{
	return stopped != 0;
}

bool
client_pause(void)
{
	struct timespec second = {1, 0};

	if (!stopped)
		nanosleep(&second, NULL);
	return !stopped;
}

/* Asked about once a second: the time to show what is waited for. */
static bool
on_cancelled(void *ctx)
{
	progress_tick(ctx);
	return stopped != 0;
}

int
client_open(struct cli *c, struct http **out)
{
	return client_open_ticking(c, on_cancelled, c, out);
}

int
client_open_ticking(
    struct cli *c, bool (*tick)(void *ctx), void *ctx, struct http **out)
{
	const struct ticket *t = ticket_find(c);
	struct http_conf conf = {.url = c->conf.master,
	    .ca = c->conf.ca,
	    .token = t ? t->token : NULL,
	    .cancelled = tick,
	    .ctx = ctx};
	struct error err = {0};

	*out = NULL;
	if (!conf.url)
		return cli_errorf(c, CLI_USAGE,
		    "no master: give one with --master, AUTOTUA_MASTER_URL "
		    "or \"master\" in %s",
		    settings_file(&c->arena));
	if (!conf.ca)
		return cli_errorf(c, CLI_USAGE,
		    "the master's CA is not known: save what "
		    "\"autotua-master ca\" prints and name the file with --ca, "
		    "AUTOTUA_CA or \"ca\" in %s",
		    settings_file(&c->arena));
	if (http_open(out, &conf, &err) < 0)
		return cli_error(c, CLI_USAGE, &err);
	return CLI_OK;
}

/* Nothing was answered. */
static int
no_answer(struct cli *c, const struct error *err)
{
	if (err->code == ECANCELED)
		return CLI_INTERRUPTED;
	cli_error(c, 0, err);
	if (err->code == EACCES)
		cli_note(c,
		    "the certificate isn't from the CA in %s: is it this "
		    "master's (autotua-master ca)? Or it isn't valid yet, or "
		    "any more, by this machine's clock",
		    c->conf.ca);
	return CLI_UNAVAILABLE;
}

static int
status_of(int http)
{
	switch (http) {
	case 401:
	case 403:
		return CLI_DENIED;
	case 404:
	case 410:
		return CLI_NOT_FOUND;
	case 429:
	case 503:
	case 507:
		return CLI_TEMPORARY;
	default:
		return CLI_FAILED;
	}
}

static int
refused(struct cli *c, int status, json_t *answer)
{
	struct error err = {0};
	struct diags d;

	diags_init(&d, &c->arena);
	http_problem(status, answer, &d, &err);
	if (c->json)
		cli_json(c, answer ? json_incref(answer) : json_object());
	/* with --json too: the answer is the master's, this is for the user */
	fflush(stdout);
	if (c->color_err)
		diags_print_color(&d, stderr);
	else
		diags_print(&d, stderr);
	return cli_error(c, status_of(status), &err);
}

int
client_call(struct cli *c, struct http *h, const char *method, const char *path,
    const json_t *body, json_t **answer)
{
	struct error err = {0};
	struct progress wait;
	int status, rc;

	*answer = NULL;
	progress_begin(&wait, c, "waiting for the master", 0);
	status = http_call(h, method, path, body, answer, &err);
	progress_end(&wait);
	if (status < 0)
		return no_answer(c, &err);
	if (status >= 200 && status <= 299)
		return CLI_OK;
	if (strcmp(http_problem_code(*answer), "session-over") == 0)
		ticket_drop(c);
	rc = refused(c, status, *answer);
	json_decref(*answer);
	*answer = NULL;
	return rc;
}

int
client_get(struct cli *c, struct http *h, const char *path, int fd, int64_t max)
{
	struct error err = {0};
	int status;

	status = http_get(h, path, fd, max, &err);
	if (status < 0)
		return no_answer(c, &err);
	if (status >= 200 && status <= 299)
		return CLI_OK;
	return cli_error(c, status_of(status), &err);
}

static int
make_nonce(char hex[2 * NONCE_BYTES + 1])
{
	unsigned char raw[NONCE_BYTES];
	size_t i;

	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return -1;
	for (i = 0; i < sizeof(raw); i++)
		snprintf(hex + 2 * i, 3, "%02x", raw[i]);
	return 0;
}

static int
sign(struct cli *c, const char *text, const char *kind, struct buf *out,
    struct error *err)
{
	const char *name = key_name(c, c->conf.user);
	char fpr[FINGERPRINT_MAX];
	struct error why;

	if (sign_detached(name, text, strlen(text), NOTATION_REQUEST, kind, out,
		err) == 0)
		return 0;
	/* what is wrong with the key says more */
	if (name && key_choose(c, name, fpr, &why) < 0)
		*err = why;
	return -1;
}

/* Does a session stand for the user's signature? */
static bool
has_session(struct cli *c, const char *kind)
{
	const struct ticket *t = ticket_find(c);

	if (!t || strcmp(kind, "session") == 0)
		return false;
	if (!c->conf.user)
		c->conf.user = t->user;
	return strcmp(c->conf.user, t->user) == 0;
}

/*
 * The text of the request, signed if no session stands for that;
 * {"request", "signature"} or NULL.
 */
static json_t *
envelope(
    struct cli *c, const char *kind, const json_t *request, struct error *err)
{
	char *text = json_dumps(request, JSON_COMPACT | JSON_SORT_KEYS);
	json_t *out = NULL;
	struct buf sig;

	buf_init(&sig, SIGNATURE_MAX);
	if (!text)
		fail(err, "a parameter is not UTF-8");
	else if (has_session(c, kind))
		out = json_pack("{s:s}", "request", text);
	else if (sign(c, text, kind, &sig, err) == 0)
		out = json_pack(
		    "{s:s, s:s}", "request", text, "signature", sig.data);
	buf_release(&sig);
	free(text);
	return out;
}

/* Who asks, whom, when, and a word that is good once. */
static int
complete(struct cli *c, struct http *h, const char *kind, json_t *request)
{
	char nonce[2 * NONCE_BYTES + 1];
	json_t *health;
	int rc;

	if (!c->conf.user)
		return cli_errorf(c, CLI_USAGE,
		    "who are you in the tree? Say it with --user, "
		    "AUTOTUA_USER or \"user\" in %s",
		    settings_file(&c->arena));
	rc = client_call(c, h, "GET", "/api/v1/health", NULL, &health);
	if (rc != CLI_OK)
		return rc;
	json_object_set_new(
	    request, "master", json_string(member(health, "master")));
	json_decref(health);
	if (make_nonce(nonce) < 0)
		return cli_errorf(c, CLI_TEMPORARY, "no random numbers");
	json_object_set_new(request, "kind", json_string(kind));
	json_object_set_new(request, "user", json_string(c->conf.user));
	json_object_set_new(request, "nonce", json_string(nonce));
	json_object_set_new(
	    request, "time", json_integer((json_int_t)time(NULL)));
	return CLI_OK;
}

int
client_signed(struct cli *c, struct http *h, const char *kind, json_t *request,
    const char *path, json_t **answer)
{
	struct error err = {0};
	json_t *body;
	int rc;

	*answer = NULL;
	(void)has_session(c, kind);
	rc = complete(c, h, kind, request);
	if (rc != CLI_OK)
		return rc;
	body = envelope(c, kind, request, &err);
	if (!body) {
		fail_in(&err, "the request can't be signed");
		return cli_error(c, CLI_FAILED, &err);
	}
	rc = client_call(c, h, "POST", path, body, answer);
	json_decref(body);
	return rc;
}

int
client_priority(struct cli *c, const char *text, int *out)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno || end == text || *end || n < -PRIORITY_MAX ||
	    n > PRIORITY_MAX)
		return cli_errorf(c, CLI_USAGE,
		    "priority \"%s\": expected -%d to %d", cli_show(c, text),
		    PRIORITY_MAX, PRIORITY_MAX);
	*out = (int)n;
	return CLI_OK;
}

int
client_change(struct cli *c, const char *kind, const char *job, json_t *request)
{
	json_t *answer = NULL;
	struct http *h;
	int64_t id;
	int rc = client_open_job(c, job, &id, &h);

	if (rc == CLI_OK) {
		if (!request)
			request = json_object();
		json_object_set_new(request, "job", json_integer(id));
		rc = client_signed(c, h, kind, request,
		    arena_printf(
			&c->arena, "/api/v1/jobs/%lld/%s", (long long)id, kind),
		    &answer);
		http_close(h);
	}
	json_decref(request);
	if (rc == CLI_OK && c->json) {
		if (!answer)
			answer = json_object();
		/* who is cancelled has nothing else to be told */
		json_object_set_new(answer, "job", json_integer(id));
		cli_json(c, json_incref(answer));
	}
	json_decref(answer);
	return rc;
}

int
client_show(struct cli *c, struct http *h, const char *path, json_t **answer)
{
	int rc = client_call(c, h, "GET", path, NULL, answer);

	if (rc == CLI_OK && c->json)
		cli_json(c, json_incref(*answer));
	return rc;
}

int64_t
client_number(struct cli *c, const char *what, const char *s)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(s, &end, 10);
	if (errno || *s < '0' || *s > '9' || *end || n <= 0) {
		cli_errorf(c, 0, "\"%s\" is not the number of a %s", s, what);
		return -1;
	}
	return n;
}

int
client_open_job(struct cli *c, const char *s, int64_t *job, struct http **out)
{
	*job = client_number(c, "job", s);
	return *job < 0 ? CLI_USAGE : client_open(c, out);
}
