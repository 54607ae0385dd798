/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lexer of bash 5.2, with extglob on and aliases off. What a byte means
 * depends on the tokens before it, so the parser and the lexer share one
 * state, struct parser. The text ends with a newline and a NUL that is not
 * counted. Everything that is made lives in the arena.
 *
 * A failure is kept once, in the state (syntax_fail()); from then on every
 * token is TOKEN_ERROR, so that callers only have to look where they read.
 */
#ifndef RECIPE_LEX_H
#define RECIPE_LEX_H

#include "recipe/ast.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;

/* Single-byte tokens are their own byte: ; & | ( ) < > - newline { } */
enum token {
	TOKEN_ERROR = -1,
	TOKEN_NONE = 0,
	TOKEN_EOF = 256,
	TOKEN_WORD,
	TOKEN_ASSIGN,
	TOKEN_NUMBER,
	TOKEN_FD_NAME,
	TOKEN_AND_AND,
	TOKEN_OR_OR,
	TOKEN_PIPE_ALL,
	TOKEN_SEMI_SEMI,
	TOKEN_SEMI_AND,
	TOKEN_SEMI_SEMI_AND,
	TOKEN_APPEND,
	TOKEN_CLOBBER,
	TOKEN_IN_OUT,
	TOKEN_HERE,
	TOKEN_HERE_TAB,
	TOKEN_HERE_STRING,
	TOKEN_DUP_IN,
	TOKEN_DUP_OUT,
	TOKEN_ALL,
	TOKEN_ALL_APPEND,
	TOKEN_ARITH,
	TOKEN_FOR_ARITH,
	TOKEN_DOLLAR_PAREN,
	TOKEN_IF,
	TOKEN_THEN,
	TOKEN_ELSE,
	TOKEN_ELIF,
	TOKEN_FI,
	TOKEN_CASE,
	TOKEN_ESAC,
	TOKEN_FOR,
	TOKEN_SELECT,
	TOKEN_WHILE,
	TOKEN_UNTIL,
	TOKEN_DO,
	TOKEN_DONE,
	TOKEN_IN,
	TOKEN_FUNCTION,
	TOKEN_TIME,
	TOKEN_TIME_P,
	TOKEN_TIME_END,
	TOKEN_BANG,
	TOKEN_COND_START,
	TOKEN_COND_END,
	TOKEN_COPROC,
};

/* Where the lexer is, beyond the last tokens. */
enum lex_state {
	LEX_CASE_PATTERN = 1 << 0,
	LEX_CASE = 1 << 1,
	LEX_ARRAY = 1 << 2,      /* inside name=( ... ) */
	LEX_ASSIGN_OK = 1 << 3,  /* declare and its like take name=( ... ) */
	LEX_REDIRS = 1 << 4,     /* only redirections in this command so far */
	LEX_COND = 1 << 5,       /* inside [[ ]] */
	LEX_REGEX = 1 << 6,      /* the next word is one */
	LEX_BRACE_NEXT = 1 << 7, /* a { may begin a function's body */
};

#define HERE_MAX 16 /* here-documents of one line, as in bash */

/* What a nested parse saves and restores. */
struct lex_context {
	int last, before, current; /* tokens: the newest before current */
	unsigned state;            /* of enum lex_state */
	unsigned expecting_in, esacs;
	struct redir *here[HERE_MAX];
	unsigned nhere;
	bool substitution; /* in $( ) or <( ): ends at its parenthesis */
};

struct parser {
	struct arena *arena;
	char *free, *free_end; /* room for nodes */
	const char *text;
	uint32_t len;
	uint32_t pos;
	/*
	 * Here-documents that were read in the middle of a line: after the
	 * newline before gap_at reading goes on at gap_to, the beginning of a
	 * line whatever stands before it. Without a gap gap_at is 0.
	 */
	uint32_t gap_at, gap_to;
	size_t moved; /* bytes of the text that changed places */
	/* Text up to here was read ahead: here-documents come from below. */
	uint32_t ahead;
	struct lex_context c;
	unsigned braces; /* open { of groups */
	int again;       /* a token that is read once more, or TOKEN_NONE */
	int quote;       /* the quote or ( around, as bash knows it, or 0 */
	bool empty;      /* a word begins here, whatever comes */

	bool have; /* token is the next one, read but not taken */
	int token;
	struct range at;   /* of token */
	uint32_t taken_to; /* the end of the last token that was taken */
	struct word *word;
	struct range inner; /* of TOKEN_ARITH */
	bool joined;        /* a line continuation was dropped */
	struct part **part; /* where the next part of the word goes */

	unsigned depth, depth_max;
	uint32_t *joins; /* where line continuations were dropped */
	size_t njoins;
	/*
	 * Bit n: the ( at n, the second of "((", begins a subshell; or the
	 * byte at n is the one at which bash looked to know that. Then a
	 * backslash begins a word though a newline follows, and after a
	 * newline a word begins, if only an empty one.
	 */
	uint8_t *subshells;
	uint32_t *opens; /* for the next pair: its stack of open ( */

	bool failed;
	/*
	 * bash -n doesn't count this failure: it reads on to the end of the
	 * line and stops there.
	 */
	bool uncounted;
	const char *rule, *message, *hint;
	uint32_t failed_at;
};

/* Read the next token; what token_next() does when there is none yet. */
int token_fetch(struct parser *p);

/* The next token, read when it is first asked for; and past it. */
static inline int
token_next(struct parser *p)
{
	return p->have && !p->failed ? p->token : token_fetch(p);
}

void token_take(struct parser *p);

/* Read a token without the history that yylex keeps (inside [[ and arrays). */
int token_read(struct parser *p);

/* Keep the first failure: its place, what is wrong, and a remedy or NULL. */
int
syntax_fail(struct parser *p, uint32_t at, const char *rule, const char *hint,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Say of the failure just kept that bash -n doesn't count it; -1. */
int syntax_uncounted(struct parser *p);

/* What a token is called in a message. */
const char *token_name(struct parser *p, int token);

/* ---- between the files of the lexer ---- */

enum pair_flag {
	PAIR_FIRST = 1 << 0,  /* the first close ends it, opens don't nest */
	PAIR_ESCAPE = 1 << 1, /* backslash escapes, though quoted by ' */
	PAIR_SUBSCRIPT = 1 << 2,
	PAIR_BRACE = 1 << 3, /* ${...} */
	PAIR_ARITH = 1 << 4,
};

#define PAIR_OPENS 64

/* What is known about the second parenthesis of a "((", or a backslash. */
bool subshell_known(const struct parser *p, uint32_t at);
void subshell_found(struct parser *p, uint32_t at);

/* In token.c, for word.c: the token if the text is reserved here. */
int special_word(struct parser *p, const char *s, size_t len);
int reserved_word(struct parser *p, const char *s, size_t len);

/* Zeroed room for a node, aligned for pointers. */
void *node_new(struct parser *p, size_t size);

/* The next byte, or -1 at the end; char_next() drops line continuations. */
int char_raw(struct parser *p);
int char_next(struct parser *p);

/* What char_peek() does at a backslash and at the end. */
int char_join(struct parser *p);

/* The byte after line continuations, which are taken; it is not. */
static inline int
char_peek(struct parser *p)
{
	unsigned char c = (unsigned char)p->text[p->pos];

	return c != '\\' && c != '\0' ? c : char_join(p);
}

/* The byte after that one; nothing is taken. */
int char_after(const struct parser *p);

/*
 * Read up to the close that matches an open already taken. 0 or -1 (failed);
 * from is where the construct starts.
 */
int
pair_read(struct parser *p, uint32_t from, int open, int close, unsigned flags);

/* The same for $( <( >(: "(" is taken, kind says what goes on the word. */
int substitution_read(struct parser *p, uint32_t from, enum part_kind kind);

/* Read the bodies of all pending here-documents. */
void here_read(struct parser *p);

/* Read a word that starts at the present place. */
int word_read(struct parser *p);

/* May a reserved word follow the token? */
bool reserved_follows(const struct parser *p, int token);

/* In parse.c: the chain of a substitution, up to and with ")". */
struct command *parse_substitution(struct parser *p, uint32_t from);

/* One more level of nesting; -1 (failed) when it is too deep. */
int depth_enter(struct parser *p);
void depth_leave(struct parser *p);

#endif
