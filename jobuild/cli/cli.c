/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"
#include "cli/progress.h"
#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

const char *
cli_show(struct cli *c, const char *s)
{
	return s ? show(&c->arena, s, strlen(s)) : "";
}

__attribute__((format(printf, 3, 0))) static void
say(struct cli *c, const char *front, const char *fmt, va_list ap)
{
	const char *text = arena_vprintf(&c->arena, fmt, ap);

	progress_hide(c);
	fflush(stdout);
	fprintf(stderr, "%s%s\n", front, cli_show(c, text));
}

int
cli_errorf(struct cli *c, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(c, "jobuild: ", fmt, ap);
	va_end(ap);
	return status;
}

int
cli_error(struct cli *c, int status, const struct error *err)
{
	return cli_errorf(c, status, "%s", err->msg);
}

int
cli_status(const struct error *err, int otherwise)
{
	return err->code == EINVAL ? CLI_USAGE
	    : err->code == ENOENT  ? CLI_NOT_FOUND
				   : otherwise;
}

int
cli_flush(struct cli *c)
{
	struct error err;

	if (file_end_output(&err) == 0)
		return 0;
	if (!c->unwritten)
		cli_error(c, 0, &err);
	c->unwritten = true;
	return -1;
}

void
cli_note(struct cli *c, const char *fmt, ...)
{
	va_list ap;

	if (c->quiet)
		return;
	va_start(ap, fmt);
	say(c, "", fmt, ap);
	va_end(ap);
}

void
cli_detail(struct cli *c, const char *fmt, ...)
{
	va_list ap;

	if (!c->verbose)
		return;
	va_start(ap, fmt);
	say(c, "", fmt, ap);
	va_end(ap);
}

void
cli_diags(struct cli *c, const struct diags *d)
{
	if (c->json)
		return;
	progress_hide(c);
	fflush(stdout);
	if (c->color_err)
		diags_print_color(d, stderr);
	else
		diags_print(d, stderr);
}

void
cli_json(json_t *document)
{
	size_t flags = JSON_INDENT(2) | JSON_SORT_KEYS;

	/* what turns text around, and controls above 127 */
	if (isatty(STDOUT_FILENO))
		flags |= JSON_ENSURE_ASCII;
	json_dumpf(document, stdout, flags);
	putchar('\n');
	json_decref(document);
}

int
cli_refused(struct cli *c, const struct diags *d)
{
	if (c->json)
		cli_json(json_pack("{s:o}", "diagnostics", diags_json(d)));
	else
		cli_diags(c, d);
	return CLI_FAILED;
}
