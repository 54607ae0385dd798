/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/store/incoming.h"
#include "master/master.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define LEFT_MAX 8 /* of a lease, without a writer */

struct incoming *
incoming_find(struct master *m, int64_t lease, const char *digest)
{
	struct incoming *in;

	for (in = m->incoming; in; in = in->next) {
		if (in->lease == lease && strcmp(in->digest, digest) == 0)
			return in;
	}
	return NULL;
}

struct incoming *
incoming_new(struct master *m, int64_t lease, const char *digest, int64_t whole)
{
	struct arena a = {0};
	struct incoming *in = arena_new(&a, struct incoming);

	in->lease = lease;
	memcpy(in->digest, digest, sizeof(in->digest));
	in->path =
	    state_path(m->st, &a, "tmp/upload-%" PRId64 "-%s", lease, digest);
	in->whole = whole;
	digest_init(&in->sum, DIGEST_KEY);
	in->summing = true;
	in->next = m->incoming;
	if (in->next)
		in->next->prev = in;
	m->incoming = in;
	in->arena = a;
	return in;
}

static void
forget(struct master *m, struct incoming *in)
{
	char hex[DIGEST_HEX_MAX];
	struct arena a;

	if (in->held)
		*in->held = NULL;
	if (in->prev)
		in->prev->next = in->next;
	else
		m->incoming = in->next;
	if (in->next)
		in->next->prev = in->prev;
	if (in->summing)
		digest_end(&in->sum, hex);
	a = in->arena;
	arena_release(&a);
}

void
incoming_drop(struct master *m, struct incoming *in)
{
	(void)unlink(in->path);
	forget(m, in);
}

void
incoming_take(struct incoming *in, struct incoming **held)
{
	if (in->held)
		*in->held = NULL;
	in->held = held;
	*held = in;
}

void
incoming_leave(struct master *m, struct incoming *in)
{
	struct incoming *other, *last = in;
	size_t n = 0;

	if (in->held)
		*in->held = NULL;
	in->held = NULL;
	for (other = m->incoming; other; other = other->next) {
		if (other->lease == in->lease && !other->held) {
			last = other;
			n++;
		}
	}
	if (n > LEFT_MAX)
		incoming_drop(m, last);
}

void
incoming_lease_over(struct master *m, int64_t lease)
{
	struct incoming *in, *next;

	for (in = m->incoming; in; in = next) {
		next = in->next;
		if (in->lease == lease && !in->settling)
			incoming_drop(m, in);
	}
}

bool
incoming_settles(const struct master *m, const char *digest)
{
	const struct incoming *in;

	for (in = m->incoming; in; in = in->next) {
		if (in->settling && strcmp(in->digest, digest) == 0)
			return true;
	}
	return false;
}

/* Bytes in blobs/ that the lease brought and no report names. */
static int
count_unnamed(struct master *m, struct sched_lease *lease, struct error *err)
{
	enum sql q = SQL_BLOB_UNNAMED;
	int rc;

	if (lease->counted)
		return 0;
	rc = db_one(m->db, q, ARGS(INT(lease->id)), err);
	if (rc < 0)
		return -1;
	lease->unnamed = db_int(m->db, q, 0);
	lease->counted = true;
	db_end(m->db, q);
	return 0;
}

int
incoming_allowed(struct master *m, struct sched_lease *lease,
    const struct incoming *except, int64_t size, struct error *err)
{
	int64_t most = m->set->upload_total;
	const struct incoming *in;

	if (count_unnamed(m, lease, err) < 0)
		return -1;
	if (most < m->set->upload_max)
		most = m->set->upload_max;
	most -= lease->unnamed;
	for (in = m->incoming; in; in = in->next) {
		if (in != except && in->lease == lease->id)
			most -= in->held ? in->whole : in->size;
	}
	return size <= most;
}

void
incoming_close(struct master *m)
{
	while (m->incoming)
		forget(m, m->incoming);
}
