/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/usage.h"
#include "base/shells.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define COLUMN 26 /* where the second one begins */
#define WIDTH  80

/* ---- the text ------------------------------------------------------------ */

/* Bytes of the first word; what is in brackets is one. */
static size_t
word_length(const char *s)
{
	size_t n;
	int depth = 0;

	for (n = 0; s[n] && (s[n] != ' ' || depth > 0); n++)
		depth += (s[n] == '[') - (s[n] == ']');
	return n;
}

void
usage_words(FILE *f, const char *s, size_t at, size_t indent)
{
	size_t n, col = at;
	bool first = true;

	for (; *s; s += n + (s[n] == ' ')) {
		n = word_length(s);
		if (!first && col + 1 + n > WIDTH - 1) {
			fprintf(f, "\n%*s", (int)indent, "");
			col = indent;
			first = true;
		}
		fprintf(f, "%s%.*s", first ? "" : " ", (int)n, s);
		col += n + !first;
		first = false;
	}
	fputc('\n', f);
}

static void
print_row(FILE *f, const struct usage *u)
{
	size_t n = strlen(u->form);

	if (n + 4 > COLUMN) {
		fputs("  ", f);
		usage_words(f, u->form, 2, 6);
		fprintf(f, "%*s", COLUMN, "");
	} else {
		fprintf(f, "  %-*s", COLUMN - 2, u->form);
	}
	usage_words(f, u->what, COLUMN, COLUMN);
}

static bool
is_option(const struct usage *u)
{
	return u->form[0] == '-';
}

void
usage_print(FILE *f, const char *program, const struct usage *table)
{
	const struct usage *u;

	fprintf(f, "usage: %s [OPTION]... COMMAND ...\n\n", program);
	for (u = table; u->form; u++) {
		if (u > table && is_option(u) && !is_option(u - 1))
			fputc('\n', f);
		print_row(f, u);
	}
}

/* ---- completion ---------------------------------------------------------- */

/* A word of a form, without brackets and dots. */
struct token {
	const char *s;
	size_t n;
	bool closed; /* nothing more is in its bracket */
	bool comma;  /* "-C, --state": another name follows */
};

/* The next word at *p; false at the end. */
static bool
next(const char **p, struct token *t)
{
	const char *end;

	*p += strspn(*p, " [");
	if (!**p)
		return false;
	t->s = *p;
	*p += strcspn(*p, " ");
	for (end = *p; end > t->s && strchr("].,", end[-1]);)
		end--;
	t->n = (size_t)(end - t->s);
	t->comma = (*p)[-1] == ',';
	t->closed = memchr(t->s, ']', (size_t)(*p - t->s)) != NULL;
	return true;
}

/* Is s the word, or one of those between its bars? */
static bool
names(const struct token *t, const char *s)
{
	size_t n, at;

	for (at = 0; at < t->n; at += n + 1) {
		n = strcspn(t->s + at, "|");
		if (n > t->n - at)
			n = t->n - at;
		if (strlen(s) == n && memcmp(t->s + at, s, n) == 0)
			return true;
	}
	return false;
}

static bool
is_literal(const struct token *t)
{
	return islower((unsigned char)t->s[0]);
}

/* The option's value, which is the next word; false when it has none. */
static bool
take_value(const char **p, const struct token *t, struct token *value)
{
	const char *rest = *p;

	if (t->closed || !next(&rest, value) || value->s[0] == '-' ||
	    is_literal(value))
		return false;
	*p = rest;
	return true;
}

struct asking {
	const struct usage *table;
	const char *word; /* to be completed */
	void (*names)(const struct usage_asked *asked);
	char **words;
	int n;
};

static void
offer(const struct asking *q, const char *s, size_t n, const char *what)
{
	size_t len = strlen(q->word);

	if (n < len || memcmp(s, q->word, len) != 0)
		return;
	printf("%.*s%s%s\n", (int)n, s, *what ? "\t" : "", what);
}

void
usage_offer(const struct usage_asked *asked, const char *name)
{
	const struct asking q = {.word = asked->word};

	offer(&q, name, strlen(name), "");
}

/* The value in word, which has the option and it in one; else NULL. */
static const char *
joined_value(const char *word, const char *letter, const char *name)
{
	size_t n = name ? strlen(name) : 0;

	if (name && strncmp(word, name, n) == 0 && word[n] == '=')
		return word + n + 1;
	n = strlen(letter);
	return strncmp(word, letter, n) == 0 && word[n] ? word + n : NULL;
}

const char *
usage_value(const struct usage_asked *asked, const char *letter,
    const char *name, const char *otherwise)
{
	const char *value, *word;
	int i;

	for (i = 0; i < asked->n; i++) {
		word = asked->words[i];
		value = joined_value(word, letter, name);
		if (value)
			otherwise = value;
		else if (i + 1 < asked->n &&
		    (strcmp(word, letter) == 0 ||
			(name && strcmp(word, name) == 0)))
			otherwise = asked->words[++i];
	}
	return otherwise;
}

/* Each of the names between the bars of t, as far as they aren't words. */
static void
ask_names(const struct asking *q, const struct token *t, const char *form)
{
	struct usage_asked asked = {
	    .form = form, .word = q->word, .words = q->words, .n = q->n};
	char name[32];
	size_t n, at;

	asked.name = name;
	for (at = 0; q->names && at < t->n; at += n + 1) {
		n = strcspn(t->s + at, "|");
		if (n > t->n - at)
			n = t->n - at;
		if (n >= sizeof(name) || islower((unsigned char)t->s[at]))
			continue;
		memcpy(name, t->s + at, n);
		name[n] = '\0';
		q->names(&asked);
	}
}

/* What a word of a form can be. */
static void
offer_token(const struct asking *q, const struct token *t, const char *form,
    const char *what)
{
	static const char *const kinds[][2] = {{"FILE", ":files"},
	    {"KEYFILE", ":files"}, {"STATEMENT", ":files"},
	    {"TARBALL", ":files"}, {"CONF", ":files"}, {"DIR", ":dirs"},
	    {"FOLDER", ":dirs"}, {"STATE", ":dirs"}};
	size_t i, n, at;

	for (at = 0; is_literal(t) && at < t->n; at += n + 1) {
		n = strcspn(t->s + at, "|");
		if (n > t->n - at)
			n = t->n - at;
		offer(q, t->s + at, n, what);
	}
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (names(t, kinds[i][0]))
			puts(kinds[i][1]);
	}
	ask_names(q, t, form);
}

static bool
equal(const struct token *t, const char *s)
{
	return strlen(s) == t->n && memcmp(t->s, s, t->n) == 0;
}

/* Is the word an option of the form? takes: its value comes next. */
static bool
find_option(const char *form, const char *s, struct token *value, bool *takes)
{
	struct token t;

	while (next(&form, &t)) {
		if (t.s[0] != '-' || !equal(&t, s))
			continue;
		while (t.comma && next(&form, &t))
			;
		*takes = take_value(&form, &t, value);
		return true;
	}
	return false;
}

/* How far a form goes along with the words; what would come next. */
struct match {
	bool fits;
	bool pending; /* an option's value comes next */
	struct token value;
	size_t plain; /* arguments, the command among them */
};

/* Look an option up in the form, then among those before the command. */
static bool
look_up(const struct asking *q, const char *form, const char *s,
    struct token *value, bool *takes)
{
	const struct usage *u;

	if (form && find_option(form, s, value, takes))
		return true;
	for (u = q->table; u->form; u++) {
		if (is_option(u) && find_option(u->form, s, value, takes))
			return true;
	}
	return false;
}

/* The word of the form that argument number i is; false: it has none. */
static bool
argument(const char *form, size_t i, struct token *out)
{
	struct token t, value;

	while (next(&form, &t) && !equal(&t, "--")) {
		if (t.s[0] == '-') {
			(void)take_value(&form, &t, &value);
		} else if (i-- == 0) {
			*out = t;
			return true;
		}
	}
	return false;
}

static void
follow(const struct asking *q, const char *form, int n, char *words[],
    struct match *m)
{
	struct token t;
	int i;

	memset(m, 0, sizeof(*m));
	for (i = 0; i < n; i++) {
		if (m->pending) {
			m->pending = false;
		} else if (words[i][0] == '-' && words[i][1]) {
			(void)look_up(
			    q, form, words[i], &m->value, &m->pending);
		} else {
			if (argument(form, m->plain, &t) && is_literal(&t) &&
			    !names(&t, words[i]))
				return;
			m->plain++;
		}
	}
	m->fits = true;
}

/* The options of a form that begin as the word does. */
static void
offer_options(const struct asking *q, const struct usage *u)
{
	const char *form = u->form;
	struct token t;

	while (next(&form, &t)) {
		if (t.s[0] != '-' || equal(&t, "--"))
			continue;
		if (t.s[1] == '-' || !q->word[1])
			offer(q, t.s, t.n, is_option(u) ? u->what : "");
	}
}

/* Has a form before this one the same word at this place? */
static bool
said_before(const struct asking *q, const struct usage *u, size_t i,
    const struct token *t, int n, char *words[])
{
	const struct usage *v;
	struct token other;
	struct match m;

	for (v = q->table; v < u; v++) {
		if (is_option(v))
			continue;
		follow(q, v->form, n, words, &m);
		if (m.fits && argument(v->form, i, &other) && other.n == t->n &&
		    memcmp(other.s, t->s, t->n) == 0)
			return true;
	}
	return false;
}

static void
complete(const struct asking *q, int n, char *words[])
{
	const struct usage *u;
	struct match m;
	struct token t, more;

	for (u = q->table; u->form; u++) {
		if (is_option(u)) {
			if (n == 0 && q->word[0] == '-')
				offer_options(q, u);
			continue;
		}
		follow(q, u->form, n, words, &m);
		if (!m.fits)
			continue;
		if (m.pending) {
			offer_token(q, &m.value, u->form, "");
			return;
		}
		if (q->word[0] == '-' && m.plain > 0)
			offer_options(q, u);
		else if (q->word[0] != '-' && argument(u->form, m.plain, &t) &&
		    !said_before(q, u, m.plain, &t, n, words))
			offer_token(q, &t, u->form,
			    is_literal(&t) &&
				    !(argument(u->form, m.plain + 1, &more) &&
					is_literal(&more))
				? u->what
				: "");
	}
}

int
usage_completion(const char *program, const struct usage *table,
    void (*names_of)(const struct usage_asked *asked), int argc, char *argv[])
{
	struct asking q = {.table = table, .word = "", .names = names_of};

	if (argc > 0 && strcmp(argv[0], "--words") == 0) {
		argc--, argv++;
		if (argc > 0 && strcmp(argv[0], "--") == 0)
			argc--, argv++;
		if (argc > 0)
			q.word = argv[--argc];
		q.words = argv;
		q.n = argc;
		complete(&q, argc, argv);
		return 0;
	}
	if (argc == 1 && shells_script(stdout, argv[0], program))
		return 0;
	fprintf(stderr, "usage: %s completion " SHELLS_NAMES "\n", program);
	return 2;
}
