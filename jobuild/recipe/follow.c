/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of lint about what follows what in a chain of commands. */
#include "recipe/linter.h"

#include <string.h>

/* A command of a chain, and the operator before it. */
struct link {
	const struct command *c;
	enum command_op before;
	struct call call;
	bool quiet; /* the pipe before it can't fail unnoticed */
};

static bool
is_piped(unsigned op)
{
	return op == OP_PIPE || op == OP_PIPE_ALL;
}

static bool
is_sequence(unsigned op)
{
	return op == OP_SEQ || op == OP_NEWLINE;
}

/* Does it end the phase when it fails? */
static bool
is_deadly(const struct link *k)
{
	return k->call.name && !k->call.nonfatal &&
	    (k->call.edo || dies_by_itself(k->call.text));
}

/* helper || ... */
static void
check_or(struct linter *l, const struct link *k, struct where at)
{
	const struct command *next = k->c->next;
	const struct word *w = next ? command_word(next) : NULL;

	if (!is_deadly(k) || at.routine->nonfatal)
		return;
	if (k->c->flags & COMMAND_NOT) {
		find(l, RULE_DIES_ANYWAY, k->c->at.from,
		    "write nonfatal in front of it",
		    "if this fails it ends the phase: ! never sees it");
		return;
	}
	if (!next || k->c->op != OP_OR || k->before == OP_AND)
		return;
	l->command.to = next->at.to;
	if (w && word_is(l->file, w, "die"))
		find(l, RULE_NEEDLESS_DIE, w->at.from, "leave || die out",
		    "what is before || dies by itself when it fails");
	else
		find(l, RULE_DIES_ANYWAY, next->at.from,
		    "write nonfatal in front of the helper",
		    "this is never run: what is before || dies when it "
		    "fails");
}

/* if helper; then ... else ... */
static void
check_if(struct linter *l, const struct command *c, struct where at)
{
	const struct command *cond = c->u.cond;
	struct link k = {.c = cond};

	if (!c->orelse || !cond || cond->next || at.routine->nonfatal ||
	    (cond->flags & COMMAND_NOT))
		return;
	k.call = call_of(l->arena, l->file, cond);
	if (!is_deadly(&k))
		return;
	l->command = cond->at;
	find(l, RULE_DIES_ANYWAY, cond->at.from,
	    "write nonfatal in front of it",
	    "if this fails it ends the phase: else is never run");
}

/* A folder that is always there. */
static bool
sure_folder(struct linter *l, const struct word *w)
{
	static const char *const list[] = {"", "-", "/", "..", "../..",
	    "$WORKDIR", "${WORKDIR}", "$T", "${T}", "$HOME", "${HOME}",
	    "$ARTIFACTS", "${ARTIFACTS}", "$OLDPWD", "${OLDPWD}"};
	struct slice text = {"", 0};

	if (w)
		text = plain_text(l->arena, l->file, w);
	return AMONG(text, list);
}

static void
check_cd(struct linter *l, const struct link *k, struct where at)
{
	const struct command *c = k->c;
	struct slice name = k->call.text;

	if (!k->call.name || k->call.edo || l->errexit ||
	    (c->flags & COMMAND_NOT) ||
	    !(slice_is(name, "cd") || slice_is(name, "pushd")) ||
	    sure_folder(l, k->call.name->next))
		return;
	if (c->op == OP_END || !c->next) {
		if (!(at.flags & WHERE_LATER) || (at.flags & WHERE_CONDITION))
			return;
	} else if (!is_sequence(c->op)) {
		return;
	}
	find(l, RULE_CD_UNCHECKED, k->call.name->at.from,
	    "write edo in front of it, or || die after it",
	    "if this fails, what follows runs in another folder");
}

/* Does the next command look at PIPESTATUS? */
static bool
pipe_checked(const struct linter *l, const struct command *c)
{
	const char *s;
	size_t n;

	if (!is_sequence(c->op) || !c->next)
		return false;
	s = l->file->text + c->next->at.from;
	n = c->next->at.to - c->next->at.from;
	if (n > 256)
		n = 256; /* it must be the first that it does */
	return memmem(s, n, "pipestatus", 10) || memmem(s, n, "PIPESTATUS", 10);
}

static bool
never_fails(const struct link *k)
{
	static const char *const list[] = {"cat", "echo", "einfo", "elog",
	    "eqawarn", "ewarn", "printf", "eerror"};

	return is_deadly(k) || (k->call.name && AMONG(k->call.text, list));
}

static void
check_tee(struct linter *l, const struct link *k)
{
	if (!is_piped(k->before) || is_piped(k->c->op) || k->quiet ||
	    l->pipefail || !k->call.name || !slice_is(k->call.text, "tee") ||
	    pipe_checked(l, k->c))
		return;
	find(l, RULE_PIPE_STATUS, k->call.name->at.from,
	    "write in the next line: pipestatus || die",
	    "a failure before | tee goes unnoticed");
}

static void
check_end(struct linter *l, const struct link *k)
{
	static const char *const ends[] = {
	    "break", "continue", "die", "exit", "return", "skip"};
	const struct command *c = k->c, *next = c->next;

	if (!k->call.name || k->call.edo || k->call.nonfatal ||
	    !AMONG(k->call.text, ends) || !is_sequence(c->op) || !next ||
	    next->kind == COMMAND_FUNCTION ||
	    !(k->before == OP_END || is_sequence(k->before)) ||
	    (k->call.name->next && word_is(l->file, k->call.name->next, "-n")))
		return;
	l->command = (struct range){c->at.from, next->at.to};
	find(l, RULE_UNREACHABLE, next->at.from, "take it out",
	    "%.*s ends it before this is reached", (int)k->call.text.len,
	    k->call.text.s);
}

void
lint_chain(struct linter *l, const struct command *chain, struct where at)
{
	struct link k = {.before = OP_END};

	for (k.c = chain; k.c; k.c = k.c->next) {
		k.call = call_of(l->arena, l->file, k.c);
		l->command = k.c->at;
		check_or(l, &k, at);
		if (k.c->kind == COMMAND_IF)
			check_if(l, k.c, at);
		if (!is_piped(k.before) && !is_piped(k.c->op))
			check_cd(l, &k, at);
		check_tee(l, &k);
		check_end(l, &k);
		k.quiet = (k.quiet || !is_piped(k.before)) && never_fails(&k);
		k.before = k.c->op;
	}
}
