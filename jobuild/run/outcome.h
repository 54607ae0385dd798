/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What became of one step: collected from the lines that autotua-chroot
 * writes (trusted) and the records that jobuild.sh writes from inside of the
 * jail (anybody in there can write them: all of it is bounded and escaped).
 */
#ifndef RUN_OUTCOME_H
#define RUN_OUTCOME_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OUTCOME_PHASES    16
#define OUTCOME_FIELD_MAX 8192 /* bytes of one field of a record */

/*
 * What one report may have, with texts as JSON writes them: it goes to the
 * master with a piece of the log, in one call that may have 1 MiB.
 */
#define OUTCOME_LIST_MAX     1000   /* artifacts, figures, messages: each */
#define OUTCOME_PATHS_MAX    262144 /* bytes of the artifacts' paths */
#define OUTCOME_FIGURES_MAX  131072 /* of the figures, names and values */
#define OUTCOME_MESSAGES_MAX 131072 /* of what the jail says */
#define OUTCOME_OWN_LIST_MAX 200    /* messages of ours, */
#define OUTCOME_OWN_MAX      32768  /* and their bytes */

struct phase_figures {
	const char *name, *limit; /* limit: "" or time, memory, ... */
	int exit, signal;
	bool ended;
	int64_t limit_value, log_left_out;
	int64_t wall_ms, user_ms, system_ms, memory_kb, log_start, log_end;
	int64_t net_bytes; /* by a private network, both ways */
};

/* What still fits. */
struct room {
	size_t count, bytes;
};

struct artifact {
	const char *path, *type;
	int64_t size;
	char digest[KEY_HEX];
};

struct outcome {
	struct arena *arena;
	struct phase_figures phases[OUTCOME_PHASES];
	size_t nphases;
	struct artifact *artifacts;
	size_t nartifacts;
	json_t *messages, *figures; /* as the report has them */
	const char *skip, *die;     /* of the phase: one, the first, or none */
	const char *mismatch;       /* name of the first, or NULL */
	const char *bash_value;
	size_t nmismatches;
	const char *speaker; /* the phase whose records are being read */
	size_t heard;        /* phases up to the last one that spoke */
	struct room artifacts_room, figures_room, messages_room, own_room;
	bool dropped;     /* messages */
	const char *over; /* "limit: ...": results that don't fit; or NULL */

	/* types that were told: path to type */
	struct {
		const char *path, *type;
	} * types;
	size_t ntypes;

	struct buf field[3]; /* the record being read */
	int nfield;
	struct buf line; /* the status line being read */
};

void outcome_init(struct outcome *o, struct arena *a);
void outcome_release(struct outcome *o);

/*
 * Take the next bytes of the report pipe. What is cut short or unknown is left
 * out, and so are messages that are too many (which is said in one, once).
 * Figures and artifacts that don't fit are a limit of the step: see over.
 */
void outcome_records(struct outcome *o, const char *p, size_t n);

/* One whole status line, without its end. -1: it has not the agreed form. */
int outcome_line(struct outcome *o, const char *line);

/* A message of our own. */
void outcome_say(struct outcome *o, const char *level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The phase that is running or ran last; NULL before the first. */
struct phase_figures *outcome_phase(struct outcome *o);

/* Type of the artifact with this path: as told for it or a folder above. */
const char *outcome_type(const struct outcome *o, const char *path);

/*
 * s as text for a report: escaped like show(), but lines stay lines. At most
 * max bytes of s are taken.
 */
const char *
outcome_text(struct arena *a, const char *s, size_t len, size_t max);

#endif
