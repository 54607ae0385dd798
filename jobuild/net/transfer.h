/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One file being fetched: which URLs there are, which was tried with what
 * outcome, and the part that its bytes go to. It knows nothing of the others;
 * fetch.c drives it.
 *
 * WAITING -> RUNNING -> DONE, or back to WAITING for the next URL, or
 * GIVEN_UP. Each URL is asked once a round; those that failed for good are
 * left out of later rounds.
 */
#ifndef NET_TRANSFER_H
#define NET_TRANSFER_H

#include "base/error.h"
#include "net/part.h"
#include "net/url.h"

enum transfer_state { XFER_WAITING, XFER_RUNNING, XFER_DONE, XFER_GIVEN_UP };

/* What is known of a URL: only trouble may pass. */
enum url_outcome { URL_FRESH, URL_TROUBLE, URL_ABSENT, URL_WRONG };

struct candidate {
	const char *url;
	enum url_outcome outcome;
	char why[URL_REASON_MAX];
};

struct transfer {
	const struct fetch_conf *conf;
	const struct fetch_progress *progress;
	const struct fetch_item *item;
	enum transfer_state state;
	struct candidate *urls;
	size_t nurls, current;
	int round;
	int64_t not_before;  /* monotonic milliseconds */
	struct error broken; /* code != 0: why no URL can help */

	CURL *easy;
	struct curl_slist *headers;
	struct part part;
	int64_t offset;   /* asked for from here */
	bool begun;       /* the first body byte was seen */
	struct error bad; /* code != 0: why the body was refused */
	char detail[CURL_ERROR_SIZE];
};

/*
 * Ask the current URL: t gets a handle that the caller adds to its multi. 1
 * when there is nothing to ask for, because the part is complete or t was
 * given up; 0 otherwise.
 */
int transfer_start(struct transfer *t);

/* The handle ended with this code: decide what comes next. */
void transfer_end(struct transfer *t, CURLcode code, int64_t now);

/* Free the handle and close the part. */
void transfer_release(struct transfer *t);

/*
 * Why it was given up: what broke it, else EAGAIN when one of the URLs may do
 * better another time, EILSEQ when each gave wrong content, ENOENT otherwise.
 */
int transfer_code(const struct transfer *t);

#endif
