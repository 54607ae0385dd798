/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/tree/source.h"
#include "base/utf8.h"
#include "recipe/globals.h"
#include "recipe/names.h"

#include <string.h>

struct eval_options {
	struct conf_list set;
	bool nul;
};

static const struct opt options[] = {
    {"set", 's', OPT_LIST, offsetof(struct eval_options, set), "NAME=VALUE",
	"a value that the file finds"},
    {"nul", '0', OPT_FLAG, offsetof(struct eval_options, nul), NULL,
	"names and values, each followed by a NUL byte"},
    {0},
};

static int
set_all(struct cli *c, const struct conf_list *set, struct globals *g,
    struct error *err)
{
	const char *text, *sign;
	size_t i, n;

	for (i = 0; i < set->n; i++) {
		text = set->items[i];
		sign = strchr(text, '=');
		n = sign ? (size_t)(sign - text) : 0;
		if (!is_name(text, n))
			return fail(err,
			    "option --set: \"%s\" is not NAME=VALUE",
			    cli_show(c, text));
		if (is_special(text, n))
			return fail(err,
			    "option --set: %.*s is special to bash", (int)n,
			    text);
		globals_set(g, arena_strndup(&c->arena, text, n), sign + 1);
	}
	return 0;
}

/* Would a terminal act on it, or isn't it UTF-8? n: its bytes, as UTF-8. */
static bool
is_unsafe(const char *s, size_t n)
{
	return n == 0 || (utf8_is_control(s, n) && *s != '\n' && *s != '\t');
}

static bool
is_plain(const char *s)
{
	size_t len = strlen(s), n;

	for (; len > 0; s += n, len -= n) {
		n = utf8_char(s, len);
		if (is_unsafe(s, n))
			return false;
	}
	return true;
}

/* In bash's words for bytes. */
static void
print_escaped(const char *s)
{
	size_t len = strlen(s), n;

	fputs("$'", stdout);
	for (; len > 0; s += n, len -= n) {
		n = utf8_char(s, len);
		if (is_unsafe(s, n)) {
			n = 1;
			printf("\\x%02x", (unsigned char)*s);
			continue;
		}
		if (*s == '\'' || *s == '\\')
			putchar('\\');
		fwrite(s, 1, n, stdout);
	}
	puts("'");
}

/* So that a shell reads the same value again. */
static void
print_quoted(const char *s)
{
	if (!is_plain(s)) {
		print_escaped(s);
		return;
	}
	putchar('\'');
	for (; *s; s++) {
		if (*s == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*s);
	}
	puts("'");
}

static json_t *
values_json(const struct globals *g)
{
	struct variable v;
	json_t *values = json_object();
	size_t i = 0;

	while (globals_next(g, &i, &v))
		json_object_set_new(values, v.name, json_string(v.value));
	return values;
}

static void
print_values(const struct globals *g, bool nul)
{
	struct variable v;
	size_t i = 0;

	while (globals_next(g, &i, &v)) {
		fputs(v.name, stdout);
		putchar(nul ? '\0' : '=');
		if (nul)
			fwrite(v.value, 1, strlen(v.value) + 1, stdout);
		else
			print_quoted(v.value);
	}
}

/* One file's JSON: its values if nothing was refused, and what was. */
static json_t *
one_json(struct cli *c, const char *file, const struct globals *g,
    const struct diags *d)
{
	json_t *o = json_pack("{s:s, s:o}", "file", cli_show(c, file),
	    "diagnostics", diags_json(d));

	if (g)
		json_object_set_new(o, "values", values_json(g));
	return o;
}

/* The line or record in front of a file's values when there are several. */
static void
print_name(struct cli *c, const char *file, bool nul)
{
	if (nul)
		printf("%c%s%c", '\0', file, '\0');
	else
		printf("# %s\n", cli_show(c, file));
}

/* Evaluate a file on its own; its JSON is added to list. */
static int
eval_one(struct cli *c, const struct eval_options *o, const char *arg,
    bool several, json_t *list)
{
	const char *file = source_name(arg), *text;
	struct error err = {0};
	struct globals *g;
	struct diags d;
	size_t len;

	diags_init(&d, &c->arena);
	text = source_read(&c->arena, file, SOURCE_MAX, &len, &err);
	if (!text)
		return cli_error(c, CLI_NOT_FOUND, &err);
	g = globals_new(&c->arena, file, text, len, &d);
	if (g && set_all(c, &o->set, g, &err) < 0)
		return cli_error(c, CLI_USAGE, &err);
	if (g && globals_eval(g) < 0)
		g = NULL;
	if (list)
		json_array_append_new(list, one_json(c, file, g, &d));
	else if (!g)
		return cli_refused(c, &d);
	if (!list && several)
		print_name(c, file, o->nul);
	if (!list)
		print_values(g, o->nul);
	return g ? CLI_OK : CLI_FAILED;
}

static int
eval_main(struct cli *c, const void *opts, int n, char *args[])
{
	const struct eval_options *o = opts;
	json_t *list;
	int i, rc = CLI_OK, one;

	if (o->nul && c->json)
		return cli_errorf(c, CLI_USAGE, "either --nul or --json");
	list = c->json ? json_array() : NULL;
	for (i = 0; i < n; i++) {
		one = eval_one(c, o, args[i], n > 1, list);
		if (one > rc)
			rc = one;
	}
	if (list && n == 1 && json_array_size(list) == 1)
		cli_json(c, json_incref(json_array_get(list, 0)));
	else if (list && n > 1)
		cli_json(c, json_pack("{s:O}", "files", list));
	json_decref(list);
	return rc;
}

const struct command eval_command = {
    .name = "eval",
    .arguments = "FILE...",
    .summary = "print what the global scope of bash files assigns",
    .options = options,
    .size = sizeof(struct eval_options),
    .min = 1,
    .max = -1,
    .bare = true,
    .run = eval_main,
};
