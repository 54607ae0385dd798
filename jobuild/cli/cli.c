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

__attribute__((format(printf, 3, 0))) static const char *
say(struct cli *c, const char *front, const char *fmt, va_list ap)
{
	const char *text = cli_show(c, arena_vprintf(&c->arena, fmt, ap));

	progress_hide(c);
	fflush(stdout);
	fprintf(stderr, "%s%s\n", front, text);
	return text;
}

int
cli_errorf(struct cli *c, int status, const char *fmt, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = say(c, "jobuild: ", fmt, ap);
	va_end(ap);
	if (!c->wrong)
		c->wrong = text;
	return status;
}

int
cli_error(struct cli *c, int status, const struct error *err)
{
	return cli_errorf(c, status, "%s", err->msg);
}

void
cli_overcome(struct cli *c)
{
	c->wrong = NULL;
}

int
cli_status(const struct error *err, int otherwise)
{
	switch (err->code) {
	case EINVAL:
		return CLI_USAGE;
	case ENOENT:
		return CLI_NOT_FOUND;
	case EFBIG:
	case ENODATA:
	case EKEYREJECTED:
		return CLI_FAILED;
	default:
		return otherwise;
	}
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
cli_json(struct cli *c, json_t *document)
{
	json_decref(c->document);
	c->document = document;
}

static void
add_error(struct cli *c, int status)
{
	const char *text = c->wrong     ? c->wrong
	    : status == CLI_INTERRUPTED ? "interrupted"
					: "failed";

	if (!json_is_object(c->document))
		cli_json(c, json_object());
	json_object_set_new(c->document, "error",
	    json_pack("{s:s, s:i}", "message", text, "status", status));
}

void
cli_end(struct cli *c, int status)
{
	size_t flags = c->lines ? JSON_COMPACT : JSON_INDENT(2);

	if (c->json && status != CLI_OK &&
	    (c->wrong || !c->document || status == CLI_INTERRUPTED))
		add_error(c, status);
	if (!c->document)
		return;
	/* what turns text around, and controls above 127 */
	if (isatty(STDOUT_FILENO))
		flags |= JSON_ENSURE_ASCII;
	json_dumpf(c->document, stdout, flags | JSON_SORT_KEYS);
	putchar('\n');
	json_decref(c->document);
}

int
cli_refused(struct cli *c, const struct diags *d)
{
	if (c->json)
		cli_json(c, json_pack("{s:o}", "diagnostics", diags_json(d)));
	else
		cli_diags(c, d);
	return CLI_FAILED;
}
