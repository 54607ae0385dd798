/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "manifest.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdlib.h>
#include <assert.h>
#include <string.h>

#define SIZE_MOST ((int64_t)1 << 53)

/* The other tags of GLEP 74: what a tree of ebuilds needs them for. */
static const char *const foreign_tags[] = {
    "DATA", "EBUILD", "IGNORE", "MANIFEST", "MISC", "OPTIONAL", "TIMESTAMP"};

struct word {
	const char *s;
	size_t n;
};

/* A Manifest being read: the current line and the place in it. */
struct reader {
	struct arena *arena;
	struct diags *d;
	const char *file, *text;
	size_t len;
	const char *line, *next, *end;
	uint32_t number;
	struct manifest *m;
};

__attribute__((format(printf, 4, 5))) static int
wrong(struct reader *r, const char *at, const char *rule, const char *fmt, ...)
{
	struct place place = {r->file, r->number, (uint32_t)(at - r->line) + 1};
	struct diag *g;
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = arena_vprintf(r->arena, fmt, ap);
	va_end(ap);
	g = diag_error(r->d, place, rule, "%s", text);
	diag_source(r->d, g, r->text, r->len);
	return -1;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The next word of the line; false at its end (then w is empty there). */
static bool
next_word(struct reader *r, struct word *w)
{
	while (r->next < r->end && is_blank(*r->next))
		r->next++;
	w->s = r->next;
	while (r->next < r->end && !is_blank(*r->next))
		r->next++;
	w->n = (size_t)(r->next - w->s);
	return w->n > 0;
}

static bool
word_is(const struct word *w, const char *s)
{
	return w->n == strlen(s) && memcmp(w->s, s, w->n) == 0;
}

static int
read_size(struct reader *r, int64_t *out)
{
	struct word w;
	int64_t v = 0;
	size_t i;

	if (!next_word(r, &w))
		return wrong(r, w.s, "manifest-line", "the size is missing");
	for (i = 0; i < w.n; i++) {
		if (w.s[i] < '0' || w.s[i] > '9')
			break;
		v = v * 10 + (w.s[i] - '0');
		if (v > SIZE_MOST)
			break;
	}
	if (i < w.n || (w.n > 1 && w.s[0] == '0'))
		return wrong(r, w.s, "manifest-size",
		    "\"%.*s\" is not a size in bytes", (int)w.n, w.s);
	*out = v;
	return 0;
}

static void
add_utf8(struct buf *b, uint32_t c)
{
	if (c < 0x80) {
		buf_addc(b, (char)c);
		return;
	}
	if (c < 0x800) {
		buf_addc(b, (char)(0xc0 | c >> 6));
	} else {
		if (c < 0x10000) {
			buf_addc(b, (char)(0xe0 | c >> 12));
		} else {
			buf_addc(b, (char)(0xf0 | c >> 18));
			buf_addc(b, (char)(0x80 | (c >> 12 & 0x3f)));
		}
		buf_addc(b, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	buf_addc(b, (char)(0x80 | (c & 0x3f)));
}

/* Decode \xHH, \uHHHH or \UHHHHHHHH at s; bytes used, 0 if it is none. */
static size_t
read_escape(const char *s, size_t n, struct buf *out)
{
	size_t digits, i;
	uint32_t c = 0;
	int v;

	if (n < 2)
		return 0;
	digits = s[1] == 'x' ? 2 : s[1] == 'u' ? 4 : s[1] == 'U' ? 8 : 0;
	if (digits == 0 || n < 2 + digits)
		return 0;
	for (i = 0; i < digits; i++) {
		v = hex_value(s[2 + i]);
		if (v < 0)
			return 0;
		c = c << 4 | (uint32_t)v;
	}
	if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	add_utf8(out, c);
	return 2 + digits;
}

/* Is every part between slashes a name that can't lead elsewhere? */
static bool
parts_ok(const char *name)
{
	const char *p = name, *slash;
	size_t n;

	for (;;) {
		slash = strchr(p, '/');
		n = slash ? (size_t)(slash - p) : strlen(p);
		if (n == 0 || (n == 1 && p[0] == '.') ||
		    (n == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		if (!slash)
			return true;
		p = slash + 1;
	}
}

const char *
manifest_name_problem(enum manifest_tag tag, const char *name)
{
	size_t i, w, n = strlen(name);

	if (n == 0 || n > MANIFEST_NAME_MAX)
		return "is empty or longer than 255 bytes";
	for (i = 0; i < n; i += w) {
		w = utf8_char(name + i, n - i);
		if (w == 0)
			return "is not UTF-8";
		if (utf8_is_control(name + i, w))
			return "has a control character";
	}
	if (tag == MANIFEST_DIST && strchr(name, '/'))
		return "has a slash: DIST names are plain file names";
	if (!parts_ok(name))
		return "leads out of its folder";
	return NULL;
}

static int
read_name(struct reader *r, enum manifest_tag tag, const char **out)
{
	const char *problem;
	struct word w;
	struct buf b;
	size_t i, n;
	int rc = -1;

	if (!next_word(r, &w))
		return wrong(r, w.s, "manifest-line", "the name is missing");
	buf_init(&b, w.n + 1);
	buf_adds(&b, "");
	for (i = 0; i < w.n; i += n) {
		n = w.s[i] == '\\' ? read_escape(w.s + i, w.n - i, &b)
				   : utf8_char(w.s + i, w.n - i);
		if (n == 0 || manifest_wide_blank(w.s + i, n)) {
			wrong(r, w.s + i, "manifest-name",
			    n ? "a blank in a name is written as \\uHHHH"
				: w.s[i] == '\\'
				? "a backslash in a name is written as \\x5C"
				: "the name is not UTF-8");
			goto out;
		}
		if (w.s[i] != '\\')
			buf_add(&b, w.s + i, n);
	}
	problem = strlen(b.data) == b.len ? manifest_name_problem(tag, b.data)
					  : "has a control character";
	if (problem) {
		wrong(r, w.s, "manifest-name", "the name \"%s\" %s", b.data,
		    problem);
		goto out;
	}
	*out = arena_strndup(r->arena, b.data, b.len);
	rc = 0;
out:
	buf_release(&b);
	return rc;
}

static int
keep_hash(struct reader *r, const struct word *name, const struct word *hex,
    char out[DIGEST_HEX_MAX])
{
	if (out[0])
		return wrong(r, name->s, "manifest-hash", "%.*s occurs twice",
		    (int)name->n, name->s);
	if (hex->n != 128 || !is_hex(arena_strndup(r->arena, hex->s, 128), 128))
		return wrong(r, hex->s, "manifest-hash",
		    "%.*s needs 128 lower-case hexadecimal digits",
		    (int)name->n, name->s);
	memcpy(out, hex->s, 128);
	out[128] = '\0';
	return 0;
}

static int
read_hashes(struct reader *r, struct manifest_entry *e)
{
	struct word name, hex, first = {r->next, 0};
	struct diag *g;
	char *into;

	while (next_word(r, &name)) {
		if (!next_word(r, &hex))
			return wrong(r, hex.s, "manifest-line",
			    "the value of %.*s is missing", (int)name.n,
			    name.s);
		into = word_is(&name, "BLAKE2B") ? e->blake2b
		    : word_is(&name, "SHA512")   ? e->sha512
						 : NULL;
		if (into && keep_hash(r, &name, &hex, into) < 0)
			return -1;
		if (into)
			continue;
		g = diag_warning(r->d,
		    (struct place){
			r->file, r->number, (uint32_t)(name.s - r->line) + 1},
		    "manifest-hash", "%.*s is not checked", (int)name.n,
		    name.s);
		diag_hint(r->d, g, "BLAKE2B and SHA512 are what counts");
	}
	if (!e->blake2b[0] && !e->sha512[0])
		return wrong(r, first.s, "manifest-hash",
		    "\"%s\" has neither BLAKE2B nor SHA512", e->name);
	return 0;
}

/* Git's mark of a merge that failed: what it is made of, seven times. */
static bool
is_merge_mark(const struct word *w)
{
	size_t i;

	if (w->n != 7 || !strchr("<|=>", w->s[0]))
		return false;
	for (i = 1; i < w->n && w->s[i] == w->s[0]; i++)
		;
	return i == w->n;
}

static int
unknown_tag(struct reader *r, const struct word *w)
{
	const char *slash = strrchr(r->file, '/');

	if (!is_merge_mark(w))
		return wrong(r, w->s, "manifest-tag",
		    "unknown tag \"%.*s\"; lines begin with DIST or AUX",
		    (int)w->n, w->s);
	wrong(r, w->s, "manifest-tag",
	    "\"%.*s\" is the mark of a merge that "
	    "git couldn't finish",
	    (int)w->n, w->s);
	diag_hint(r->d, &r->d->list[r->d->n - 1],
	    "remove all lines of marks, and what both sides have for the same "
	    "file: \"jobuild manifest %.*s\" writes it anew",
	    (int)(slash ? slash - r->file : 0), r->file);
	return -1;
}

static int
read_tag(struct reader *r, enum manifest_tag *tag)
{
	struct word w;
	size_t i;

	next_word(r, &w);
	if (word_is(&w, "DIST") || word_is(&w, "AUX")) {
		*tag = w.s[0] == 'D' ? MANIFEST_DIST : MANIFEST_AUX;
		return 0;
	}
	for (i = 0; i < sizeof(foreign_tags) / sizeof(foreign_tags[0]); i++) {
		if (!word_is(&w, foreign_tags[i]))
			continue;
		return wrong(r, w.s, "manifest-tag",
		    "%s lines have no place here: recipes are signed one by "
		    "one, so a Manifest has only DIST lines for sources and "
		    "AUX lines for files/",
		    foreign_tags[i]);
	}
	if (w.n >= 10 && memcmp(w.s, "-----BEGIN", 10) == 0)
		return wrong(r, w.s, "manifest-signed",
		    "the Manifest is clear-signed; its signature belongs into "
		    "Manifest.asc (jobuild sign)");
	return unknown_tag(r, &w);
}

/* As a merge may leave it. */
static int
duplicate(struct reader *r, const char *start, const struct manifest_entry *old,
    const struct manifest_entry *e)
{
	const char *path = r->file, *slash = strrchr(path, '/');

	wrong(r, start, "manifest-duplicate", "%s \"%s\" is in line %u already",
	    manifest_tag_name(e->tag), e->name, old->at.line);
	if (manifest_same(old, e))
		diag_hint(r->d, &r->d->list[r->d->n - 1],
		    "they say the same: remove one");
	else
		diag_hint(r->d, &r->d->list[r->d->n - 1],
		    "remove both: \"jobuild manifest %.*s\" writes the right "
		    "one",
		    (int)(slash ? slash - path : 0), path);
	return -1;
}

static int
read_entry(struct reader *r, struct manifest_entry *e)
{
	const struct manifest_entry *old;
	const char *start;
	void **slot;

	while (r->next < r->end && is_blank(*r->next))
		r->next++;
	start = r->next;
	e->at =
	    (struct place){r->file, r->number, (uint32_t)(start - r->line) + 1};
	if (read_tag(r, &e->tag) < 0 || read_name(r, e->tag, &e->name) < 0 ||
	    read_size(r, &e->size) < 0 || read_hashes(r, e) < 0)
		return -1;
	e->line = start;
	for (e->line_len = (size_t)(r->end - start);
	     is_blank(start[e->line_len - 1]); e->line_len--)
		;
	old = manifest_find(r->m, e->tag, e->name);
	if (old)
		return duplicate(r, start, old, e);
	r->m->entries = arena_grow(
	    r->arena, r->m->entries, r->m->n, sizeof(*r->m->entries));
	r->m->entries[r->m->n++] = *e;
	/* the list moves when it grows: the map keeps numbers, from 1 */
	slot = map_puts(&r->m->names[e->tag], e->name);
	*slot = (void *)(uintptr_t)r->m->n;
	return 0;
}

static void
read_line(struct reader *r)
{
	struct manifest_entry e = {0};
	const char *p;

	for (p = r->line; p < r->end; p++) {
		if ((unsigned char)*p < ' ' && *p != '\t') {
			wrong(r, p, "manifest-line",
			    *p == '\r' ? "the line ends with a carriage return"
				       : "control character 0x%02x",
			    (unsigned char)*p);
			return;
		}
	}
	for (p = r->line; p < r->end && is_blank(*p); p++)
		;
	if (p == r->end)
		return;
	if (r->m->n >= MANIFEST_ENTRIES_MAX) {
		wrong(r, r->line, "manifest-limit", "more than %d lines",
		    MANIFEST_ENTRIES_MAX);
		r->next = r->end = r->text + r->len;
		return;
	}
	read_entry(r, &e);
}

struct manifest *
manifest_parse(struct arena *a, const char *file, const char *text, size_t len,
    struct diags *d)
{
	struct reader r = {.arena = a, .d = d, .file = file, .text = text};
	const char *end = text + len, *nl;
	size_t before = d->errors;

	r.len = len;
	r.m = arena_new(a, struct manifest);
	map_init(&r.m->names[MANIFEST_DIST], a);
	map_init(&r.m->names[MANIFEST_AUX], a);
	if (len > MANIFEST_MAX) {
		diag_error(d, (struct place){file, 0, 0}, "manifest-limit",
		    "the file is larger than %d bytes", MANIFEST_MAX);
		return NULL;
	}
	for (r.end = text; text < end; text = r.end + 1) {
		nl = memchr(text, '\n', (size_t)(end - text));
		r.line = r.next = text;
		r.end = nl ? nl : end;
		r.number++;
		read_line(&r);
	}
	return d->errors == before ? r.m : NULL;
}

const struct manifest_entry *
manifest_find(const struct manifest *m, enum manifest_tag tag, const char *name)
{
	uintptr_t number;
	size_t i;

	assert(name);
	if (m->names[tag].arena) {
		number = (uintptr_t)map_gets(&m->names[tag], name);
		return number ? &m->entries[number - 1] : NULL;
	}
	for (i = 0; i < m->n; i++) {
		if (m->entries[i].tag == tag &&
		    strcmp(m->entries[i].name, name) == 0)
			return &m->entries[i];
	}
	return NULL;
}
