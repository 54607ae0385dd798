/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/http.h"
#include "base/diag.h"
#include "base/error.h"

#include <errno.h>

static const char *
member(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

const char *
http_problem_code(const json_t *answer)
{
	return member(answer, "code");
}

bool
http_may_pass(int status)
{
	return status == 408 || status == 429 || status >= 500;
}

static int
errno_of_status(int status)
{
	if (http_may_pass(status))
		return EAGAIN;
	switch (status) {
	case 401:
	case 403:
		return EACCES;
	case 404:
		return ENOENT;
	case 413:
		return EFBIG;
	default:
		return EINVAL;
	}
}

int
http_problem(
    int status, const json_t *answer, struct diags *d, struct error *err)
{
	const char *title = member(answer, "title");
	const char *detail = member(answer, "detail");
	const char *code = member(answer, "code");
	const json_t *list = json_object_get(answer, "diagnostics");

	if (status >= 200 && status <= 299)
		return 0;
	if (!*title && !*detail)
		fail(err, "the master answered HTTP %d", status);
	else
		fail(err, "%s%s%s%s%s%s", title, *title && *detail ? ": " : "",
		    detail, *code ? " (" : "", code, *code ? ")" : "");
	err->code = errno_of_status(status);
	if (d && list)
		diags_from_json(d, list);
	return -1;
}
