/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All commands of a file with a stack of what is still to be seen, so that
 * nesting costs memory of the arena only. What is taken from the stack is seen
 * before what is inside of it.
 */
#include "recipe/linter.h"
#include "base/arena.h"

struct task {
	const struct command *chain;
	const struct word *words;
	struct where at;
};

struct tasks {
	struct walk *w;
	struct task *list;
	size_t n;
};

static void
push(struct tasks *t, struct task task)
{
	if (!task.chain && !task.words)
		return;
	t->list = arena_grow(t->w->arena, t->list, t->n, sizeof(*t->list));
	t->list[t->n++] = task;
}

static void
push_chain(struct tasks *t, const struct command *chain, struct where at)
{
	push(t, (struct task){.chain = chain, .at = at});
}

static void
push_words(struct tasks *t, const struct word *words, struct where at)
{
	push(t, (struct task){.words = words, .at = at});
}

static void
see_text(
    struct tasks *t, struct range text, enum walk_text kind, struct where at)
{
	if (t->w->text && text.to > text.from)
		t->w->text(t->w, text, kind, at);
}

static struct where
with(struct where at, unsigned set, unsigned clear)
{
	at.flags = (at.flags & ~clear) | set;
	return at;
}

static void
see_words(struct tasks *t, const struct word *word, struct where at)
{
	struct where inner =
	    with(at, WHERE_SUBSHELL, WHERE_CONDITION | WHERE_LATER);
	const struct part *part;

	for (; word; word = word->next) {
		if (t->w->word)
			t->w->word(t->w, word, at);
		for (part = word->parts; part; part = part->next) {
			if (part->kind == PART_ARRAY)
				push_words(t, part->u.words, at);
			else if (part->kind != PART_BACKQUOTE)
				push_chain(t, part->u.body, inner);
		}
	}
}

static void
see_redirs(struct tasks *t, const struct command *c, struct where at)
{
	const struct redir *r;

	for (r = c->redirs; r; r = r->next) {
		if (r->fd)
			see_words(t, r->fd, at);
		see_words(t, r->target, at);
		if (r->op == REDIR_HERE || r->op == REDIR_HERE_TAB)
			see_text(t, r->body,
			    r->target->flags & WORD_QUOTED ? TEXT_LITERAL
							   : TEXT_DOCUMENT,
			    at);
	}
}

static void
see_items(struct tasks *t, const struct command *c, struct where at)
{
	const struct item *i;

	for (i = c->u.items; i; i = i->next) {
		see_words(t, i->patterns, at);
		push_chain(t, i->body, at);
	}
}

static void
see_function(struct tasks *t, const struct command *c, struct where at)
{
	struct routine *f = t->w->routine(t->w, c->words);

	push_chain(t, c->body, (struct where){f ? f : at.routine, 0});
}

/* Everything inside a command that is not a simple one. */
static void
see_inside(struct tasks *t, const struct command *c, struct where at)
{
	struct where cond = with(at, WHERE_CONDITION | WHERE_LATER, 0);

	switch ((enum command_kind)c->kind) {
	case COMMAND_SIMPLE:
		return;
	case COMMAND_FUNCTION:
		see_function(t, c, at);
		return;
	case COMMAND_SUBSHELL:
		at = with(at, WHERE_SUBSHELL, WHERE_LATER);
		break;
	case COMMAND_COPROC:
		at = with(at, WHERE_SUBSHELL, 0);
		break;
	case COMMAND_CASE:
		see_items(t, c, at);
		break;
	case COMMAND_IF:
		push_chain(t, c->u.cond, cond);
		push_chain(t, c->orelse, at);
		break;
	case COMMAND_WHILE:
	case COMMAND_UNTIL:
		push_chain(t, c->u.cond, cond);
		at = with(at, WHERE_LATER, 0);
		break;
	case COMMAND_FOR:
	case COMMAND_SELECT:
		at = with(at, WHERE_LATER, 0);
		break;
	case COMMAND_FOR_ARITH:
		at = with(at, WHERE_LATER, 0);
		see_text(t, c->u.inner, TEXT_ARITHMETIC, at);
		break;
	case COMMAND_ARITH:
		see_text(t, c->u.inner, TEXT_ARITHMETIC, at);
		break;
	case COMMAND_GROUP:
	case COMMAND_COND:
		break;
	}
	push_chain(t, c->body, at);
}

static void
see_chain(struct tasks *t, const struct command *c, struct where at)
{
	struct where inner;
	bool piped = false;

	if (t->w->chain)
		t->w->chain(t->w, c, at);
	for (; c; c = c->next) {
		inner = at;
		if (c->next)
			inner = with(inner, WHERE_LATER, 0);
		if (c->op == OP_AND || c->op == OP_OR ||
		    (c->flags & COMMAND_NOT))
			inner = with(inner, WHERE_CONDITION, 0);
		piped = c->op >= OP_PIPE || piped;
		if (piped || c->op == OP_BACK)
			inner = with(inner, WHERE_SUBSHELL, 0);
		piped = c->op >= OP_PIPE;
		if (c->kind != COMMAND_FUNCTION)
			see_words(t, c->words, inner);
		see_redirs(t, c, inner);
		see_inside(t, c, inner);
	}
}

void
walk_chain(struct walk *w, const struct command *chain, struct where at)
{
	struct tasks t = {.w = w};
	struct task task;

	push_chain(&t, chain, at);
	while (t.n > 0) {
		task = t.list[--t.n];
		if (task.chain)
			see_chain(&t, task.chain, task.at);
		else
			see_words(&t, task.words, task.at);
	}
}
