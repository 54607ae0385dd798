/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules' names, and what becomes of their findings. */
#include "recipe/linter.h"
#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

const struct lint_rule lint_rules[RULES] = {
    [RULE_ABSOLUTE_PATH] = {"absolute-path",
	"a folder outside of the job's, or one of them by its place"},
    [RULE_BACKQUOTES] = {"backquotes", "`command` instead of $(command)"},
    [RULE_CD_UNCHECKED] = {"cd-unchecked",
	"what follows would run in the wrong folder"},
    [RULE_DIES_ANYWAY] = {"dies-anyway",
	"a branch that is never taken: the helper dies by itself"},
    [RULE_EMPTY_PHASE] = {"empty-phase",
	"a phase that does nothing, or only what is done without it"},
    [RULE_EXIT] = {"exit", "exit in a phase"},
    [RULE_FIXED_VARIABLE] = {"fixed-variable",
	"a function assigns what AutotuA sets or has read before"},
    [RULE_HELPER_USAGE] = {"helper-usage",
	"arguments with which the helper is sure to die"},
    [RULE_LINT_COMMENT] = {"lint-comment",
	"a silencing comment that is wrong or not needed"},
    [RULE_LOCAL_STATUS] = {"local-status",
	"local x=$(command) hides the command's status"},
    [RULE_LOST_VARIABLE] = {"lost-variable",
	"assigned in one phase, used in another"},
    [RULE_MISSPELT_VARIABLE] = {"misspelt-variable",
	"nearly the name of a variable that is set"},
    [RULE_NEEDLESS_DIE] = {"needless-die",
	"|| die after a helper that dies by itself"},
    [RULE_NETWORK] = {"network", "a network tool where there is no network"},
    [RULE_PIPE_STATUS] = {"pipe-status", "the status before | tee is lost"},
    [RULE_PLAIN_MAKE] = {"plain-make", "make instead of emake"},
    [RULE_PROCESSORS] = {"processors",
	"processors are counted instead of using JOBS"},
    [RULE_RM_ROOT] = {"rm-root", "rm -r that empties / if a variable is empty"},
    [RULE_SUDO] = {"sudo", "phases are root already"},
    [RULE_SUPER] = {"super", "there is no definition up the chain"},
    [RULE_TEST_REDIRECT] = {"test-redirect", "< or > between [ and ]"},
    [RULE_UNKNOWN_ARCH] = {"unknown-arch",
	"an architecture that no machine has"},
    [RULE_UNKNOWN_COMMAND] = {"unknown-command",
	"nearly the name of a helper or function"},
    [RULE_UNKNOWN_PHASE] = {"unknown-phase",
	"a function job_* that is no phase"},
    [RULE_UNKNOWN_VARIABLE] = {"unknown-variable",
	"a global variable that the format doesn't know"},
    [RULE_UNQUOTED] = {"unquoted",
	"an expansion that may become several words"},
    [RULE_UNREACHABLE] = {"unreachable", "commands after die, skip or return"},
    [RULE_UNUSED_FUNCTION] = {"unused-function",
	"a function that nothing calls"},
    [RULE_UNUSED_VARIABLE] = {"unused-variable",
	"a variable of the file's own that nothing uses"},
};
const size_t lint_rule_count = RULES;

static int
rule_index(const char *name)
{
	int i;

	for (i = 0; i < RULES; i++)
		if (strcmp(lint_rules[i].name, name) == 0)
			return i;
	return -1;
}

bool
lint_is_rule(const char *name)
{
	return rule_index(name) >= 0;
}

/* ---- findings ---- */

__attribute__((format(printf, 6, 0))) static void
keep(struct linter *l, enum diag_level level, enum rule rule, uint32_t at,
    const char *hint, const char *fmt, va_list ap)
{
	struct finding *f;

	l->findings = arena_grow(
	    l->arena, l->findings, l->nfindings, sizeof(*l->findings));
	f = &l->findings[l->nfindings++];
	*f = (struct finding){.rule = rule,
	    .level = level,
	    .at = at,
	    .within = l->command,
	    .hint = hint,
	    .text = arena_vprintf(l->arena, fmt, ap)};
}

void
find(struct linter *l, enum rule rule, uint32_t at, const char *hint,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	keep(l, DIAG_WARNING, rule, at, hint, fmt, ap);
	va_end(ap);
}

void
find_error(struct linter *l, enum rule rule, uint32_t at, const char *hint,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	keep(l, DIAG_ERROR, rule, at, hint, fmt, ap);
	va_end(ap);
}

static int
by_offset(const void *x, const void *y)
{
	const struct finding *a = x, *b = y;

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return (int)a->rule - (int)b->rule;
}

/* Where the lines of a file begin. */
struct lines {
	uint32_t *from;
	size_t n;
};

static struct lines
lines_of(struct arena *a, const struct syntax *s)
{
	struct lines l = {.n = 1};
	uint32_t i;

	for (i = 0; i < s->len; i++)
		l.n += s->text[i] == '\n';
	l.from = arena_array(a, l.n, uint32_t);
	for (i = 0, l.n = 1; i < s->len; i++)
		if (s->text[i] == '\n')
			l.from[l.n++] = i + 1;
	return l;
}

/* The line of an offset, from 1. */
static uint32_t
line_of(const struct lines *l, uint32_t at)
{
	size_t low = 0, high = l->n, mid;

	while (high - low > 1) {
		mid = low + (high - low) / 2;
		if (l->from[mid] <= at)
			low = mid;
		else
			high = mid;
	}
	return (uint32_t)low + 1;
}

/* Is there a comment for a line of what the finding is about? */
static bool
finding_silenced(
    struct silence *q, const struct finding *f, const struct lines *l)
{
	uint32_t first = line_of(l, f->at), last = first, line;

	line = line_of(l, f->within.from);
	first = line < first ? line : first;
	line = line_of(l, f->within.to);
	last = line > last && f->within.to > f->at ? line : last;
	return silenced(q, lint_rules[f->rule].name, first, last);
}

static void
tell(struct linter *l, struct silence *q, struct diags *d)
{
	const struct finding *f;
	const struct syntax *s = l->file;
	struct lines lines;
	struct place at;
	struct diag *g;
	uint32_t from;
	size_t i;

	if (l->nfindings == 0)
		return;
	lines = lines_of(l->arena, s);

	if (l->nfindings > 1)
		qsort(
		    l->findings, l->nfindings, sizeof(*l->findings), by_offset);
	for (i = 0; i < l->nfindings; i++) {
		f = &l->findings[i];
		if (f->level == DIAG_WARNING && q &&
		    finding_silenced(q, f, &lines))
			continue;
		at = (struct place){s->file, line_of(&lines, f->at), 0};
		from = lines.from[at.line - 1];
		at.col = f->at - from + 1;
		g = f->level == DIAG_ERROR
		    ? diag_error(d, at, lint_rules[f->rule].name, "%s", f->text)
		    : diag_warning(
			  d, at, lint_rules[f->rule].name, "%s", f->text);
		diag_line(d, g, s->text + from, s->len - from);
		if (f->hint)
			diag_hint(d, g, "%s", f->hint);
	}
	l->nfindings = 0;
}

/* Of the warnings of a file that were there before, leave what remains. */
static void
filter(struct silence *q, struct diags *d)
{
	const struct diag *g;
	size_t i, n = 0;

	for (i = 0; i < d->n; i++) {
		g = &d->list[i];
		if (g->level == DIAG_WARNING && g->at.file &&
		    strcmp(g->at.file, q->file->file) == 0 &&
		    silenced(q, g->rule, g->at.line, g->at.line))
			continue;
		d->list[n++] = *g;
	}
	d->n = n;
}

/* ---- the rules on all that a file has ---- */

static void
see_chain(struct walk *w, const struct command *c, struct where at)
{
	struct linter *l = w->context;

	if (!at.routine)
		return;
	lint_chain(l, c, at);
	for (; c; c = c->next) {
		l->command = c->at;
		if (c->kind == COMMAND_SIMPLE)
			lint_simple(l, c, at);
	}
}

static void
see_word(struct walk *w, const struct word *word, struct where at)
{
	struct linter *l = w->context;

	l->command = word->at;
	if (at.routine)
		lint_word(l, word, at);
}

static struct routine *
see_function(struct walk *w, const struct word *name)
{
	const char *s = w->file->text + name->at.from;

	return routine_get(
	    w->context, (struct slice){s, name->at.to - name->at.from});
}

void
recipe_lint(struct arena *a, struct recipe *const chain[], size_t n,
    const struct metadata *m, struct diags *d)
{
	struct linter l = {.arena = a,
	    .chain = chain,
	    .n = n,
	    .meta = m,
	    .file = chain[n - 1]->syntax};
	struct walk w = {.arena = a,
	    .file = l.file,
	    .context = &l,
	    .chain = see_chain,
	    .word = see_word,
	    .routine = see_function};
	struct silence q;
	size_t i;

	map_init(&l.routines, a);
	map_init(&l.assigned, a);
	map_init(&l.mentions, a);
	survey(&l);
	walk_chain(&w, l.file->chain, (struct where){0});
	lint_whole(&l);
	for (i = 0; i < n; i++) {
		silence_read(&q, a, chain[i]->syntax);
		filter(&q, d);
	}
	tell(&l, &q, d);
	silence_check(&q, &l);
	tell(&l, NULL, d);
}
