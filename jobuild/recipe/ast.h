/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parser makes of a bash file; this header reads as the grammar:
 *
 *	file     := chain
 *	chain    := command (op command)* [op]     op: && || | |& ; & newline
 *	command  := ["!" | "time" ...]* (simple | compound redir* | function)
 *	compound := "{" chain "}" | "(" chain ")" | if | while | for | case |
 *...
 *
 * A chain is flat: each command knows the operator that follows it. Words are
 * kept as ranges of the source with the facts that the lexer has seen; what
 * is inside is read by value.h when it is needed, except for substitutions,
 * whose commands hang on their word. All nodes live in the parser's arena.
 */
#ifndef RECIPE_AST_H
#define RECIPE_AST_H

#include <stdint.h>

/* Offsets into the text: from is the first byte, to the one after the last. */
struct range {
	uint32_t from, to;
};

enum word_flag {
	WORD_QUOTED = 1 << 0, /* has quotes or a backslash */
	WORD_DOLLAR = 1 << 1, /* has an expansion */
	WORD_ASSIGN = 1 << 2, /* is an assignment where it stands */
	WORD_ARRAY = 1 << 3,  /* name=( ... ): elements hang in parts */
	WORD_JOINED = 1 << 4, /* a backslash and newline inside was dropped */
	WORD_NUMBER = 1 << 5, /* digits as a redirection's target */
	WORD_FD_NAME = 1 << 6,
};

enum part_kind {
	PART_COMMAND,   /* $( chain ) */
	PART_PROCESS,   /* <( chain ) or >( chain ) */
	PART_BACKQUOTE, /* its text is not parsed here, nor by bash -n */
	PART_ARRAY,     /* ( word* ) after name= */
};

struct part {
	struct range at; /* with its delimiters */
	enum part_kind kind;
	union {
		struct command *body;
		struct word *words;
	} u;
	struct part *next; /* in the same word, in the order of their ends */
};

struct word {
	struct range at;
	uint32_t flags; /* of enum word_flag */
	struct part *parts;
	struct word *next;
};

enum redir_op {
	REDIR_IN,         /* < */
	REDIR_OUT,        /* > */
	REDIR_APPEND,     /* >> */
	REDIR_CLOBBER,    /* >| */
	REDIR_BOTH,       /* <> */
	REDIR_HERE,       /* << */
	REDIR_HERE_TAB,   /* <<- */
	REDIR_STRING,     /* <<< */
	REDIR_DUP_IN,     /* <& */
	REDIR_DUP_OUT,    /* >& */
	REDIR_ALL,        /* &> */
	REDIR_ALL_APPEND, /* &>> */
};

struct redir {
	enum redir_op op;
	struct word *fd;     /* 3 or {name} in front; NULL: the default */
	struct word *target; /* a here-document's delimiter */
	struct range body;   /* of a here-document, without its last line */
	struct redir *next;
};

enum command_kind {
	COMMAND_SIMPLE,    /* words */
	COMMAND_GROUP,     /* { body } */
	COMMAND_SUBSHELL,  /* ( body ) */
	COMMAND_IF,        /* if cond then body [orelse] fi */
	COMMAND_WHILE,     /* while cond do body done */
	COMMAND_UNTIL,     /* until cond do body done */
	COMMAND_FOR,       /* for words[0] [in words...] do body done */
	COMMAND_FOR_ARITH, /* for ((inner)) do body done */
	COMMAND_SELECT,    /* as for */
	COMMAND_CASE,      /* case words[0] in items esac */
	COMMAND_ARITH,     /* ((inner)) */
	COMMAND_COND,      /* [[ inner ]]: its words in order */
	COMMAND_FUNCTION,  /* words[0] () body */
	COMMAND_COPROC,    /* coproc [words[0]] body */
};

enum command_op {
	OP_END,      /* nothing follows */
	OP_NEWLINE,  /* a new line */
	OP_SEQ,      /* ; */
	OP_BACK,     /* & */
	OP_AND,      /* && */
	OP_OR,       /* || */
	OP_PIPE,     /* | */
	OP_PIPE_ALL, /* |& */
};

enum command_flag {
	COMMAND_NOT = 1 << 0,     /* an odd number of ! in front */
	COMMAND_TIME = 1 << 1,    /* time in front */
	COMMAND_KEYWORD = 1 << 2, /* "function name" instead of "name ()" */
};

struct item {
	struct word *patterns;
	struct command *body;                          /* NULL: empty */
	enum { ITEM_BREAK, ITEM_FALL, ITEM_TEST } end; /* ;; ;& ;;& */
	struct item *next;
};

struct command {
	uint8_t kind, op, flags; /* of the enums above */
	struct range at;         /* without ! and time */
	struct redir *redirs;
	struct command *next; /* after op */
	struct word *words;
	/* A simple command ends here: the rest is not there. */
	struct command *body;
	union {
		struct command *cond; /* if while until */
		struct item *items;   /* case */
		struct range inner;   /* arith, for ((...)) */
	} u;
	struct command *orelse; /* if: an elif is an if without fi */
};

#endif
