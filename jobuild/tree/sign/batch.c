/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "batch.h"
#include "keptgpg.h"
#include "keyhome.h"
#include "message.h"
#include "openpgp.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/proc.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILES_MAX  64 /* for one run of gpg */
#define FILES_MIN  8  /* as long as one run can take them all */
#define RUNS_MAX   64 /* at a time */
#define FIXED_ARGS 10
#define STATUS_MAX (4 << 20)
#define PREFIX     "[GNUPG:] "

/* ---- what gpg says --------------------------------------------------------
 */

/* What was said of one file so far. */
struct told {
	struct batch_item *item; /* NULL: of none */
	struct arena *arena;
	struct _gpgme_signature s;
	int sigs, good, valid;
	bool odd; /* something that is said of no good signature */
};

/* The text with its %XX as bytes; its length. */
static char *
unescape(struct arena *a, const char *s, size_t *len)
{
	char *text = arena_alloc(a, strlen(s) + 1, 1), *p = text;
	char hex[3] = "";

	for (; *s; s++) {
		if (*s == '%' && isxdigit((unsigned char)s[1]) &&
		    isxdigit((unsigned char)s[2])) {
			memcpy(hex, s + 1, 2);
			*p++ = (char)strtol(hex, NULL, 16);
			s += 2;
		} else {
			*p++ = *s;
		}
	}
	*len = (size_t)(p - text);
	return text;
}

static void
add_notation(struct told *t, const char *name)
{
	struct _gpgme_sig_notation *n =
	    arena_new(t->arena, struct _gpgme_sig_notation);
	size_t len;

	n->name = unescape(t->arena, name, &len);
	n->name_len = (int)len;
	t->odd |= strlen(n->name) != len;
	n->next = t->s.notations;
	t->s.notations = n;
}

/* A long value comes in several lines. */
static void
add_value(struct told *t, const char *value)
{
	struct _gpgme_sig_notation *n = t->s.notations;
	size_t had, len;
	char *more, *text;

	if (!n) {
		t->odd = true;
		return;
	}
	more = unescape(t->arena, value, &len);
	had = (size_t)n->value_len;
	text = arena_alloc(t->arena, had + len + 1, 1);
	if (had > 0)
		memcpy(text, n->value, had);
	memcpy(text + had, more, len);
	n->value = text;
	n->value_len = (int)(had + len);
}

/* FINGERPRINT DATE TIME EXPIRES VERSION RESERVED ALGORITHM HASH CLASS ... */
static void
take_valid(struct told *t, const char *args)
{
	char fpr[80];
	unsigned long made, expires;
	unsigned hash, class;
	char after;

	if (sscanf(args, "%79s %*s %lu%c%lu%*c%*u %*u %*u %u %x", fpr, &made,
		&after, &expires, &hash, &class) != 6 ||
	    after != ' ' || class != 0) {
		t->odd = true;
		return;
	}
	t->s.fpr = arena_strdup(t->arena, fpr);
	t->s.timestamp = made;
	t->s.exp_timestamp = expires;
	t->s.hash_algo = (gpgme_hash_algo_t)hash;
	t->valid++;
}

static void
end_file(struct told *t)
{
	if (t->item && !t->odd && t->sigs == 1 && t->good == 1 &&
	    t->valid == 1) {
		t->item->signature = t->s;
		t->item->found = true;
	}
	t->item = NULL;
}

/* Anything that isn't known here makes the file odd. */
static void
take_line(struct told *t, const char *word, const char *args)
{
	if (strcmp(word, "NEWSIG") == 0)
		t->sigs++;
	else if (strcmp(word, "GOODSIG") == 0)
		t->good++;
	else if (strcmp(word, "VALIDSIG") == 0)
		take_valid(t, args);
	else if (strcmp(word, "NOTATION_NAME") == 0)
		add_notation(t, args);
	else if (strcmp(word, "NOTATION_DATA") == 0)
		add_value(t, args);
	else if (strcmp(word, "FILE_DONE") == 0)
		end_file(t);
	else if (strcmp(word, "NOTATION_FLAGS") != 0 &&
	    strcmp(word, "KEY_CONSIDERED") != 0 &&
	    strcmp(word, "SIG_ID") != 0 && strncmp(word, "TRUST_", 6) != 0)
		t->odd = true;
}

/* ---- runs of gpg ----------------------------------------------------------
 */

/* Some items of one home. */
struct group {
	struct batch_item *items[FILES_MAX];
	const char *paths[FILES_MAX];
	size_t n;
	const char *status; /* the file for what gpg says; NULL: it is kept */
	pid_t pid;          /* 0: none runs */
};

/* FILE_START says which file is next. */
static struct batch_item *
item_of(const struct group *g, const char *args)
{
	const char *path = strchr(args, ' ');
	size_t i;

	for (i = 0; path && i < g->n; i++) {
		if (strcmp(g->paths[i], path + 1) == 0)
			return g->items[i];
	}
	return NULL;
}

static void
read_status(const struct group *g, char *text, struct arena *a)
{
	struct told t = {.arena = a};
	char *line, *args, *rest = text;

	while ((line = strsep(&rest, "\n")) != NULL) {
		if (strncmp(line, PREFIX, strlen(PREFIX)) != 0)
			continue;
		line += strlen(PREFIX);
		args = line + strcspn(line, " ");
		if (*args)
			*args++ = '\0';
		if (strcmp(line, "FILE_START") != 0) {
			if (t.item)
				take_line(&t, line, args);
			continue;
		}
		if (t.item)
			return; /* the end of one was lost */
		t = (struct told){.arena = a, .item = item_of(g, args)};
	}
}

static void
remove_files(const struct group *g)
{
	size_t i;

	for (i = 0; i < g->n; i++)
		(void)unlink(g->paths[i]);
	if (g->status)
		(void)unlink(g->status);
}

/* A NUL would hide what comes after it. */
static void
read_answer(const struct group *g, const struct buf *text, struct arena *a)
{
	if (text->len > 0 && !memchr(text->data, 0, text->len))
		read_status(g, text->data, a);
}

/* Wait for its gpg, if one runs, and read what it said. */
static void
finish(struct group *g, struct arena *a)
{
	struct error none;
	struct buf text;
	int status;

	if (g->pid > 0 && proc_wait(g->pid, &status, &none) == 0) {
		buf_init(&text, STATUS_MAX);
		if (file_read_at(AT_FDCWD, g->status, &text, &none) == 0)
			read_answer(g, &text, a);
		buf_release(&text);
	}
	remove_files(g);
	g->n = 0;
	g->pid = 0;
}

static void
start(struct group *g, const char *home)
{
	const char *argv[FIXED_ARGS + FILES_MAX + 1] = {GPG, "--homedir", home,
	    "--batch", "--no-tty", "--quiet", "--exit-on-status-write-error",
	    "--status-file", g->status, "--verify-files"};
	const char *const env[] = {"PATH=/usr/bin:/bin", "LC_ALL=C", NULL};
	struct proc p = {
	    .argv = argv, .env = env, .in = -1, .out = -1, .err = -1};
	struct error none;
	size_t i;

	for (i = 0; i < g->n; i++)
		argv[FIXED_ARGS + i] = g->paths[i];
	g->pid = proc_start(&p, &none);
}

/* Write it into the group's home; what can't be is not for a batch. */
static void
add(struct group *g, struct batch_item *it, size_t number, struct arena *a)
{
	const char *path = arena_printf(a, "%s/batch-%zu", it->home, number);
	struct error none;
	struct buf message;

	buf_init(&message, MESSAGE_DATA_MAX + OPENPGP_SIG_MAX + 64);
	if (!message_make(it->data, it->len, it->sig, it->siglen, &message))
		goto out;
	if (file_create(path, message.data, message.len, 0600, &none) == 0) {
		g->paths[g->n] = path;
		g->items[g->n++] = it;
	} else {
		(void)unlink(path); /* a part of it */
	}
out:
	buf_release(&message);
}

/* Fill a group with the next items of one home; where those end. */
static size_t
fill(struct group *g, struct batch_item *list[], size_t from, size_t n,
    size_t max, struct arena *a)
{
	const char *home = list[from]->home;
	size_t i = from;

	g->status = arena_printf(a, "%s/batch-%zu.status", home, from);
	for (; i < n && g->n < max && strcmp(list[i]->home, home) == 0; i++)
		add(g, list[i], i, a);
	return i;
}

static int
by_home(const void *a, const void *b)
{
	const struct batch_item *const *x = a, *const *y = b;

	return strcmp((*x)->home, (*y)->home);
}

static struct batch_item **
sorted(struct batch_item *list, size_t n, struct arena *a)
{
	struct batch_item **order = arena_array(a, n, struct batch_item *);
	size_t i;

	for (i = 0; i < n; i++)
		order[i] = &list[i];
	qsort(order, n, sizeof(*order), by_home);
	return order;
}

static void
verify_by_runs(struct batch_item *list, size_t n, struct arena *a)
{
	struct batch_item **order = sorted(list, n, a);
	size_t runs = proc_processors(), share, i = 0, at;
	struct group *groups, *g;
	const char *home;

	runs = runs < RUNS_MAX ? runs : RUNS_MAX;
	groups = arena_array(a, runs, struct group);
	share = (n + runs - 1) / runs;
	share = share > FILES_MAX ? FILES_MAX : share;
	share = share < FILES_MIN ? FILES_MIN : share;
	/* a ring: the oldest ends where the next one starts */
	for (at = 0; i < n; at++) {
		g = &groups[at % runs];
		if (g->n > 0)
			finish(g, a);
		home = order[i]->home;
		i = fill(g, order, i, n, share, a);
		if (g->n > 0)
			start(g, home);
	}
	for (at = 0; at < runs; at++) {
		if (groups[at].n > 0)
			finish(&groups[at], a);
	}
}

/* Those that one gpg can take, and a kept one may. */
static bool
is_small(const struct batch_item *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (!list[i].kept || strcmp(list[i].home, list->home) != 0)
			return false;
	}
	return n <= FILES_MIN;
}

/* -1: a run of gpg must do it. */
static int
ask_kept(struct batch_item *list, size_t n, struct arena *a)
{
	struct keptgpg *kept = list->kept;
	struct group g = {0};
	struct buf text;
	size_t i;
	int rc = 0;

	buf_init(&text, STATUS_MAX);
	for (i = 0; i < n; i++)
		add(&g, &list[i], kept->asked + i, a);
	if (g.n > 0)
		rc = keptgpg_ask(kept, list->home, g.paths, g.n, &text);
	if (rc == 0)
		read_answer(&g, &text, a);
	remove_files(&g);
	buf_release(&text);
	return rc;
}

void
batch_verify(struct batch_item *list, size_t n, struct arena *a)
{
	if (n > 0 && is_small(list, n) && ask_kept(list, n, a) == 0)
		return;
	verify_by_runs(list, n, a);
}
