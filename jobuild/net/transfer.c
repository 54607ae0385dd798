/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/transfer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRIES      2
#define PAUSE_MS     1000
#define PAUSE_DOUBLE 5         /* times at most */
#define ETAG_MAX     200       /* bytes */
#define ETAG_WORTH   (1 << 20) /* smaller files are asked anew */

static void
tell(const struct transfer *t, bool done)
{
	if (t->progress && t->progress->tell)
		t->progress->tell(
		    t->progress->ctx, t->item, t->part.size, done);
}

static struct candidate *
current(struct transfer *t)
{
	return &t->urls[t->current];
}

static void
give_up(struct transfer *t)
{
	t->state = XFER_GIVEN_UP;
	part_close(&t->part);
}

/* Something on this machine failed: another URL would not help. */
static void
give_up_here(struct transfer *t, const struct error *why)
{
	t->broken = *why;
	if (!error_is_full(why) && why->code != EAGAIN)
		t->broken.code = EIO;
	give_up(t);
}

/* Remember the strong ETag of what is coming, for a later If-Range. */
static void
note_etag(struct transfer *t)
{
	struct curl_header *h;

	if (t->item->entry->size < ETAG_WORTH || !url_is_http(current(t)->url))
		return;
	if (curl_easy_header(t->easy, "ETag", 0, CURLH_HEADER, -1, &h) !=
		CURLHE_OK ||
	    h->value[0] != '"' || strlen(h->value) >= ETAG_MAX)
		return;
	part_set_etag(&t->part, current(t)->url, h->value);
}

/* Does the answer to our range begin where we asked? */
static bool
range_fits(struct transfer *t)
{
	struct curl_header *h;
	char want[40];

	if (curl_easy_header(
		t->easy, "Content-Range", 0, CURLH_HEADER, -1, &h) != CURLHE_OK)
		return false;
	snprintf(want, sizeof(want), "bytes %" PRId64 "-", t->offset);
	return strncmp(h->value, want, strlen(want)) == 0;
}

/*
 * Before the first byte of a body is taken: does the server continue where we
 * asked, or does it send all of it; and is the size the Manifest's?
 */
static int
begin_body(struct transfer *t)
{
	curl_off_t length = -1;
	long status = 0;

	t->begun = true;
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	if (url_is_http(current(t)->url) && t->offset > 0) {
		if (status != 206) {
			t->offset = 0;
			if (part_restart(&t->part, &t->bad) < 0)
				return -1;
		} else if (!range_fits(t)) {
			fail(&t->bad, "sent another range than asked for");
			t->bad.code = EILSEQ;
			return -1;
		}
	}
	curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	if (length >= 0 && t->offset + length != t->item->entry->size)
		return store_compare(
		    t->item->entry, t->offset + length, "", "", &t->bad);
	if (t->offset == 0)
		note_etag(t);
	return 0;
}

static size_t
take_body(char *data, size_t one, size_t n, void *ctx)
{
	struct transfer *t = ctx;

	n *= one;
	if (!t->begun && begin_body(t) < 0)
		return 0;
	if (part_add(&t->part, data, n, &t->bad) < 0)
		return 0;
	tell(t, false);
	return n;
}

/* Ask only for what is missing. */
static int
ask_range(struct transfer *t, struct error *err)
{
	char range[32], etag[ETAG_MAX], line[ETAG_MAX + 16];

	t->offset = t->part.size;
	if (t->offset == 0)
		return 0;
	snprintf(range, sizeof(range), "%" PRId64 "-", t->offset);
	if (curl_easy_setopt(t->easy, CURLOPT_RANGE, range) != CURLE_OK)
		return fail(err, "libcurl can't ask for a range");
	part_etag(&t->part, current(t)->url, etag, sizeof(etag));
	if (!etag[0])
		return 0;
	snprintf(line, sizeof(line), "If-Range: %s", etag);
	t->headers = curl_slist_append(NULL, line);
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
	return 0;
}

static int
make_handle(struct transfer *t, struct error *err)
{
	t->begun = false;
	t->bad.code = 0;
	t->detail[0] = '\0';
	t->easy = curl_easy_init();
	if (!t->easy)
		return fail(err, "libcurl gives no handle");
	if (url_setup(t->easy, t->conf, current(t)->url, err) < 0 ||
	    ask_range(t, err) < 0)
		return -1;
	curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->detail);
	curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
	return 0;
}

static void
drop_handle(struct transfer *t)
{
	curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->headers);
	t->easy = NULL;
	t->headers = NULL;
}

void
transfer_release(struct transfer *t)
{
	drop_handle(t);
	part_close(&t->part);
}

/* The part is complete: 0 when it is in the store now. */
static int
finish(struct transfer *t)
{
	struct error err;

	if (part_finish(&t->part, &err) == 0) {
		t->state = XFER_DONE;
		tell(t, true);
		part_close(&t->part);
		return 0;
	}
	t->bad = err;
	if (err.code != EILSEQ)
		give_up_here(t, &err);
	return -1;
}

int
transfer_start(struct transfer *t)
{
	struct error err;

	if (t->part.fd < 0 &&
	    part_open(&t->part, t->conf->store, t->item->entry, &err) < 0) {
		give_up_here(t, &err);
		return 1;
	}
	/* an earlier try may have been killed just before its end */
	if (t->part.size == t->item->entry->size &&
	    (finish(t) == 0 || t->state == XFER_GIVEN_UP))
		return 1;
	if (make_handle(t, &err) < 0) {
		drop_handle(t);
		give_up_here(t, &err);
		return 1;
	}
	t->state = XFER_RUNNING;
	return 0;
}

/* The next URL that may still help; a pause before each new round. */
static void
advance(struct transfer *t, int64_t now)
{
	int64_t retries = t->conf->retries > 0 ? t->conf->retries : RETRIES;
	int doubled;
	size_t i;

	for (i = 0; i < t->nurls; i++) {
		if (++t->current == t->nurls) {
			t->current = 0;
			t->round++;
			doubled = t->round - 1 < PAUSE_DOUBLE ? t->round - 1
							      : PAUSE_DOUBLE;
			t->not_before = now + ((int64_t)PAUSE_MS << doubled);
		}
		if (t->round > retries)
			break;
		if (current(t)->outcome <= URL_TROUBLE) {
			t->state = XFER_WAITING;
			return;
		}
	}
	give_up(t);
}

static enum url_outcome
outcome_of(CURLcode code, long status)
{
	switch (code) {
	case CURLE_HTTP_RETURNED_ERROR:
		return status >= 500 || status == 408 || status == 425 ||
			status == 429
		    ? URL_TROUBLE
		    : URL_ABSENT;
	case CURLE_FILE_COULDNT_READ_FILE:
	case CURLE_REMOTE_FILE_NOT_FOUND:
	case CURLE_REMOTE_ACCESS_DENIED:
	case CURLE_LOGIN_DENIED:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
	case CURLE_TOO_MANY_REDIRECTS:
	case CURLE_PEER_FAILED_VERIFICATION:
		return URL_ABSENT;
	default:
		return URL_TROUBLE;
	}
}

/* This try failed so: remember, tell, go on with the next URL. */
static void
failed(
    struct transfer *t, enum url_outcome outcome, const char *why, int64_t now)
{
	struct candidate *c = current(t);
	char text[URL_REASON_MAX + 2048];

	c->outcome = outcome;
	snprintf(c->why, sizeof(c->why), "%s", why);
	snprintf(text, sizeof(text), "%s: %s", c->url, c->why);
	if (t->progress && t->progress->note)
		t->progress->note(t->progress->ctx, t->item, text);
	advance(t, now);
}

/*
 * What came is not what the Manifest says. If it was only the rest of what an
 * earlier try had left, either half may be at fault: ask again for all of it.
 */
static void
wrong_content(struct transfer *t, int64_t now)
{
	bool resumed = t->offset > 0;
	struct error err;

	if (part_restart(&t->part, &err) < 0)
		give_up_here(t, &err);
	else if (resumed)
		t->state = XFER_WAITING;
	else
		failed(t, URL_WRONG, t->bad.msg, now);
}

/* All that this URL had came without an error. */
static void
complete(struct transfer *t, int64_t now)
{
	if (t->part.size != t->item->entry->size) {
		store_compare(t->item->entry, t->part.size, "", "", &t->bad);
		wrong_content(t, now);
		return;
	}
	if (finish(t) < 0 && t->state != XFER_GIVEN_UP)
		wrong_content(t, now);
}

void
transfer_end(struct transfer *t, CURLcode code, int64_t now)
{
	char why[URL_REASON_MAX];
	struct error err;
	long status = 0;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	url_reason(t->easy, code, t->detail, why);
	drop_handle(t);
	t->not_before = 0;
	if (t->bad.code == EILSEQ || t->bad.code == EFBIG)
		wrong_content(t, now);
	else if (t->bad.code != 0)
		give_up_here(t, &t->bad);
	else if (code == CURLE_OK)
		complete(t, now);
	else if (code != CURLE_HTTP_RETURNED_ERROR || status != 416 ||
	    t->offset == 0)
		failed(t, outcome_of(code, status), why, now);
	else if (part_restart(&t->part, &err) < 0)
		give_up_here(t, &err);
	else
		t->state = XFER_WAITING;
}

int
transfer_code(const struct transfer *t)
{
	int code = EILSEQ;
	size_t i;

	if (t->broken.code != 0)
		return t->broken.code;
	for (i = 0; i < t->nurls; i++) {
		switch (t->urls[i].outcome) {
		case URL_FRESH:
		case URL_TROUBLE:
			return EAGAIN;
		case URL_ABSENT:
			code = ENOENT;
			break;
		case URL_WRONG:
			break;
		}
	}
	return code;
}
