/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/fetch.h"
#include "net/transfer.h"
#include "base/arena.h"
#include "base/file.h"
#include "base/map.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PARALLEL 4
#define HOST_MAX 4   /* connections to one host */
#define LOOK_MS  200 /* how often "cancelled" is asked */

struct fetch {
	struct arena arena;
	const struct fetch_conf *conf;
	const struct fetch_progress *progress;
	struct transfer **list;
	size_t n, running, ended;
	CURLM *multi;
};

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Let t have these URLs as well. */
static void
add_candidates(struct fetch *f, struct transfer *t, const struct urls *u)
{
	size_t i, j;

	for (i = 0; i < u->n; i++) {
		for (j = 0; j < t->nurls; j++) {
			if (strcmp(t->urls[j].url, u->list[i]) == 0)
				break;
		}
		if (j < t->nurls)
			continue;
		t->urls =
		    arena_grow(&f->arena, t->urls, t->nurls, sizeof(*t->urls));
		t->urls[t->nurls++].url = u->list[i];
	}
}

/*
 * One transfer for each file, however many items want it: they may know
 * different URLs for it.
 */
static void
add_item(struct fetch *f, struct map *seen, const struct fetch_item *item)
{
	const struct manifest_entry *e = item->entry;
	struct urls urls = {0};
	struct transfer *t;
	struct error err;
	void **place;

	place = map_puts(seen,
	    arena_printf(
		&f->arena, "%s %s %" PRId64, e->blake2b, e->sha512, e->size));
	t = *place;
	if (!t) {
		t = *place = arena_new(&f->arena, struct transfer);
		t->conf = f->conf;
		t->progress = f->progress;
		t->item = item;
		t->part.fd = -1;
		f->list =
		    arena_grow(&f->arena, f->list, f->n, sizeof(*f->list));
		f->list[f->n++] = t;
	}
	if (urls_add(&f->arena, f->conf, item->source->uri, &urls, &err) < 0) {
		t->broken = err;
		if (err.code == 0)
			t->broken.code = ENOENT;
	}
	add_candidates(f, t, &urls);
}

static void
collect(struct fetch *f, const struct fetch_item *items, size_t n)
{
	char name[STORE_NAME_MAX];
	struct transfer *t;
	struct map seen;
	size_t i;

	map_init(&seen, &f->arena);
	for (i = 0; i < n; i++) {
		if (!store_find(f->conf->store, items[i].entry, name))
			add_item(f, &seen, &items[i]);
		else if (f->progress && f->progress->tell)
			f->progress->tell(f->progress->ctx, &items[i],
			    items[i].entry->size, true);
	}
	for (i = 0; i < f->n; i++) {
		t = f->list[i];
		if (t->nurls > 0)
			t->broken.code = 0;
		else
			t->state = XFER_GIVEN_UP;
		f->ended += t->nurls == 0;
	}
}

/* Start what may start; ms until the next one may. */
static int64_t
start_some(struct fetch *f)
{
	int64_t now = now_ms(), wait = LOOK_MS;
	size_t i,
	    most = f->conf->parallel > 0 ? (size_t)f->conf->parallel : PARALLEL;
	struct transfer *t;

	for (i = 0; i < f->n && f->running < most; i++) {
		t = f->list[i];
		if (t->state != XFER_WAITING)
			continue;
		if (t->not_before > now) {
			if (t->not_before - now < wait)
				wait = t->not_before - now;
			continue;
		}
		if (transfer_start(t) != 0) {
			f->ended++;
			continue;
		}
		curl_multi_add_handle(f->multi, t->easy);
		f->running++;
	}
	return wait;
}

static void
end_some(struct fetch *f)
{
	struct transfer *t;
	struct CURLMsg *m;
	CURLcode code;
	int left;

	while ((m = curl_multi_info_read(f->multi, &left)) != NULL) {
		if (m->msg != CURLMSG_DONE)
			continue;
		code = m->data.result;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
		curl_multi_remove_handle(f->multi, m->easy_handle);
		f->running--;
		transfer_end(t, code, now_ms());
		if (t->state == XFER_DONE || t->state == XFER_GIVEN_UP)
			f->ended++;
	}
}

static int
loop(struct fetch *f, struct error *err)
{
	int running;
	int64_t wait;

	while (f->ended < f->n) {
		if (f->progress && f->progress->cancelled &&
		    f->progress->cancelled(f->progress->ctx)) {
			fail(err, "cancelled");
			err->code = ECANCELED;
			return -1;
		}
		wait = start_some(f);
		if (curl_multi_perform(f->multi, &running) != CURLM_OK)
			return fail(err, "libcurl failed");
		end_some(f);
		if (f->ended < f->n && f->running > 0)
			curl_multi_poll(f->multi, NULL, 0, (int)wait, NULL);
		else if (f->ended < f->n)
			usleep((useconds_t)wait * 1000);
	}
	return 0;
}

/* The less is to be hoped for, the higher. */
static int
rank(const struct transfer *t)
{
	int code = transfer_code(t);

	if (code == EILSEQ || code == ENOTSUP)
		return 2;
	return code == EAGAIN || error_is_full(&t->broken) ? 0 : 1;
}

/* Make err of those that were given up; 0 when there is none. */
static int
verdict(const struct fetch *f, struct error *err)
{
	const struct transfer *t, *worst = NULL;
	size_t i, n = 0, len;

	for (i = 0; i < f->n; i++) {
		t = f->list[i];
		if (t->state != XFER_GIVEN_UP)
			continue;
		n++;
		if (!worst || rank(t) > rank(worst))
			worst = t;
	}
	if (n == 0)
		return 0;
	fail(err, "%s", worst->item->entry->name);
	if (n > 1)
		fail(err, "%s (and %zu more)", worst->item->entry->name, n - 1);
	len = strlen(err->msg);
	if (worst->broken.code != 0)
		len += (size_t)snprintf(err->msg + len, sizeof(err->msg) - len,
		    ": %s", worst->broken.msg);
	for (i = 0; i < worst->nurls && len < sizeof(err->msg); i++) {
		if (worst->urls[i].outcome == URL_FRESH)
			continue;
		len += (size_t)snprintf(err->msg + len, sizeof(err->msg) - len,
		    "%s %s: %s", len > 0 && i > 0 ? ";" : ":",
		    worst->urls[i].url, worst->urls[i].why);
	}
	err->code = transfer_code(worst);
	return -1;
}

static void
release(struct fetch *f)
{
	size_t i;

	for (i = 0; i < f->n; i++) {
		if (f->list[i]->easy)
			curl_multi_remove_handle(f->multi, f->list[i]->easy);
		transfer_release(f->list[i]);
	}
	if (f->multi)
		curl_multi_cleanup(f->multi);
	arena_release(&f->arena);
}

int
fetch_all(const struct fetch_conf *c, const struct fetch_item *items, size_t n,
    const struct fetch_progress *p, struct error *err)
{
	struct fetch f = {.conf = c, .progress = p};
	int rc = -1;

	collect(&f, items, n);
	if (f.n == 0)
		goto out;
	net_init();
	f.multi = curl_multi_init();
	if (!f.multi) {
		fail(err, "libcurl gives no handle");
		goto out;
	}
	curl_multi_setopt(
	    f.multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)HOST_MAX);
	rc = loop(&f, err);
out:
	if (f.n == 0 || rc == 0)
		rc = verdict(&f, err);
	release(&f);
	return rc;
}

/* ---- a file whose digest nobody knows yet -------------------------------- */

struct sink {
	int fd;
	int64_t size, max;
	struct error err; /* code != 0: it failed here */
};

static size_t
sink_add(char *data, size_t one, size_t n, void *ctx)
{
	struct sink *s = ctx;

	n *= one;
	if ((int64_t)n > s->max - s->size) {
		fail(&s->err, "is larger than %" PRId64 " bytes", s->max);
		s->err.code = EFBIG;
		return 0;
	}
	if (file_write_all(s->fd, data, n, &s->err) < 0) {
		s->err.code = EIO;
		return 0;
	}
	s->size += (int64_t)n;
	return n;
}

static int
look(void *ctx, curl_off_t total, curl_off_t now, curl_off_t up_total,
    curl_off_t up)
{
	const struct fetch_conf *c = ctx;

	(void)up_total;
	(void)up;
	c->look(c->ctx, now, total);
	return 0;
}

/* Ask one URL; -1 with the reason. */
static int
fetch_one(const struct fetch_conf *c, const char *url, struct sink *s,
    struct error *err)
{
	char detail[CURL_ERROR_SIZE] = "", why[URL_REASON_MAX];
	CURL *easy = curl_easy_init();
	CURLcode code;
	int rc = -1;

	if (!easy)
		return fail(err, "libcurl gives no handle");
	if (url_setup(easy, c, url, err) < 0)
		goto out;
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, detail);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, sink_add);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, s);
	if (c->look) {
		curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
		curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, look);
		curl_easy_setopt(easy, CURLOPT_XFERINFODATA, c);
	}
	code = curl_easy_perform(easy);
	url_reason(easy, code, detail, why);
	if (code == CURLE_OK)
		rc = 0;
	else
		fail(err, "%s: %s", url, s->err.code ? s->err.msg : why);
out:
	curl_easy_cleanup(easy);
	return rc;
}

int
fetch_unknown(const struct fetch_conf *c, const struct source *s, int fd,
    int64_t max, struct error *err)
{
	struct sink sink = {.fd = fd, .max = max};
	struct arena a = {0};
	struct urls urls = {0};
	struct error one;
	size_t i, len;
	int rc = -1;

	net_init();
	if (urls_add(&a, c, s->uri, &urls, err) < 0)
		goto out;
	fail(err, "%s", s->name);
	for (i = 0; i < urls.n && rc < 0; i++) {
		sink.size = 0;
		sink.err.code = 0;
		if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0) {
			fail_errno(err, "empty the file for %s", s->name);
			goto out;
		}
		rc = fetch_one(c, urls.list[i], &sink, &one);
		len = strlen(err->msg);
		if (rc < 0)
			snprintf(err->msg + len, sizeof(err->msg) - len,
			    "%s %s", i > 0 ? ";" : ":", one.msg);
	}
	if (rc < 0)
		err->code = EAGAIN;
out:
	arena_release(&a);
	return rc;
}
