/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/tree/source.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

#include <string.h>
#include <unistd.h>

static const char stdin_name[] = "<standard input>";

const char *
source_name(const char *file)
{
	return strcmp(file, "-") == 0 ? stdin_name : file;
}

static int
read_stdin(struct buf *b, struct error *err)
{
	if (buf_read(b, STDIN_FILENO, err) < 0)
		return fail_in(err, "%s", stdin_name);
	return 0;
}

const char *
source_read(struct arena *a, const char *name, size_t max, size_t *len,
    struct error *err)
{
	const char *text = NULL;
	struct buf b;
	int rc;

	buf_init(&b, max);
	if (name == stdin_name)
		rc = read_stdin(&b, err);
	else
		rc = file_read(name, &b, err);
	if (rc == 0)
		text = arena_strndup(a, b.data ? b.data : "", b.len);
	*len = b.len;
	buf_release(&b);
	return text;
}
