/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the files of lint. First survey() collects from the whole chain
 * who calls and assigns what; then the rules look at the last file's
 * functions, and what they find is kept as findings until lint.c has seen
 * which of them are silenced.
 */
#ifndef RECIPE_LINTER_H
#define RECIPE_LINTER_H

#include "recipe/file.h"
#include "recipe/lint.h"
#include "recipe/list.h"
#include "base/map.h"

enum rule {
	RULE_ABSOLUTE_PATH,
	RULE_BACKQUOTES,
	RULE_CD_UNCHECKED,
	RULE_DIES_ANYWAY,
	RULE_EMPTY_PHASE,
	RULE_EXIT,
	RULE_FIXED_VARIABLE,
	RULE_HELPER_USAGE,
	RULE_LINT_COMMENT,
	RULE_LOCAL_STATUS,
	RULE_LOST_VARIABLE,
	RULE_MISSPELT_VARIABLE,
	RULE_NEEDLESS_DIE,
	RULE_NETWORK,
	RULE_PIPE_STATUS,
	RULE_PLAIN_MAKE,
	RULE_PROCESSORS,
	RULE_RM_ROOT,
	RULE_SUDO,
	RULE_SUPER,
	RULE_TEST_REDIRECT,
	RULE_UNKNOWN_ARCH,
	RULE_UNKNOWN_COMMAND,
	RULE_UNKNOWN_PHASE,
	RULE_UNKNOWN_VARIABLE,
	RULE_UNQUOTED,
	RULE_UNREACHABLE,
	RULE_UNUSED_FUNCTION,
	RULE_UNUSED_VARIABLE,
	RULES,
};

/* A function of the chain; all definitions of one name together. */
struct routine {
	const char *name;
	bool above;      /* some file before the last defines it */
	bool nonfatal;   /* nonfatal or retry is used on it */
	unsigned phases; /* bit 1 << enum phase: which can come to it */
	struct routine **calls;
	size_t ncalls;
};

/* A variable that is assigned somewhere in functions. */
struct assigned {
	struct routine **by;
	size_t nby;
};

/* $name in a function of the last file. */
struct reference {
	const char *name;
	size_t len;
	const struct routine *by;
	uint32_t at;
	bool guarded; /* ${name:-...} and its like */
};

struct finding {
	enum rule rule;
	enum diag_level level;
	uint32_t at;
	struct range within; /* comments on its lines are about it */
	const char *text, *hint;
};

struct linter {
	struct arena *arena;
	struct recipe *const *chain;
	size_t n;
	const struct metadata *meta;
	const struct syntax *file;     /* the last of the chain */
	struct map routines, assigned; /* by name */
	struct map mentions;           /* names that stand in some word */
	struct reference *references;
	size_t nreferences;
	bool sources;         /* reads other files, or evaluates text */
	bool errexit;         /* set -e */
	bool pipefail;        /* set -o pipefail */
	struct range command; /* that the rules look at */
	struct finding *findings;
	size_t nfindings;
};

/* Keep a finding at an offset of the file, about the present command. */
void find(struct linter *l, enum rule rule, uint32_t at, const char *hint,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* The same for what is sure to fail: an error. */
void find_error(struct linter *l, enum rule rule, uint32_t at, const char *hint,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* ---- walk.c: all commands and words, outer ones first ---- */

enum where_flag {
	WHERE_SUBSHELL = 1 << 0,  /* in ( ), $( ), a pipe or the background */
	WHERE_CONDITION = 1 << 1, /* the status is looked at */
	WHERE_LATER = 1 << 2,     /* something is run after the chain */
};

struct where {
	struct routine *routine; /* NULL: outside of functions */
	unsigned flags;          /* of enum where_flag */
};

/* What is not made of words. */
enum walk_text {
	TEXT_ARITHMETIC, /* between (( and )) */
	TEXT_DOCUMENT,   /* a here-document's body */
	TEXT_LITERAL,    /* the same without expansions */
};

struct walk {
	struct arena *arena;
	const struct syntax *file;
	void *context;
	/* Each may be NULL. */
	void (*chain)(struct walk *w, const struct command *c, struct where at);
	void (*word)(struct walk *w, const struct word *word, struct where at);
	void (*text)(struct walk *w, struct range text, enum walk_text kind,
	    struct where at);
	/* What routine a function's name stands for. */
	struct routine *(*routine)(struct walk *w, const struct word *name);
};

void walk_chain(struct walk *w, const struct command *chain, struct where at);

/* ---- wording.c: what is in a word ---- */

/* The word without quotes; expansions stay as they are written. */
struct slice
plain_text(struct arena *a, const struct syntax *s, const struct word *w);

bool word_is(const struct syntax *s, const struct word *w, const char *text);

/* Has it an expansion or a substitution? */
bool word_expands(const struct syntax *s, const struct word *w);

/* One expansion: $x ${x} $(...) `...`. */
struct expansion {
	struct range at;
	struct slice name; /* "" for substitutions */
	bool quoted, guarded, assigns;
	bool harmless; /* a number: $# $? ${#x} $((...)) */
};

struct scan {
	const char *text;
	uint32_t pos, to;
	uint32_t until; /* up to here everything counts as quoted */
	bool quoted, document;
	const struct part *parts;
};

/* Over a word, or over text in which quotes mean nothing. */
void scan_word(struct scan *x, const struct syntax *s, const struct word *w);
void scan_text(struct scan *x, const struct syntax *s, struct range text);
bool scan_next(struct scan *x, struct expansion *e);

/* A simple command without what stands in front of the real one. */
struct call {
	const struct word *name; /* NULL: only assignments */
	struct slice text;       /* of name */
	bool edo, nonfatal;      /* it was run by these (or retry) */
};

struct call
call_of(struct arena *a, const struct syntax *s, const struct command *c);

/* The first word that is not an assignment. */
const struct word *command_word(const struct command *c);

bool slice_is(struct slice s, const char *text);
bool slice_among(struct slice s, const char *const list[], size_t n);
bool slice_starts(struct slice s, const char *prefix);

/* Is a what b becomes by one slip of the fingers? */
bool one_slip(struct slice a, const char *b);

#define COUNT(a)       (sizeof(a) / sizeof(*(a)))
#define AMONG(s, list) slice_among((s), (list), COUNT(list))

/* ---- the passes ---- */

void survey(struct linter *l);

/*
 * habits.c: one command; usage.c: helpers' arguments; outbound.c: the
 * network; follow.c: what follows what; whole.c: the file.
 */
void lint_simple(struct linter *l, const struct command *c, struct where at);
void lint_word(struct linter *l, const struct word *w, struct where at);
void lint_usage(struct linter *l, const struct word *name);
void lint_network(struct linter *l, const struct call *c, struct where at);
void lint_chain(struct linter *l, const struct command *chain, struct where at);
void lint_whole(struct linter *l);

/* Helpers that end the phase when they fail. */
bool dies_by_itself(struct slice name);

struct routine *routine_get(const struct linter *l, struct slice name);

/* ---- silence.c: comments ---- */

struct silencer {
	uint32_t at, line; /* the line that it is about */
	struct slice rule, reason;
	bool used;
};

struct silence {
	struct arena *arena;
	const struct syntax *file;
	struct silencer *list;
	size_t n;
};

void silence_read(struct silence *q, struct arena *a, const struct syntax *s);

/* Does a comment silence the rule on one of these lines? It is used then. */
bool silenced(struct silence *q, const char *rule, uint32_t from, uint32_t to);

/* Findings about the comments themselves. */
void silence_check(struct silence *q, struct linter *l);

#endif
