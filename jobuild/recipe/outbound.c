/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rule of lint about tools that need the network. */
#include "recipe/linter.h"

#include <string.h>

struct tool {
	const char *name;
	const char *verbs; /* " one two "; NULL: whatever it does */
};

static const struct tool tools[] = {{"apk", " add fetch update upgrade "},
    {"apt", " dist-upgrade full-upgrade install update upgrade "},
    {"apt-get", " dist-upgrade install source update upgrade "},
    {"aria2c", NULL}, {"bundle", " install update "},
    {"bzr", " branch checkout pull "}, {"cargo", " fetch install update "},
    {"curl", NULL}, {"dnf", " install update upgrade "},
    {"docker", " pull push "}, {"emaint", " sync "}, {"emerge-webrsync", NULL},
    {"ftp", NULL}, {"gem", " install update "},
    {"git", " clone fetch ls-remote pull push "}, {"go", " get "},
    {"hg", " clone pull push "}, {"npm", " ci i install update "},
    {"pip", " download install "}, {"pip3", " download install "},
    {"pnpm", " add install "}, {"podman", " pull push "}, {"rsync", NULL},
    {"scp", NULL}, {"sftp", NULL}, {"ssh", NULL},
    {"svn", " checkout co export up update "}, {"wget", NULL},
    {"yarn", " add install "}, {"yum", " install update upgrade "},
    {"zypper", " in install ref refresh up update "}};

static bool
is_verb(const struct tool *t, struct slice text)
{
	const char *s = t->verbs;

	while (text.len > 0 && (s = strchr(s, ' ')) && *++s)
		if (strncmp(s, text.s, text.len) == 0 && s[text.len] == ' ')
			return true;
	return false;
}

/*
 * The first argument that is no option, from *w on; *w moves past it. git has
 * two options that take the next word.
 */
static struct slice
next_operand(struct linter *l, const struct word **w)
{
	struct slice text = {"", 0};

	for (; *w; *w = (*w)->next) {
		text = plain_text(l->arena, l->file, *w);
		if (text.len == 0 || text.s[0] != '-')
			break;
		if ((slice_is(text, "-C") || slice_is(text, "-c")) &&
		    (*w)->next)
			*w = (*w)->next;
	}
	if (!*w)
		return (struct slice){"", 0};
	*w = (*w)->next;
	return text;
}

static bool
starts_among(struct slice s, const char *const list[], size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (slice_starts(s, list[i]))
			return true;
	return false;
}

/* Do options or addresses say that it stays on this machine? */
static bool
says_local(struct linter *l, const struct word *w)
{
	static const char *const options[] = {
	    "--help", "--no-index", "--offline", "--version", "-V"};
	static const char *const addresses[] = {"file:", "localhost",
	    "http://localhost", "http://127.0.0.1", "http://[::1]",
	    "https://localhost"};
	struct slice text;

	for (; w; w = w->next) {
		text = plain_text(l->arena, l->file, w);
		if (AMONG(text, options) ||
		    starts_among(text, addresses, COUNT(addresses)))
			return true;
	}
	return false;
}

/* Is it a folder of this job's? */
static bool
is_here(struct slice text)
{
	static const char *const paths[] = {"/", ".", "${WORKDIR}", "$WORKDIR",
	    "${DISTDIR}", "$DISTDIR", "${S}", "${T}", "${FILESDIR}",
	    "$FILESDIR", "${HOME}"};

	return starts_among(text, paths, COUNT(paths));
}

/* rsync: HOST:PATH or a URL */
static bool
has_remote(struct linter *l, const struct word *w)
{
	struct slice text;

	for (; w; w = w->next) {
		text = plain_text(l->arena, l->file, w);
		if (text.len > 0 && !is_here(text) && text.s[0] != '-' &&
		    memchr(text.s, ':', text.len) &&
		    !(text.s[0] == '$' && word_expands(l->file, w) &&
			text.s[text.len - 1] == '}'))
			return true;
	}
	return false;
}

static const struct tool *
tool_named(struct slice name)
{
	size_t i;

	for (i = 0; i < COUNT(tools); i++)
		if (slice_is(name, tools[i].name))
			return &tools[i];
	return NULL;
}

/* Does the command go out? */
static bool
goes_out(struct linter *l, const struct call *c, const char **tool,
    struct slice *verb)
{
	const struct word *w = c->name->next;
	const struct tool *t = tool_named(c->text);

	*verb = (struct slice){"", 0};
	if (!t && slice_starts(c->text, "python")) {
		/* python3 -m pip install */
		if (!w || !w->next || !word_is(l->file, w, "-m") ||
		    !word_is(l->file, w->next, "pip"))
			return false;
		t = tool_named((struct slice){"pip", 3});
		w = w->next->next;
	}
	if (!t || says_local(l, w))
		return false;
	*tool = t->name;
	if (slice_is(c->text, "rsync"))
		return has_remote(l, w);
	if (!t->verbs)
		return true;
	*verb = next_operand(l, &w);
	if (!is_verb(t, *verb))
		return false;
	return !slice_is(c->text, "git") || !is_here(next_operand(l, &w));
}

/* May the function reach the network? */
static bool
network_allowed(const struct linter *l, const struct routine *f)
{
	unsigned setup = 1u << PHASE_SETUP;

	if (l->meta->properties & PROPERTY_NETWORK)
		return true;
	return (l->meta->properties & PROPERTY_NETWORK_SETUP) &&
	    (f->phases & ~setup) == 0;
}

void
lint_network(struct linter *l, const struct call *c, struct where at)
{
	const char *tool;
	struct slice verb;

	if (network_allowed(l, at.routine) || routine_get(l, c->text) ||
	    !goes_out(l, c, &tool, &verb))
		return;
	find(l, RULE_NETWORK, c->name->at.from,
	    l->meta->properties & PROPERTY_NETWORK_SETUP
		? "move it to job_setup, or write PROPERTIES=\"network\""
		: "name the file in SRC_URI, or write PROPERTIES=\"network\" or "
		  "\"network:job_setup\"",
	    "%s%s%.*s needs the network, which this phase has not", tool,
	    verb.len ? " " : "", (int)verb.len, verb.s);
}
