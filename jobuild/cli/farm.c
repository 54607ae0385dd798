/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a master has: its slaves and the locks that units hold. */
#include "cli/cli.h"
#include "cli/client.h"
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
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (t <= 0)
		return "";
	return text_duration(&c->arena, (double)ts.tv_sec - t);
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

/* ---- slaves ----------------------------------------------------------------
 */

static void
print_slaves(struct cli *c, const json_t *answer)
{
	static const char *const headings[] = {
	    "SLAVE", "STATE", "ARCHES", "SLOTS", "BUSY", "SEEN", "FAILURES"};
	const json_t *slave;
	struct table t;
	size_t i;

	table_init(&t, &c->arena, headings, 7);
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
				"failures"))});
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

static int
slaves_main(struct cli *c, const void *opts, int n, char *args[])
{
	(void)opts, (void)n, (void)args;
	return show_list(c, "/api/v1/slaves", print_slaves);
}

static int
locks_main(struct cli *c, const void *opts, int n, char *args[])
{
	(void)opts, (void)n, (void)args;
	return show_list(c, "/api/v1/locks", print_locks);
}

const struct command slaves_command = {
    .name = "slaves",
    .arguments = "",
    .summary = "list the master's slaves",
    .options = options,
    .run = slaves_main,
};

const struct command locks_command = {
    .name = "locks",
    .arguments = "",
    .summary = "list locks: who holds them, who waits",
    .options = options,
    .run = locks_main,
};
