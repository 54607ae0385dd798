/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs that tests drive as a user would. */
#ifndef TESTS_PROGRAM_H
#define TESTS_PROGRAM_H

#include "base/buf.h"
#include "base/error.h"
#include "base/proc.h"

#include <stdarg.h>
#include <stdio.h>

#define PROGRAM_ARGS 40

/*
 * Run argv, which has room for PROGRAM_ARGS and whose first n are set, with
 * the arguments of ap (NULL ends) behind them. out gets its output or is NULL.
 */
static bool
program(const char *argv[PROGRAM_ARGS], size_t n, struct buf *out, va_list ap)
{
	struct error err = {0};
	struct buf nothing;
	bool good;

	while (n < PROGRAM_ARGS - 1 && (argv[n] = va_arg(ap, const char *)))
		n++;
	buf_init(&nothing, 1 << 20);
	if (out)
		out->len = 0;
	good = proc_run(argv, out ? out : &nothing, &err) == 0;
	if (!good)
		printf("# %s: %s\n", argv[0], err.msg);
	buf_release(&nothing);
	return good;
}

#endif
