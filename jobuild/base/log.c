/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "log.h"
#include "arena.h"
#include "diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum log_level max_level = LOG_L_INFO;

void
log_set_level(enum log_level level)
{
	max_level = level;
}

void
log_line(enum log_level level, const char *fmt, ...)
{
	struct arena a = {0};
	const char *text;
	va_list ap;

	if (level > max_level)
		return;
	va_start(ap, fmt);
	text = arena_vprintf(&a, fmt, ap);
	va_end(ap);
	text = show(&a, text, strlen(text));
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "%s\n", text);
	else
		fprintf(stderr, "<%d>%s\n", (int)level, text);
	arena_release(&a);
}
