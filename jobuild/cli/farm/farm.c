/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a master has: its slaves and the locks that units hold. */
#include "cli/cli.h"
#include "cli/farm/client.h"
#include "cli/commands.h"
#include "cli/steps.h"
#include "cli/text.h"

#include <string.h>
#include <time.h>

static const struct opt options[] = {
    CLIENT_OPTIONS,
    {0},
};

static const char *
number(struct cli *c, double n)
{
	return arena_printf(&c->arena, "%lld", n > 0 ? (long long)n : 0LL);
}

static const char *
ago(struct cli *c, double t)
{
	return t > 0 ? text_duration(&c->arena, text_now() - t) : "";
}

static const char *
joined(struct cli *c, const json_t *list)
{
	const char *all = "";
	const json_t *s;
	size_t i;

	json_array_foreach(list, i, s) all = arena_printf(
	    &c->arena, "%s%s%s", all, i ? " " : "", json_string_value(s));
	return all;
}

/* "fast, big mandatory" */
static const char *
labels(struct cli *c, json_t *o)
{
	const char *all = "", *name;
	json_t *mandatory;

	json_object_foreach(o, name, mandatory) all =
	    arena_printf(&c->arena, "%s%s%s%s", all, *all ? ", " : "", name,
		json_is_true(mandatory) ? " mandatory" : "");
	return all;
}

/* ---- slaves ----------------------------------------------------------------
 */

static void
print_slaves(struct cli *c, const json_t *answer)
{
	static const char *const headings[] = {"SLAVE", "STATE", "ARCHES",
	    "SLOTS", "BUSY", "SEEN", "FAILURES", "LABELS", "TAKES NOTHING"};
	const json_t *slave;
	struct table t;
	size_t i;

	table_init(&t, &c->arena, headings, 9);
	json_array_foreach(json_object_get(answer, "slaves"), i, slave)
	{
		table_add(&t,
		    (const char *[]){member(slave, "name"),
			member(slave, "state"),
			joined(c, json_object_get(slave, "arches")),
			number(c, member_number(slave, "slots")),
			number(c, member_number(slave, "leased")),
			ago(c, member_number(slave, "last_seen")),
			number(c,
			    member_number(json_object_get(slave, "quarantine"),
				"failures")),
			labels(c, json_object_get(slave, "labels")),
			member(slave, "closed")});
	}
	table_print(&t, c->color_out, stdout);
	if (t.rows == 1)
		cli_note(c, "no slave has joined this master");
}

/* ---- locks -----------------------------------------------------------------
 */

static void
add_uses(struct cli *c, struct table *t, const json_t *lock, const char *list)
{
	const json_t *use;
	size_t i;

	json_array_foreach(json_object_get(lock, list), i, use)
	{
		table_add(t,
		    (const char *[]){member(lock, "lock"),
			strcmp(list, "holders") == 0 ? "held" : "waits",
			json_is_true(json_object_get(use, "shared")) ? "shared"
								     : "alone",
			number(c, member_number(use, "job")),
			number(c, member_number(use, "unit")),
			member(use, "root"), member(use, "slave"),
			ago(c, member_number(use, "since"))});
	}
}

static void
print_locks(struct cli *c, const json_t *answer)
{
	static const char *const headings[] = {
	    "LOCK", "", "HOW", "JOB", "UNIT", "ROOT", "SLAVE", "SINCE"};
	const json_t *lock;
	struct table t;
	size_t i;

	table_init(&t, &c->arena, headings, 8);
	json_array_foreach(json_object_get(answer, "locks"), i, lock)
	{
		add_uses(c, &t, lock, "holders");
		add_uses(c, &t, lock, "queue");
	}
	table_print(&t, c->color_out, stdout);
	if (t.rows == 1)
		cli_note(c, "nobody has or wants a lock");
}

static int
show_list(struct cli *c, const char *path,
    void (*print)(struct cli *c, const json_t *answer))
{
	json_t *answer;
	struct http *h;
	int rc;

	rc = client_open(c, &h);
	if (rc != CLI_OK)
		return rc;
	rc = client_show(c, h, path, &answer);
	if (rc == CLI_OK && !c->json)
		print(c, answer);
	if (rc == CLI_OK)
		json_decref(answer);
	http_close(h);
	return rc;
}

/* The number of the slave of this name; an exit status. */
static int
find_slave(struct cli *c, struct http *h, const char *name, int64_t *id)
{
	const json_t *slave;
	json_t *answer;
	size_t i;
	int rc;

	rc = client_call(c, h, "GET", "/api/v1/slaves", NULL, &answer);
	if (rc != CLI_OK)
		return rc;
	*id = -1;
	json_array_foreach(json_object_get(answer, "slaves"), i, slave)
	{
		if (strcmp(member(slave, "name"), name) == 0)
			*id =
			    json_integer_value(json_object_get(slave, "slave"));
	}
	json_decref(answer);
	if (*id > 0)
		return CLI_OK;
	return cli_errorf(c, CLI_NOT_FOUND,
	    "this master has no slave \"%s\"; \"jobuild slaves\" lists them",
	    cli_show(c, name));
}

static int
rule_slave(struct cli *c, const char *what, const char *name)
{
	json_t *request, *answer = NULL;
	struct http *h;
	int64_t id;
	int rc;

	rc = client_open(c, &h);
	if (rc != CLI_OK)
		return rc;
	rc = find_slave(c, h, name, &id);
	if (rc == CLI_OK) {
		request = json_pack("{s:I}", "slave", (json_int_t)id);
		rc = client_signed(c, h, what, request,
		    arena_printf(&c->arena, "/api/v1/slaves/%lld/%s",
			(long long)id, what),
		    &answer);
		json_decref(request);
	}
	http_close(h);
	if (rc == CLI_OK && c->json)
		cli_json(c, answer ? json_incref(answer) : json_object());
	else if (rc == CLI_OK)
		cli_note(c, "%s: %s", name, what);
	json_decref(answer);
	return rc;
}

static int
slaves_main(struct cli *c, const void *opts, int n, char *args[])
{
	static const char *const words[] = {
	    "drain", "pause", "resume", "retire"};
	size_t i;

	(void)opts;
	if (n == 0)
		return show_list(c, "/api/v1/slaves", print_slaves);
	for (i = 0; n == 2 && i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(args[0], words[i]) == 0)
			return rule_slave(c, words[i], args[1]);
	}
	return cli_errorf(c, CLI_USAGE,
	    "slaves: expected nothing, or drain, pause, resume or retire and a "
	    "slave's name");
}

static int
locks_main(struct cli *c, const void *opts, int n, char *args[])
{
	(void)opts, (void)n, (void)args;
	return show_list(c, "/api/v1/locks", print_locks);
}

static const struct opt slaves_options[] = {
    SIGNING_OPTIONS,
    CLIENT_OPTIONS,
    {0},
};

const struct command slaves_command = {
    .name = "slaves",
    .arguments = "[drain|pause|resume|retire NAME]",
    .summary = "list the master's slaves, or say what one may do",
    .options = slaves_options,
    .max = 2,
    .run = slaves_main,
};

const struct command locks_command = {
    .name = "locks",
    .arguments = "",
    .summary = "list locks: who holds them, who waits",
    .options = options,
    .run = locks_main,
};
