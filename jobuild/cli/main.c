/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/terminal.h"
#include "recipe/recipe.h"

#include <string.h>
#include <unistd.h>

static const struct command *const commands[] = {
    &new_command,
    &lint_command,
    &ci_command,
    &diff_command,
    &show_command,
    &graph_command,
    &why_command,
    &rdeps_command,
    &manifest_command,
    &sign_command,
    &verify_command,
    &key_command,
    &run_command,
    &runs_command,
    &stage_command,
    &submit_command,
    &status_command,
    &jobs_command,
    &watch_command,
    &waiting_command,
    &log_command,
    &cancel_command,
    &retry_command,
    &repin_command,
    &priority_command,
    &session_command,
    &slaves_command,
    &locks_command,
    &artifacts_command,
    &config_command,
    &completion_command,
    &parse_command,
    &eval_command,
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct command *
find(const char *name)
{
	size_t i;

	for (i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	}
	return NULL;
}

static int
unknown(struct cli *c, const char *name)
{
	const char *names[COMMANDS], *near;
	size_t i;

	for (i = 0; i < COMMANDS; i++)
		names[i] = commands[i]->name;
	near = nearest(name, names, COMMANDS);
	if (near)
		return cli_errorf(c, CLI_USAGE,
		    "unknown command \"%s\": did you mean \"%s\"?", name, near);
	return cli_errorf(c, CLI_USAGE,
	    "unknown command \"%s\": \"jobuild -h\" lists them", name);
}

static bool
env_set(const char *name)
{
	const char *s = getenv(name);

	return s && *s;
}

/* --color, FORCE_COLOR, NO_COLOR, CLICOLOR_FORCE, terminal: in this order. */
static bool
wants_color(const struct cli *c, int fd)
{
	const char *clicolor = getenv("CLICOLOR_FORCE");

	if (c->color && strcmp(c->color, "auto") != 0)
		return strcmp(c->color, "always") == 0;
	if (env_set("FORCE_COLOR"))
		return true;
	if (env_set("NO_COLOR"))
		return false;
	if (clicolor && *clicolor && strcmp(clicolor, "0") != 0)
		return true;
	return terminal_is(fd);
}

static int
prepare(struct cli *c, struct error *err)
{
	c->color_out = wants_color(c, STDOUT_FILENO);
	c->color_err = wants_color(c, STDERR_FILENO);
	if (c->folder && chdir(c->folder) < 0)
		return fail_errno(err, "option -C: %s", c->folder);
	if (c->command->bare)
		return 0;
	return settings_load(&c->conf, c->origin, &c->flags, &c->arena, err);
}

static int
check_arguments(const struct command *cmd, int n, struct error *err)
{
	if (n < cmd->min)
		return fail(err,
		    "%s: something is missing; usage: jobuild %s %s", cmd->name,
		    cmd->name, cmd->arguments);
	if (cmd->max >= 0 && n > cmd->max)
		return fail(err,
		    "%s: too many arguments; usage: jobuild %s%s%s", cmd->name,
		    cmd->name, *cmd->arguments ? " " : "", cmd->arguments);
	return 0;
}

static int
version(void)
{
	puts("jobuild " VERSION);
	return CLI_OK;
}

static int
run_named(struct cli *c, int argc, char *argv[])
{
	struct error err = {0};
	void *options;
	int i;

	c->command = find(argv[0]);
	if (!c->command)
		return unknown(c, argv[0]);
	options = arena_alloc(&c->arena, 1, c->command->size + 1);
	i = options_command(c, c->command, options, argc, argv, &err);
	if (i < 0) {
		cli_error(c, 0, &err);
		return cli_errorf(c, CLI_USAGE,
		    "\"jobuild %s -h\" prints the options", c->command->name);
	}
	if (c->version)
		return version();
	if (c->help) {
		options_usage(c->command);
		return CLI_OK;
	}
	if (check_arguments(c->command, argc - i, &err) < 0 ||
	    prepare(c, &err) < 0)
		return cli_error(c, CLI_USAGE, &err);
	return c->command->run(c, options, argc - i, argv + i);
}

static int
run(struct cli *c, int argc, char *argv[])
{
	struct error err = {0};
	int i;

	i = options_common(c, argc, argv, &err);
	if (i < 0)
		return cli_error(c, CLI_USAGE, &err);
	if (c->version)
		return version();
	if (c->help) {
		options_overview(commands, COMMANDS);
		return CLI_OK;
	}
	if (i == argc)
		return cli_errorf(
		    c, CLI_USAGE, "no command: \"jobuild -h\" lists them");
	return run_named(c, argc - i, argv + i);
}

/* Is it among the options? */
static bool
has_word(char *words[], const char *word)
{
	while (*words && strcmp(*words, word) != 0 && strcmp(*words, "--") != 0)
		words++;
	return *words && strcmp(*words, word) == 0;
}

int
main(int argc, char *argv[])
{
	struct cli c = {.commands = commands, .ncommands = COMMANDS};
	int rc;

	rc = run(&c, argc, argv);
	if (rc == CLI_USAGE && has_word(argv, "--json"))
		c.json = true; /* behind the option that is wrong */
	cli_end(&c, rc);
	if (cli_flush(&c) < 0)
		rc = CLI_FAILED;
	arena_release(&c.arena);
	return rc;
}
