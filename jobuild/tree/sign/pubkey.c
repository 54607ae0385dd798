/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pubkey.h"
#include "base/arena.h"
#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS     21
#define LINES_MAX  4000
#define LINE_MAX   4096
#define PARTS_MAX  100
#define NUMBER_MAX 99999999999LL

/* Field numbers of a record, as gpg's documentation counts them, less one. */
enum {
	TYPE = 0,
	VALIDITY = 1,
	BITS = 2,
	ALGO = 3,
	CREATED = 5,
	EXPIRES = 6,
	TEXT = 9,
	CLASS = 10,
	ABILITIES = 11,
	HASH = 15,
	CURVE = 16
};

struct listing {
	struct pubkey *k;
	struct pubkey_part *part; /* of the last pub or sub */
	struct pubkey_uid *uid;   /* NULL: signatures are the part's */
};

static bool
number(const char *s, long long *out)
{
	*out = 0;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || *out > NUMBER_MAX)
			return false;
		*out = *out * 10 + (*s - '0');
	}
	return true;
}

static void
add_event(struct pubkey *k, time_t t)
{
	if (t <= 0)
		return;
	k->events = arena_grow(k->arena, k->events, k->nevents, sizeof(time_t));
	k->events[k->nevents++] = t;
}

/* Both dates of a record; they are events. */
static int
dates(struct listing *l, char *f[], time_t *created, time_t *expires,
    struct error *err)
{
	long long begin, end;

	if (!number(f[CREATED], &begin) || !number(f[EXPIRES], &end))
		return fail(err, "gpg's list of the key has an odd date");
	add_event(l->k, (time_t)begin);
	add_event(l->k, (time_t)end);
	*created = (time_t)begin;
	*expires = (time_t)end;
	return 0;
}

static int
read_part(struct listing *l, char *f[], struct error *err)
{
	struct pubkey *k = l->k;
	struct pubkey_part *p;
	long long bits, algo;

	if ((strcmp(f[TYPE], "pub") == 0) != (k->nparts == 0))
		return fail(err,
		    k->nparts ? "holds several keys; exactly one "
				"is allowed"
			      : "gpg doesn't list the key");
	if (k->nparts == PARTS_MAX)
		return fail(err, "has more than %d subkeys", PARTS_MAX - 1);
	if (!number(f[BITS], &bits) || !number(f[ALGO], &algo))
		return fail(err, "gpg's list of the key has an odd number");
	k->parts = arena_grow(k->arena, k->parts, k->nparts, sizeof(*k->parts));
	p = &k->parts[k->nparts++];
	memset(p, 0, sizeof(*p));
	p->bits = (unsigned)bits;
	p->algo = (int)algo;
	p->curve = arena_strdup(k->arena, f[CURVE]);
	p->sign = strchr(f[ABILITIES], 's') != NULL;
	p->certify = strchr(f[ABILITIES], 'c') != NULL;
	p->encrypt = strchr(f[ABILITIES], 'e') != NULL;
	p->authenticate = strchr(f[ABILITIES], 'a') != NULL;
	p->unusable = strchr("id", f[VALIDITY][0]) && f[VALIDITY][0];
	p->unusable |= strchr(f[ABILITIES], 'D') != NULL;
	p->revoked = f[VALIDITY][0] == 'r';
	l->part = p;
	l->uid = NULL;
	return dates(l, f, &p->created, &p->expires, err);
}

static int
read_fingerprint(struct listing *l, char *f[], struct error *err)
{
	size_t n = strlen(f[TEXT]);

	if (!l->part || (n != 40 && n != 64))
		return fail(err,
		    "the key's format is not known here: version 4 or 5 is "
		    "accepted");
	memcpy(l->part->fingerprint, f[TEXT], n + 1);
	l->part->version = n == 40 ? 4 : 5;
	return 0;
}

static int
read_uid(struct listing *l, char *f[], struct error *err)
{
	struct pubkey *k = l->k;
	struct pubkey_uid *u;
	time_t created, expires;

	if (!l->part)
		return fail(err, "gpg doesn't list the key");
	k->uids = arena_grow(k->arena, k->uids, k->nuids, sizeof(*k->uids));
	u = &k->uids[k->nuids++];
	memset(u, 0, sizeof(*u));
	u->text = arena_strdup(k->arena, f[TEXT]);
	u->revoked = f[VALIDITY][0] == 'r';
	l->uid = u;
	return dates(l, f, &created, &expires, err);
}

static bool
is_strong(long long hash)
{
	return hash >= HASH_SHA256 && hash <= HASH_SHA512;
}

/* "20x,02": the key's revocation with its reason; 28 is a subkey's. */
static void
read_revocation(struct listing *l, char *f[], time_t at)
{
	const char *class = f[CLASS], *comma = strchr(class, ',');

	if (strncmp(class, "20", 2) != 0 && strncmp(class, "28", 2) != 0)
		return;
	l->part->revoked = true;
	l->part->revoked_at = at;
	l->part->reason = comma ? (unsigned)strtoul(comma + 1, NULL, 16) : 0;
}

static int
read_signature(struct listing *l, char *f[], struct error *err)
{
	time_t created, expires;
	long long hash;

	if (!l->part)
		return fail(err, "gpg doesn't list the key");
	if (dates(l, f, &created, &expires, err) < 0)
		return -1;
	if (!number(f[HASH], &hash))
		return fail(err, "gpg's list of the key has an odd number");
	if (f[VALIDITY][0] != '!')
		return 0;
	if (strcmp(f[TYPE], "rev") == 0) {
		read_revocation(l, f, created);
		return 0;
	}
	if (!l->uid) {
		l->part->bound = true;
		if (!is_strong(hash))
			l->part->weak_hash = (int)hash;
	} else if (created >= l->uid->signed_at) {
		l->uid->signed_at = created;
		l->uid->weak_hash = is_strong(hash) ? 0 : (int)hash;
	}
	return 0;
}

static int
read_record(struct listing *l, char *f[], struct error *err)
{
	static const struct {
		const char *type;
		int (*read)(struct listing *, char *[], struct error *);
	} records[] = {
	    {"pub", read_part},
	    {"sub", read_part},
	    {"fpr", read_fingerprint},
	    {"uid", read_uid},
	    {"uat", read_uid},
	    {"sig", read_signature},
	    {"rev", read_signature},
	};
	size_t i;

	for (i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		if (strcmp(f[TYPE], records[i].type) == 0)
			return records[i].read(l, f, err);
	}
	return 0;
}

static int
read_line(struct listing *l, char *line, struct error *err)
{
	static char none[] = "";
	char *f[FIELDS];
	size_t i;

	for (i = 0; i < FIELDS; i++) {
		f[i] = line ? line : none;
		if (line && (line = strchr(line, ':')) != NULL)
			*line++ = '\0';
	}
	return read_record(l, f, err);
}

static int
check_whole(const struct pubkey *k, struct error *err)
{
	size_t i;

	if (k->nparts == 0)
		return fail(err, "holds no key");
	for (i = 0; i < k->nparts; i++) {
		if (!k->parts[i].fingerprint[0])
			return fail(err, "gpg doesn't list the key");
	}
	return 0;
}

int
pubkey_parse(struct pubkey *k, const char *text, size_t len, struct arena *a,
    struct error *err)
{
	const char *p = text, *end = text + len, *eol;
	struct listing l = {.k = k};
	char line[LINE_MAX];
	size_t n, lines = 0;

	memset(k, 0, sizeof(*k));
	k->arena = a;
	for (; p < end; p = eol + 1) {
		eol = memchr(p, '\n', (size_t)(end - p));
		eol = eol ? eol : end;
		n = (size_t)(eol - p);
		if (n >= sizeof(line) || ++lines > LINES_MAX)
			return fail(err,
			    "is too large: more than %d lines in gpg's list "
			    "of it, or one of more than %d bytes",
			    LINES_MAX, LINE_MAX);
		memcpy(line, p, n);
		line[n] = '\0';
		if (read_line(&l, line, err) < 0)
			return -1;
	}
	return check_whole(k, err);
}

time_t
earlier(time_t a, time_t b)
{
	if (a == 0 || b == 0)
		return a ? a : b;
	return a < b ? a : b;
}

struct span
pubkey_span(const struct pubkey *k, time_t now)
{
	struct span s = {0, 0};
	size_t i;

	for (i = 0; i < k->nevents; i++) {
		if (k->events[i] > now)
			s.until = earlier(s.until, k->events[i]);
		else if (k->events[i] > s.from)
			s.from = k->events[i];
	}
	return s;
}

const struct pubkey_part *
pubkey_find(const struct pubkey *k, const char *fingerprint)
{
	size_t i;

	for (i = 0; i < k->nparts; i++) {
		if (strcmp(k->parts[i].fingerprint, fingerprint) == 0)
			return &k->parts[i];
	}
	return NULL;
}
