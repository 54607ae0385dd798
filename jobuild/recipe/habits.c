/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of lint about one command by itself. */
#include "recipe/linter.h"
#include "recipe/bytes.h"
#include "recipe/names.h"
#include "base/arena.h"

#include <string.h>

static struct slice
text_of(struct linter *l, const struct word *w)
{
	return plain_text(l->arena, l->file, w);
}

bool
dies_by_itself(struct slice name)
{
	static const char *const list[] = {"artifact", "default", "eapply",
	    "emake", "result", "retry", "unpack"};

	return AMONG(name, list);
}

/* ---- quoting ---- */

/* Known before the phase begins, and the same until its end? */
static bool
is_constant(const struct linter *l, struct slice name)
{
	const char *value;

	if (map_get(&l->assigned, name.s, name.len))
		return false;
	if (is_predefined(name.s, name.len) ||
	    is_phase_only(name.s, name.len) || slice_is(name, "HOME") ||
	    slice_is(name, "ARCH"))
		return true;
	value =
	    metadata_get(l->meta, arena_strndup(l->arena, name.s, name.len));
	return value && *value;
}

static void
check_quotes(struct linter *l, const struct word *w, bool dangerous)
{
	struct expansion e;
	struct scan x;
	bool all;

	scan_word(&x, l->file, w);
	while (scan_next(&x, &e)) {
		all = slice_is(e.name, "@") || slice_is(e.name, "*");
		if (e.quoted || e.harmless || (!dangerous && !all) ||
		    is_constant(l, e.name))
			continue;
		find(l, RULE_UNQUOTED, e.at.from,
		    all ? "write \"$@\""
			: "put double quotes around it; an array is "
			  "\"${list[@]}\"",
		    "blanks or * in the value make several words of this");
		return;
	}
}

static void
check_unquoted(
    struct linter *l, const struct command *c, const struct call *call)
{
	static const char *const list[] = {"[", "cd", "chgrp", "chmod", "chown",
	    "cp", "install", "ln", "mkdir", "mv", "pushd", "rm", "rmdir", "tee",
	    "test", "touch"};
	bool dangerous = AMONG(call->text, list);
	const struct redir *r;
	const struct word *w;

	for (w = call->name->next; w; w = w->next)
		check_quotes(l, w, dangerous);
	for (r = c->redirs; r; r = r->next)
		if (r->op <= REDIR_BOTH || r->op >= REDIR_ALL)
			check_quotes(l, r->target, true);
}

/* rm -r "${x}/": with x empty that is everything. */
static void
check_rm(struct linter *l, const struct call *call)
{
	bool recursive = false;
	struct expansion e;
	const struct word *w;
	struct slice text;
	struct scan x;

	if (!slice_is(call->text, "rm"))
		return;
	for (w = call->name->next; w; w = w->next) {
		text = text_of(l, w);
		if (text.len > 1 && text.s[0] == '-')
			recursive |= slice_is(text, "--recursive") ||
			    (text.s[1] != '-' &&
				(memchr(text.s, 'r', text.len) ||
				    memchr(text.s, 'R', text.len)));
		scan_word(&x, l->file, w);
		if (!recursive || text.len == 0 || text.s[0] != '$' ||
		    !scan_next(&x, &e) || e.guarded || e.name.len == 0 ||
		    is_constant(l, e.name))
			continue;
		text.s += e.at.to - e.at.from;
		text.len -= e.at.to - e.at.from;
		if (slice_is(text, "/") || slice_is(text, "/*"))
			find(l, RULE_RM_ROOT, e.at.from,
			    arena_printf(l->arena, "write ${%.*s:?}",
				(int)e.name.len, e.name.s),
			    "if %.*s is empty, this removes everything",
			    (int)e.name.len, e.name.s);
	}
}

/* ---- paths ---- */

static void
check_path(struct linter *l, const struct word *w, bool folder)
{
	static const struct {
		const char *path, *instead;
	} list[] = {{"/tmp", "${T}"}, {"/var/tmp", "${T}"},
	    {"/dev/shm", "${T}"}, {"/autotua/work", "${WORKDIR}"},
	    {"/autotua/temp", "${T}"}, {"/autotua/home", "${HOME}"},
	    {"/autotua/artifacts", "${ARTIFACTS}"},
	    {"/autotua/distfiles", "${DISTDIR}"},
	    {"/autotua/recipe/files", "${FILESDIR}"}, {"/root", "${HOME}"}};
	struct slice text = text_of(l, w);
	const char *sign = memchr(text.s, '=', text.len);
	size_t i, n;

	if (text.len > 0 && text.s[0] != '/' && sign) {
		text.len -= (size_t)(sign + 1 - text.s);
		text.s = sign + 1;
	}
	for (i = 0; i < COUNT(list); i++) {
		n = strlen(list[i].path);
		if (!slice_starts(text, list[i].path) ||
		    (text.len == n ? !folder && i < 3 : text.s[n] != '/'))
			continue;
		find(l, RULE_ABSOLUTE_PATH, w->at.from,
		    arena_printf(l->arena, "write %s", list[i].instead),
		    "%s is not the job's to use, or not by this name",
		    list[i].path);
		return;
	}
}

/* Texts for people aren't paths. */
static bool
is_message(struct slice name)
{
	static const char *const list[] = {"[", "die", "ebegin", "echo", "eend",
	    "eerror", "einfo", "einfon", "elog", "eqawarn", "ewarn", "printf",
	    "result", "skip", "test"};

	return AMONG(name, list);
}

static void
check_paths(struct linter *l, const struct command *c, const struct call *call)
{
	bool folder = slice_is(call->text, "cd") ||
	    slice_is(call->text, "pushd") || slice_is(call->text, "export");
	const struct word *w;
	const struct redir *r;

	for (w = c->words; w; w = w->next)
		if ((w->flags & WORD_ASSIGN) ||
		    (w != call->name && !is_message(call->text)))
			check_path(l, w, folder || (w->flags & WORD_ASSIGN));
	for (r = c->redirs; r; r = r->next)
		if (r->op <= REDIR_BOTH || r->op >= REDIR_ALL)
			check_path(l, r->target, false);
}

/* ---- names ---- */

/* The name that was meant, or NULL. */
static const char *
meant(const struct linter *l, struct slice name)
{
	const struct routine *f;
	size_t i;

	for (i = 0; i < helper_count; i++)
		if (one_slip(name, helper_names[i]))
			return helper_names[i];
	for (i = 0; i < l->routines.n; i++) {
		f = l->routines.items[i].value;
		if (one_slip(name, f->name))
			return f->name;
	}
	return NULL;
}

static void
check_known(struct linter *l, const struct call *call)
{
	struct slice name = call->text;
	const char *near;

	if (!is_name(name.s, name.len) || hides(name.s, name.len) ||
	    routine_get(l, name))
		return;
	near = meant(l, name);
	if (near)
		find(l, RULE_UNKNOWN_COMMAND, call->name->at.from,
		    arena_printf(l->arena, "is %s meant?", near),
		    "no helper or function is called %.*s", (int)name.len,
		    name.s);
	else if (!l->sources &&
	    (name.s[0] == '_' || slice_starts(name, "job_")))
		find(l, RULE_UNKNOWN_COMMAND, call->name->at.from,
		    "define it, or correct its name",
		    "no file of the chain defines %.*s", (int)name.len, name.s);
}

static void
check_assigned(struct linter *l, const struct word *w)
{
	const char *s = l->file->text + w->at.from;
	size_t n = assignment_length(s, w->at.to - w->at.from, false);

	if (!is_name(s, n) || slice_is((struct slice){s, n}, "S") ||
	    slice_is((struct slice){s, n}, "ARCH") ||
	    slice_is((struct slice){s, n}, "JOBS"))
		return;
	if (is_predefined(s, n) || is_phase_only(s, n))
		find(l, RULE_FIXED_VARIABLE, w->at.from, "choose another name",
		    "%.*s is AutotuA's: helpers use what it has set", (int)n,
		    s);
	else if (is_known(s, n))
		find(l, RULE_FIXED_VARIABLE, w->at.from,
		    "assign it outside of functions",
		    "%.*s was read before any phase: this changes nothing",
		    (int)n, s);
}

/* ---- single commands ---- */

/* Is it the output of something that can't fail, or dies by itself? */
static bool
status_matters(struct linter *l, const struct part *p)
{
	static const char *const safe[] = {"basename", "date", "dirname",
	    "echo", "edo", "nproc", "printf", "pwd", "uname", "ver_cut",
	    "ver_rs"};
	struct call call;

	if (p->kind == PART_BACKQUOTE)
		return true;
	if (p->kind != PART_COMMAND || !p->u.body)
		return false;
	call = call_of(l->arena, l->file, p->u.body);
	return p->u.body->next || !call.name ||
	    !(call.edo || AMONG(call.text, safe));
}

static void
check_local(struct linter *l, const struct word *name)
{
	static const char *const list[] = {
	    "declare", "export", "local", "readonly", "typeset"};
	struct slice text = text_of(l, name);
	const struct part *p;
	const struct word *w;

	if (!AMONG(text, list))
		return;
	for (w = name->next; w; w = w->next) {
		for (p = w->parts; p && !status_matters(l, p);)
			p = p->next;
		if (p)
			find(l, RULE_LOCAL_STATUS, p->at.from,
			    arena_printf(l->arena,
				"two lines: %.*s x, then x=$(...) || die",
				(int)text.len, text.s),
			    "the status of this command is lost: it is that "
			    "of %.*s",
			    (int)text.len, text.s);
		if (slice_is(text, "export"))
			check_assigned(l, w);
	}
}

/* Has it an argument that begins so? */
static bool
has_argument(struct linter *l, const struct word *name, const char *prefix)
{
	const struct word *w;

	for (w = name->next; w; w = w->next)
		if (slice_starts(text_of(l, w), prefix))
			return true;
	return false;
}

static void
check_make(struct linter *l, const struct call *call)
{
	if (slice_is(call->text, "make") && !call->nonfatal &&
	    !has_argument(l, call->name, "-j") &&
	    !has_argument(l, call->name, "--") &&
	    !map_get(&l->mentions, "MAKEFLAGS", 9))
		find(l, RULE_PLAIN_MAKE, call->name->at.from,
		    "write emake; emake -j1 if it must be one at a time",
		    "make starts one process at a time");
	if (slice_is(call->text, "nproc") ||
	    (slice_is(call->text, "getconf") &&
		has_argument(l, call->name, "_NPROC")))
		find(l, RULE_PROCESSORS, call->name->at.from, "write ${JOBS}",
		    "the slave says how many processes to start");
}

static void
check_place(struct linter *l, const struct call *call, struct where at)
{
	uint32_t from = call->name->at.from;

	if (slice_is(call->text, "exit") && !(at.flags & WHERE_SUBSHELL))
		find(l, RULE_EXIT, from,
		    "write die, skip or return: they say why",
		    "exit ends the phase without a word");
	if ((slice_is(call->text, "sudo") || slice_is(call->text, "doas")) &&
	    !has_argument(l, call->name, "-u") &&
	    !has_argument(l, call->name, "--user"))
		find(l, RULE_SUDO, from, "leave it out",
		    "phases are run as root");
	if (slice_is(call->text, "super") && !at.routine->above)
		find_error(l, RULE_SUPER, from,
		    "only what a template above defines has one",
		    "super dies here: no file above defines %s",
		    at.routine->name);
}

static void
check_brackets(
    struct linter *l, const struct command *c, const struct call *call)
{
	const struct redir *r;
	struct slice to;

	if (!slice_is(call->text, "[") && !slice_is(call->text, "test"))
		return;
	for (r = c->redirs; r; r = r->next) {
		to = text_of(l, r->target);
		if ((r->op == REDIR_IN || r->op == REDIR_OUT) && !r->fd &&
		    !slice_starts(to, "/dev/"))
			find(l, RULE_TEST_REDIRECT, r->target->at.from,
			    "write -lt or -gt for numbers, [[ a < b ]] for "
			    "texts",
			    "this is a file to %s, nothing is compared",
			    r->op == REDIR_IN ? "read" : "write");
	}
}

void
lint_simple(struct linter *l, const struct command *c, struct where at)
{
	struct call call = call_of(l->arena, l->file, c);
	const struct word *w;

	if (!call.name) {
		for (w = c->words; w; w = w->next)
			check_assigned(l, w);
	} else {
		check_unquoted(l, c, &call);
		check_rm(l, &call);
		check_known(l, &call);
		check_local(l, command_word(c));
		check_make(l, &call);
		check_place(l, &call, at);
		check_brackets(l, c, &call);
		lint_usage(l, command_word(c));
		if (call.name != command_word(c))
			lint_usage(l, call.name);
		lint_network(l, &call, at);
	}
	check_paths(l, c, &call);
}

void
lint_word(struct linter *l, const struct word *w, struct where at)
{
	const struct part *p;

	(void)at;
	for (p = w->parts; p; p = p->next)
		if (p->kind == PART_BACKQUOTE)
			find(l, RULE_BACKQUOTES, p->at.from,
			    "write $(...): it nests, and is checked",
			    "backquotes change what backslashes mean");
}
