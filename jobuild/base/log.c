/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "log.h"
#include "arena.h"
#include "diag.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LEVEL_CRIT = 2 };

static enum log_level max_level = LOG_L_INFO;

void
log_set_level(enum log_level level)
{
	max_level = level;
}

/* Is standard error what systemd has connected to the journal? */
static bool
is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[64];
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
	return strcmp(stream, own) == 0;
}

/* Allocates nothing. */
static void
put(int level, const char *text)
{
	if (is_journal())
		fprintf(stderr, "<%d>%s\n", level, text);
	else
		fprintf(stderr, "%s\n", text);
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
	put((int)level, text);
	arena_release(&a);
}

void
log_crit(const char *text)
{
	put(LEVEL_CRIT, text);
}
