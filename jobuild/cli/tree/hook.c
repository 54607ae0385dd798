/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ranges that git tells its hooks, see githooks(5). */
#include "cli/tree/change.h"
#include "cli/cli.h"
#include "cli/tree/range.h"

#include <errno.h>
#include <string.h>

#define LINE_LIMIT  8192
#define LINES_LIMIT 10000
#define HEADS       "refs/heads/"

/* An id as git writes it; zeros stand for none. */
static bool
is_id(const char *s)
{
	return strlen(s) == OBJECT_HEX - 1 &&
	    strspn(s, "0123456789abcdef") == OBJECT_HEX - 1;
}

static bool
is_zero(const char *s)
{
	return s[strspn(s, "0")] == '\0';
}

static bool
is_wanted(const char *ref, const struct conf_list *branches)
{
	size_t i;

	if (strncmp(ref, HEADS, strlen(HEADS)) != 0)
		return false;
	for (i = 0; i < branches->n; i++) {
		if (strcmp(ref + strlen(HEADS), branches->items[i]) == 0)
			return true;
	}
	return branches->n == 0;
}

/* The last commit that is known of a branch that begins here. */
static const char *
begin_of(struct cli *c, const struct repo *r, const char *old, const char *new,
    const char *known)
{
	const char *base;

	if (!is_zero(old) && *change_base(c, r, old, old))
		return old;
	base = change_base(c, r, known, new);
	return *base ? base : NULL;
}

struct words {
	char *list[4];
	size_t n;
};

static void
split(char *line, struct words *w)
{
	char *save = NULL, *s;

	w->n = 0;
	for (s = strtok_r(line, " \t\n", &save); s;
	     s = strtok_r(NULL, " \t\n", &save)) {
		if (w->n < 4)
			w->list[w->n] = s;
		w->n++;
	}
}

static int
add(struct cli *c, const struct repo *r, struct range_list *out,
    const char *ref, const char *old, const char *new, const char *known,
    struct error *err)
{
	struct range range = {.ref = arena_strdup(&c->arena, ref)};

	if (!is_id(old) || !is_id(new))
		return fail(err,
		    "hook: \"%s\" and \"%s\" should be ids of commits: is it "
		    "called by git, and as the hook that --hook says?",
		    cli_show(c, old), cli_show(c, new));
	if (is_zero(new))
		return 0;
	range.to = arena_strdup(&c->arena, new);
	range.from =
	    begin_of(c, r, arena_strdup(&c->arena, old), range.to, known);
	out->items =
	    arena_grow(&c->arena, out->items, out->n, sizeof(*out->items));
	out->items[out->n++] = range;
	return 0;
}

/* OLD NEW REF, or for pre-push LOCAL NEW REMOTE OLD. */
static int
take_line(struct cli *c, const struct repo *r, char *line, const char *remote,
    const struct conf_list *branches, struct range_list *out, struct error *err)
{
	const char *known = "HEAD", *ref;
	struct words w;

	split(line, &w);
	if (w.n == 0)
		return 0;
	if (w.n != (remote ? 4u : 3u))
		return fail(err,
		    "hook: a line has %zu words, not %d: is it called by git, "
		    "and as the hook that --hook says?",
		    w.n, remote ? 4 : 3);
	ref = w.list[2];
	if (!is_wanted(ref, branches))
		return 0;
	if (!remote)
		return add(c, r, out, ref, w.list[0], w.list[1], known, err);
	known = arena_printf(&c->arena, "refs/remotes/%s/HEAD", remote);
	return add(c, r, out, ref, w.list[3], w.list[1], known, err);
}

static int
read_lines(struct cli *c, const struct repo *r, FILE *in, const char *remote,
    const struct conf_list *branches, struct range_list *out, struct error *err)
{
	char line[LINE_LIMIT];
	size_t n = 0;

	while (fgets(line, sizeof(line), in)) {
		if (!strchr(line, '\n') && !feof(in))
			return fail(err, "hook: a line is too long");
		if (++n > LINES_LIMIT)
			return fail(err, "hook: more than %d refs at once",
			    LINES_LIMIT);
		if (take_line(c, r, line, remote, branches, out, err) < 0)
			return -1;
	}
	return ferror(in) ? fail_errno(err, "standard input") : 0;
}

int
range_hook(struct cli *c, const struct repo *r, const char *hook,
    const struct conf_list *branches, int n, char *args[], FILE *in,
    struct range_list *out, struct error *err)
{
	struct range commit = {.ref = ""};

	memset(out, 0, sizeof(*out));
	if (strcmp(hook, "pre-receive") == 0)
		return read_lines(c, r, in, NULL, branches, out, err);
	if (strcmp(hook, "pre-push") == 0)
		return read_lines(
		    c, r, in, n > 0 ? args[0] : "origin", branches, out, err);
	if (strcmp(hook, "update") == 0) {
		if (n != 3)
			return fail(err,
			    "--hook update: expected REF OLD NEW, as git "
			    "gives them: call it with \"$@\"");
		return is_wanted(args[0], branches)
		    ? add(c, r, out, args[0], args[1], args[2], "HEAD", err)
		    : 0;
	}
	/* pre-commit */
	if (!change_is_first(r))
		commit.from = "HEAD";
	out->items = arena_new(&c->arena, struct range);
	out->items[out->n++] = commit;
	return 0;
}
