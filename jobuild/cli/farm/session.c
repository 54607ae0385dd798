/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/conf.h"
#include "cli/cli.h"
#include "cli/farm/client.h"
#include "cli/commands.h"
#include "cli/steps.h"
#include "cli/text.h"
#include "cli/farm/ticket.h"

#include <string.h>

struct session_options {
	const char *length;
};

static const struct opt options[] = {
    {"for", 0, OPT_TEXT, offsetof(struct session_options, length), "TIME",
	"open: how long it lasts, as 2h (at most what the master allows)"},
    SIGNING_OPTIONS,
    CLIENT_OPTIONS,
    {0},
};

static int
keep(struct cli *c, const json_t *answer)
{
	struct ticket t = {
	    .session = (int64_t)member_number(answer, "session"),
	    .user = member(answer, "user"),
	    .token = member(answer, "token"),
	    .expires = member_number(answer, "expires"),
	};
	struct error err = {0};

	if (ticket_keep(c, &t, &err) < 0) {
		fail_in(&err, "the session's token can't be kept");
		return cli_error(c, CLI_FAILED, &err);
	}
	cli_note(c, "session %lld of %s is open for %s", (long long)t.session,
	    t.user, text_duration(&c->arena, t.expires - text_now()));
	return CLI_OK;
}

static int
open_session(struct cli *c, struct http *h, const struct session_options *o)
{
	json_t *request = json_object(), *answer = NULL;
	int64_t seconds;
	int rc;

	if (o->length) {
		seconds = conf_parse_duration(o->length);
		if (seconds < 1) {
			json_decref(request);
			return cli_errorf(c, CLI_USAGE,
			    "--for %s: expected a time like 90m or 8h",
			    o->length);
		}
		json_object_set_new(request, "seconds", json_integer(seconds));
	}
	rc =
	    client_signed(c, h, "session", request, "/api/v1/session", &answer);
	json_decref(request);
	if (rc == CLI_OK)
		rc = keep(c, answer);
	/* the token itself is nobody's business */
	json_object_del(answer, "token");
	if (rc == CLI_OK && c->json)
		cli_json(c, json_incref(answer));
	json_decref(answer);
	return rc;
}

static const char *
number(struct cli *c, double n)
{
	return arena_printf(&c->arena, "%lld", (long long)n);
}

static void
print(struct cli *c, const json_t *answer)
{
	static const char *const headings[] = {
	    "SESSION", "USER", "FROM", "OPEN FOR", "ENDS IN", ""};
	double now = text_now();
	const json_t *s;
	struct table t;
	size_t i;

	table_init(&t, &c->arena, headings, 6);
	json_array_foreach(json_object_get(answer, "sessions"), i, s)
	{
		table_add(&t,
		    (const char *[]){number(c, member_number(s, "session")),
			member(s, "user"), member(s, "origin"),
			text_duration(
			    &c->arena, now - member_number(s, "created")),
			text_duration(
			    &c->arena, member_number(s, "expires") - now),
			json_is_true(json_object_get(s, "this")) ? "this one"
								 : ""});
	}
	table_print(&t, c->color_out, stdout);
}

static int
list_sessions(struct cli *c, struct http *h)
{
	json_t *answer;
	int rc = client_show(c, h, "/api/v1/session", &answer);

	if (rc == CLI_OK && !c->json)
		print(c, answer);
	if (rc == CLI_OK)
		json_decref(answer);
	return rc;
}

/* The own one without a number. */
static int
end_session(struct cli *c, struct http *h, const char *which)
{
	const struct ticket *t = ticket_find(c);
	int64_t id = which ? client_number(c, "session", which)
	    : t            ? t->session
			   : 0;
	json_t *answer = NULL;
	int rc;

	if (id < 0)
		return CLI_USAGE;
	if (!t)
		return cli_errorf(c, CLI_NOT_FOUND,
		    "there is no session with %s here: open one with "
		    "\"jobuild session open\"",
		    c->conf.master);
	rc = client_call(c, h, "POST",
	    arena_printf(&c->arena, "/api/v1/session/%lld/end", (long long)id),
	    NULL, &answer);
	if (rc == CLI_OK && id == t->session)
		ticket_drop(c);
	if (rc == CLI_OK && c->json)
		cli_json(c, json_incref(answer));
	else if (rc == CLI_OK)
		cli_note(c, "session %lld has ended", (long long)id);
	json_decref(answer);
	return rc;
}

static int
session_main(struct cli *c, const void *opts, int n, char *args[])
{
	const struct session_options *o = opts;
	const char *what = n > 0 ? args[0] : "list";
	struct http *h;
	int rc;

	if (strcmp(what, "open") != 0 && strcmp(what, "list") != 0 &&
	    strcmp(what, "end") != 0)
		return cli_errorf(c, CLI_USAGE,
		    "session %s: expected open, list or end", what);
	if (n > 1 && strcmp(what, "end") != 0)
		return cli_errorf(
		    c, CLI_USAGE, "session %s takes no argument", what);
	if (o->length && strcmp(what, "open") != 0)
		return cli_errorf(
		    c, CLI_USAGE, "--for goes with \"session open\"");
	rc = client_open(c, &h);
	if (rc != CLI_OK)
		return rc;
	if (strcmp(what, "open") == 0)
		rc = open_session(c, h, o);
	else if (strcmp(what, "list") == 0)
		rc = list_sessions(c, h);
	else
		rc = end_session(c, h, n > 1 ? args[1] : NULL);
	http_close(h);
	return rc;
}

const struct command session_command = {
    .name = "session",
    .arguments = "[open|list|end [SESSION]]",
    .summary = "sign once for a while, and read a private master",
    .options = options,
    .size = sizeof(struct session_options),
    .min = 0,
    .max = 2,
    .run = session_main,
};
