/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of lint about arguments: of helpers. */
#include "recipe/linter.h"
#include "recipe/bytes.h"

#include <string.h>

/* [A-Za-z][A-Za-z0-9_.-]{0,63}= */
static bool
is_pair(struct slice s)
{
	size_t n = 0;

	while (n < s.len &&
	    (BYTE_IS(s.s[n], BYTE_NAME) || s.s[n] == '.' || s.s[n] == '-'))
		n++;
	return n > 0 && n <= 64 && n < s.len && s.s[n] == '=' &&
	    !BYTE_IS(s.s[0], BYTE_DIGIT) && !strchr("_.-", s.s[0]);
}

static bool
is_number(struct slice s)
{
	size_t n = 0;

	while (n < s.len && BYTE_IS(s.s[n], BYTE_DIGIT))
		n++;
	return n > 0 && n == s.len;
}

static void
usage(
    struct linter *l, const struct word *w, const char *form, const char *what)
{
	find_error(l, RULE_HELPER_USAGE, w->at.from, form, "%s", what);
}

static void
check_result(struct linter *l, const struct word *w)
{
	for (; w; w = w->next)
		if (!word_expands(l->file, w) &&
		    !is_pair(plain_text(l->arena, l->file, w)))
			usage(l, w,
			    "write result KEY=VALUE: a letter, then letters, "
			    "digits, _ . -",
			    "result dies: this is no KEY=VALUE");
}

static void
check_artifact(struct linter *l, const struct word *w)
{
	static const char *const types[] = {
	    "--type=file", "--type=image", "--type=log", "--type=package"};
	struct slice text = plain_text(l->arena, l->file, w);

	if (!word_expands(l->file, w) && slice_starts(text, "--") &&
	    !AMONG(text, types))
		usage(l, w, "the types are package, image, log and file",
		    "artifact dies: it has no such option");
}

static void
check_retry(struct linter *l, const struct word *w)
{
	int i;

	for (i = 0; i < 2 && w; i++, w = w->next)
		if (!word_expands(l->file, w) &&
		    !is_number(plain_text(l->arena, l->file, w))) {
			usage(l, w, "write retry N SECONDS COMMAND",
			    "retry dies: this is no number");
			return;
		}
}

void
lint_usage(struct linter *l, const struct word *name)
{
	static const char *const need[] = {
	    "artifact", "eapply", "edo", "result", "retry", "unpack"};
	struct slice text = plain_text(l->arena, l->file, name);
	const struct word *first = name->next;

	if (!AMONG(text, need))
		return;
	if (!first)
		usage(l, name, "jobuild(5) has their form",
		    "the helper dies: it has no arguments");
	else if (slice_is(text, "result"))
		check_result(l, first);
	else if (slice_is(text, "artifact"))
		check_artifact(l, first);
	else if (slice_is(text, "retry"))
		check_retry(l, first);
}
