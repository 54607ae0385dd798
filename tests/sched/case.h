/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is simulated. A case is a text, of which each line is one of:
 *
 *	slaves N, slots N	how many there are, and of each
 *	half-life SECONDS	of what users had
 *	learn			nobody knows what units take, but what has
 *				passed is learned, as by the master
 *	vary PERCENT		a unit takes so much more or less in each job
 *	graph NAME		whose units are told by the next lines:
 *	  wide NAME N SECONDS [exclusive]	N that need nothing
 *	  chain NAME N SECONDS			each needs the one before
 *	  file PATH				see graph.h
 *	job USER GRAPH at SECONDS [every SECONDS times N]
 *	expect FIGURE <= NUMBER, expect FIGURE >= NUMBER
 *
 * SECONDS of units may be A-B: each takes one more than that before it, and
 * after B there is A again. The figures:
 *
 *	ratio J		what the J-th job took, of what it must take at least
 *	took J		seconds
 *	wait USER	the most seconds that a unit of the user was ready
 *	share USER A B	what the user had of all that anybody had, in seconds
 *			A to B
 *	choice		microseconds for each unit that was chosen
 */
#ifndef TESTS_SCHED_CASE_H
#define TESTS_SCHED_CASE_H

#include "tests/sched/graph.h"

#include <stdint.h>

#define GRAPHS_MAX 8

struct run {
	const char *user;
	struct graph *graph;
	int64_t at, ended; /* microseconds */
	int64_t first;     /* number of its first unit */
	double *seconds;   /* of each */
	double bound;
};

enum figure { RATIO, TOOK, WAIT, SHARE, CHOICE, FIGURES };

struct expect {
	const char *text, *user;
	enum figure figure;
	size_t job;
	double from, to; /* microseconds */
	bool most;       /* the limit is what it may be at most */
	double limit;
	double value, all; /* summed up on the way */
	struct expect *next;
};

struct sim_case {
	struct arena arena;
	struct graph graphs[GRAPHS_MAX], *graph;
	size_t ngraphs;
	struct run *runs;
	size_t nruns;
	struct expect *expects, **last;
	long slaves, slots;
	double half_life, vary;
	bool learn;
};

/* Ends the program if there is something wrong with it. */
void case_read(struct sim_case *c, const char *path);

#endif
