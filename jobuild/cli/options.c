/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/options.h"
#include "base/buf.h"
#include "base/usage.h"
#include "cli/cli.h"

#include <getopt.h>
#include <string.h>

#define OPTIONS_MAX 48
#define LONG_BASE   256 /* what getopt_long() returns for table entry 0 */

static const struct opt common[] = {
    {"directory", 'C', OPT_TEXT, offsetof(struct cli, folder), "DIR",
	"work in this folder"},
    {"json", 0, OPT_FLAG, offsetof(struct cli, json), NULL,
	"one JSON document on standard output"},
    {"color", 0, OPT_TEXT, offsetof(struct cli, color), "auto|always|never",
	"auto: on a terminal"},
    {"quiet", 'q', OPT_FLAG, offsetof(struct cli, quiet), NULL,
	"no progress, no hints"},
    {"verbose", 'v', OPT_FLAG, offsetof(struct cli, verbose), NULL,
	"tell more"},
    {"help", 'h', OPT_FLAG, offsetof(struct cli, help), NULL,
	"print the synopsis"},
    {"version", 'V', OPT_FLAG, offsetof(struct cli, version), NULL,
	"print the version"},
    {0},
};

const struct opt *
options_shared(void)
{
	return common;
}

/* The tables in getopt_long()'s form. */
struct merged {
	struct option longs[OPTIONS_MAX + 1];
	const struct opt *opts[OPTIONS_MAX];
	void *into[OPTIONS_MAX];
	char letters[2 * OPTIONS_MAX + 3];
	size_t n;
};

/* Does the table have an option of this name? */
static bool
has_option(const struct opt *table, const char *name)
{
	for (; table && table->name; table++) {
		if (strcmp(table->name, name) == 0)
			return true;
	}
	return false;
}

/* Add a table, without what over has under the same name. */
static void
merge(struct merged *m, const struct opt *table, void *into,
    const struct opt *over)
{
	char *l = m->letters + strlen(m->letters);

	for (; table && table->name && m->n < OPTIONS_MAX; table++) {
		if (has_option(over, table->name))
			continue;
		m->longs[m->n] = (struct option){table->name,
		    table->argument ? required_argument : no_argument, NULL,
		    (int)(LONG_BASE + m->n)};
		m->opts[m->n] = table;
		m->into[m->n] = into;
		m->n++;
		if (table->letter)
			*l++ = table->letter;
		if (table->letter && table->argument)
			*l++ = ':';
	}
}

/* Index of the option that getopt_long() returned, or -1. */
static int
which(const struct merged *m, int code)
{
	size_t i;

	if (code >= LONG_BASE)
		return code - LONG_BASE;
	for (i = 0; i < m->n; i++) {
		if (m->opts[i]->letter == code)
			return (int)i;
	}
	return -1;
}

/* Is it one of the words with | between them? */
static bool
is_choice(const char *words, const char *value)
{
	size_t n;

	for (;; words += n + 1) {
		n = strcspn(words, "|");
		if (strncmp(words, value, n) == 0 && !value[n])
			return true;
		if (!words[n])
			return false;
	}
}

static int
take(struct cli *c, const struct opt *o, void *into, const char *value,
    struct error *err)
{
	static const enum conf_type types[] = {[OPT_TEXT] = CONF_TEXT,
	    [OPT_LIST] = CONF_LIST,
	    [OPT_PAIRS] = CONF_LIST,
	    [OPT_NUMBER] = CONF_NUMBER};
	struct conf_option table[] = {
	    {o->name, CONF_TEXT, o->offset, NULL}, {0}};

	if (o->type == OPT_FLAG) {
		*(bool *)((char *)into + o->offset) = true;
		return 0;
	}
	if (o->type == OPT_SETTING) {
		if (conf_set(settings_table, o->name, value, &c->flags,
			&c->arena, err) < 0)
			return fail_in(err, "option --%s", o->name);
		return 0;
	}
	if (o->type == OPT_PAIRS && (*value == '=' || !strchr(value, '=')))
		return fail(
		    err, "--%s %s: expected NAME=VALUE", o->name, value);
	if (strchr(o->argument, '|') && !is_choice(o->argument, value))
		return fail(
		    err, "--%s %s: expected %s", o->name, value, o->argument);
	table[0].type = types[o->type];
	if (conf_set(table, o->name, value, into, &c->arena, err) < 0)
		return fail_in(err, "option --%s", o->name);
	return 0;
}

static int
parse(struct cli *c, const struct merged *m, int argc, char *argv[],
    struct error *err)
{
	int code, i;

	optind = 0; /* glibc: start anew */
	opterr = 0;
	while ((code = getopt_long(argc, argv, m->letters, m->longs, NULL)) !=
	    -1) {
		if (code == ':')
			return fail(err, "option %s needs a value",
			    cli_show(c, argv[optind - 1]));
		if (code == '?' && optopt >= '0' && optopt <= '9')
			return fail(err,
			    "unknown option -%c; a negative number goes "
			    "behind \"--\"",
			    optopt);
		if (code == '?' && optopt && optopt < LONG_BASE)
			return fail(err, "unknown option -%c", optopt);
		if (code == '?')
			return fail(err, "unknown or incomplete option %s",
			    cli_show(c, argv[optind - 1]));
		i = which(m, code);
		if (i < 0)
			return fail(err, "unknown option");
		if (take(c, m->opts[i], m->into[i], optarg, err) < 0)
			return -1;
	}
	return optind;
}

int
options_common(struct cli *c, int argc, char *argv[], struct error *err)
{
	struct merged m = {.letters = "+:"};

	merge(&m, common, c, NULL);
	return parse(c, &m, argc, argv, err);
}

int
options_command(struct cli *c, const struct command *cmd, void *into, int argc,
    char *argv[], struct error *err)
{
	struct merged m = {.letters = ":"};

	merge(&m, common, c, cmd->options);
	merge(&m, cmd->options, into, NULL);
	return parse(c, &m, argc, argv, err);
}

static void
print_option(const struct opt *o)
{
	char left[96];

	snprintf(left, sizeof(left), "%c%c%s --%s%s%s", o->letter ? '-' : ' ',
	    o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name,
	    o->argument ? " " : "", o->argument ? o->argument : "");
	if (strlen(left) > 26)
		printf("  %s\n%29s", left, "");
	else
		printf("  %-26s ", left);
	usage_words(stdout, o->help, 29, 29);
}

void
options_usage(const struct command *cmd)
{
	const struct opt *o;
	struct buf b;

	buf_init(&b, 1 << 16);
	for (o = cmd->options; o && o->name; o++)
		buf_addf(&b, "[--%s%s%s]%s ", o->name, o->argument ? " " : "",
		    o->argument ? o->argument : "",
		    o->type == OPT_LIST || o->type == OPT_PAIRS ? "..." : "");
	buf_adds(&b, cmd->arguments);
	printf("usage: jobuild %s%s", cmd->name, b.len > 0 ? " " : "");
	usage_words(stdout, b.len > 0 ? b.data : "", 16 + strlen(cmd->name), 8);
	buf_release(&b);
	printf("\n%s.\n\n", cmd->summary);
	for (o = cmd->options; o && o->name; o++)
		print_option(o);
	for (o = common; o->name; o++) {
		if (!has_option(cmd->options, o->name))
			print_option(o);
	}
}

void
options_overview(const struct command *const list[], size_t n)
{
	const struct opt *o;
	size_t i;

	puts("usage: jobuild [-C DIR] [--json] [--color WHEN] [-q|-v] "
	     "COMMAND ...\n");
	for (i = 0; i < n; i++)
		printf("  %-12s %s\n", list[i]->name, list[i]->summary);
	puts("");
	for (o = common; o->name; o++)
		print_option(o);
	puts("\n\"jobuild COMMAND -h\" prints a command's options; "
	     "man jobuild has the rest.");
}
