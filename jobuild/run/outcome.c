/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/outcome.h"
#include "base/diag.h"
#include "base/digest.h"
#include "recipe/recipe.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <inttypes.h>
#include <string.h>

#define LINE_MAX_BYTES (64 * 1024)

#define DIGITS_(number) #number
#define DIGITS(number)  DIGITS_(number)

static const char *const levels[] = {"info", "log", "warn", "error", "qa"};

void
outcome_init(struct outcome *o, struct arena *a)
{
	int i;

	memset(o, 0, sizeof(*o));
	o->arena = a;
	o->messages = json_array();
	o->figures = json_object();
	o->artifacts_room = (struct room){OUTCOME_LIST_MAX, OUTCOME_PATHS_MAX};
	o->figures_room = (struct room){OUTCOME_LIST_MAX, OUTCOME_FIGURES_MAX};
	o->messages_room =
	    (struct room){OUTCOME_LIST_MAX, OUTCOME_MESSAGES_MAX};
	o->own_room = (struct room){OUTCOME_OWN_LIST_MAX, OUTCOME_OWN_MAX};
	o->speaker = "";
	for (i = 0; i < 3; i++)
		buf_init(&o->field[i], OUTCOME_FIELD_MAX);
	buf_init(&o->line, LINE_MAX_BYTES);
}

void
outcome_release(struct outcome *o)
{
	int i;

	for (i = 0; i < 3; i++)
		buf_release(&o->field[i]);
	buf_release(&o->line);
	json_decref(o->messages);
	json_decref(o->figures);
}

struct phase_figures *
outcome_phase(struct outcome *o)
{
	return o->nphases > 0 ? &o->phases[o->nphases - 1] : NULL;
}

const char *
outcome_text(struct arena *a, const char *s, size_t len, size_t max)
{
	const char *line, *end, *out;
	struct arena scratch = {0};
	struct buf b;

	if (len > max)
		len = max;
	while (len > 0 && s[len - 1] == '\n')
		len--;
	buf_init(&b, 4 * len + 1);
	buf_adds(&b, "");
	for (line = s; line < s + len; line = end + 1) {
		end = memchr(line, '\n', (size_t)(s + len - line));
		if (!end)
			end = s + len;
		if (line != s)
			buf_addc(&b, '\n');
		buf_adds(&b, show(&scratch, line, (size_t)(end - line)));
	}
	out = arena_strndup(a, b.data, b.len);
	buf_release(&b);
	arena_release(&scratch);
	return out;
}

/* ---- records ------------------------------------------------------------- */

/* Bytes of s, which is shown text or a plain path, as JSON writes it. */
static size_t
json_bytes(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += strchr("\"\\\n\t", *s) ? 2 : 1;
	return n;
}

/* Have n more bytes their place? Then they take it. */
static bool
fits(struct room *r, size_t n)
{
	if (r->count == 0 || n > r->bytes)
		return false;
	r->count--;
	r->bytes -= n;
	return true;
}

static void
append_message(
    struct outcome *o, const char *phase, const char *level, const char *text)
{
	json_array_append_new(o->messages,
	    json_pack("{s:s, s:s, s:s}", "level", level, "text", text, "phase",
		phase));
}

static void
add_message(struct outcome *o, struct room *room, const char *phase,
    const char *level, const char *text)
{
	if (fits(room, json_bytes(text))) {
		append_message(o, phase, level, text);
		return;
	}
	if (!o->dropped)
		append_message(o, phase, "warn",
		    "more was reported than fits: what follows is only in the "
		    "log");
	o->dropped = true;
}

void
outcome_say(struct outcome *o, const char *level, const char *fmt, ...)
{
	const struct phase_figures *p = outcome_phase(o);
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = arena_vprintf(o->arena, fmt, ap);
	va_end(ap);
	add_message(o, &o->own_room, p ? p->name : "", level,
	    outcome_text(o->arena, text, strlen(text), SIZE_MAX));
}

/* A result had no place; the first is told of. */
static void
set_over(struct outcome *o, const char *limit)
{
	if (!o->over)
		o->over = limit;
}

static void
record_log(struct outcome *o, const char *key, const char *text)
{
	const char *level = "info";
	size_t i;

	for (i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcmp(key, levels[i]) == 0)
			level = levels[i];
	}
	add_message(o, &o->messages_room, o->speaker, level, text);
}

/* The phase that the next records come from. */
static void
record_phase(struct outcome *o, const char *name)
{
	size_t i;

	for (i = 0; i < PHASES; i++) {
		if (strcmp(name, phase_names[i]) != 0)
			continue;
		o->speaker = phase_names[i];
		if (i < o->heard)
			continue;
		/* a phase that has passed is not ended by what it said */
		o->heard = i + 1;
		o->skip = o->die = NULL;
	}
}

static bool
key_is_plain(const char *s)
{
	size_t n = strspn(s,
	    "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

	return n > 0 && n <= 64 && s[n] == '\0';
}

static void
record_result(struct outcome *o, const char *key, const char *value)
{
	struct room *room = &o->figures_room;
	const char *old;

	if (!key_is_plain(key) || strlen(value) > 1024) {
		outcome_say(o, "warn", "result \"%.64s\" left out: %s", key,
		    key_is_plain(key) ? "its value is too long"
				      : "a name has letters, digits, _ . -");
		return;
	}
	old = json_string_value(json_object_get(o->figures, key));
	if (old) {
		room->count++;
		room->bytes += strlen(key) + json_bytes(old);
	}
	if (fits(room, strlen(key) + json_bytes(value)))
		json_object_set_new(o->figures, key, json_string(value));
	else
		set_over(o,
		    room->count == 0
			? "limit: results: " DIGITS(OUTCOME_LIST_MAX) " figures"
			: "limit: results: " DIGITS(
			      OUTCOME_FIGURES_MAX) " bytes");
}

static void
record_artifact(struct outcome *o, const char *type, const char *path)
{
	static const char *const known[] = {"package", "image", "log", "file"};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(type, known[i]) == 0)
			break;
	}
	if (i == sizeof(known) / sizeof(known[0]) ||
	    o->ntypes >= OUTCOME_LIST_MAX)
		return;
	o->types = arena_grow(o->arena, o->types, o->ntypes, sizeof(*o->types));
	o->types[o->ntypes].type = known[i];
	o->types[o->ntypes++].path = arena_strdup(o->arena, path);
}

static void
record_mismatch(struct outcome *o, const char *name, const char *value)
{
	if (o->nmismatches++ > 0)
		return;
	o->mismatch = arena_strdup(o->arena, name);
	o->bash_value = arena_strdup(o->arena, value);
}

/* Several may say why the phase ends: it does with the first of them. */
static void
record_end(struct outcome *o, bool skips, const char *text)
{
	if (o->skip || o->die)
		return;
	if (skips) {
		o->skip = arena_strdup(o->arena, text);
		return;
	}
	o->die = arena_strdup(o->arena, text);
	record_log(o, "error", text);
}

/* One record is complete; only what is kept of it stays in memory. */
static void
take_record(struct outcome *o)
{
	const char *type = o->field[0].data;
	struct arena scratch = {0};
	const char *key, *value;

	key = outcome_text(&scratch, o->field[1].data, o->field[1].len, 256);
	value = outcome_text(
	    &scratch, o->field[2].data, o->field[2].len, OUTCOME_FIELD_MAX);
	if (strcmp(type, "phase") == 0)
		record_phase(o, value);
	else if (strcmp(type, "log") == 0)
		record_log(o, key, value);
	else if (strcmp(type, "result") == 0)
		record_result(o, key, value);
	else if (strcmp(type, "skip") == 0 || strcmp(type, "die") == 0)
		record_end(o, *type == 's', value);
	else if (strcmp(type, "artifact") == 0)
		record_artifact(o, key, o->field[2].data);
	else if (strcmp(type, "mismatch") == 0)
		record_mismatch(o, key, value);
	arena_release(&scratch);
}

void
outcome_records(struct outcome *o, const char *p, size_t n)
{
	const char *end;
	struct buf *b;
	size_t len, room;
	int i;

	while (n > 0) {
		b = &o->field[o->nfield];
		end = memchr(p, '\0', n);
		len = end ? (size_t)(end - p) : n;
		/* too long a field is cut, the record still counts */
		room = b->max - b->len;
		buf_add(b, p, len < room ? len : room);
		p += len;
		n -= len;
		if (!end)
			return;
		p++;
		n--;
		if (++o->nfield < 3)
			continue;
		take_record(o);
		for (i = 0; i < 3; i++)
			o->field[i].len = 0;
		o->nfield = 0;
	}
}

const char *
outcome_type(const struct outcome *o, const char *path)
{
	size_t i, n;

	for (i = o->ntypes; i > 0; i--) {
		n = strlen(o->types[i - 1].path);
		while (n > 0 && o->types[i - 1].path[n - 1] == '/')
			n--;
		if (n > 0 && strncmp(path, o->types[i - 1].path, n) == 0 &&
		    (path[n] == '\0' || path[n] == '/'))
			return o->types[i - 1].type;
	}
	return "file";
}

/* ---- status lines -------------------------------------------------------- */

/* The value of name in "word name=value name=value", copied; or NULL. */
static const char *
value_of(struct arena *a, const char *line, const char *name)
{
	size_t n = strlen(name);
	const char *p = line;

	while ((p = strchr(p, ' ')) != NULL) {
		p++;
		if (strncmp(p, name, n) == 0 && p[n] == '=')
			return arena_strndup(
			    a, p + n + 1, strcspn(p + n + 1, " "));
	}
	return NULL;
}

static int64_t
number_of(struct arena *a, const char *line, const char *name)
{
	const char *v = value_of(a, line, name);

	return v ? strtoll(v, NULL, 10) : 0;
}

static int
line_start(struct outcome *o, const char *line)
{
	const char *name = value_of(o->arena, line, "phase");
	struct phase_figures *p;

	if (!name || o->nphases == OUTCOME_PHASES)
		return -1;
	p = &o->phases[o->nphases++];
	p->name = name;
	p->limit = "";
	return 0;
}

static int
line_end(struct outcome *o, const char *line)
{
	struct phase_figures *p = outcome_phase(o);
	const char *name = value_of(o->arena, line, "phase");
	const char *limit = value_of(o->arena, line, "limit");

	if (!p || !name || !limit || strcmp(p->name, name) != 0)
		return -1;
	p->ended = true;
	p->limit = strcmp(limit, "-") == 0 ? "" : limit;
	p->exit = (int)number_of(o->arena, line, "exit");
	p->signal = (int)number_of(o->arena, line, "signal");
	p->limit_value = number_of(o->arena, line, "limit_value");
	p->log_left_out = number_of(o->arena, line, "log_left_out");
	if (p->log_left_out > 0)
		outcome_say(o, "warn",
		    "%s: %" PRId64 " bytes in the middle of the log are left "
		    "out",
		    p->name, p->log_left_out);
	p->wall_ms = number_of(o->arena, line, "wall_ms");
	p->user_ms = number_of(o->arena, line, "user_ms");
	p->system_ms = number_of(o->arena, line, "system_ms");
	p->memory_kb = number_of(o->arena, line, "memory_kb");
	p->log_start = number_of(o->arena, line, "log_start");
	p->log_end = number_of(o->arena, line, "log_end");
	p->net_bytes = number_of(o->arena, line, "net_bytes");
	return 0;
}

/* %XX undone in place; -1 when it isn't well-formed. */
static int
unescape(char *s)
{
	char *out = s;
	int high, low;

	for (; *s; s++) {
		if (*s != '%') {
			*out++ = *s;
			continue;
		}
		high = hex_value(s[1]);
		low = high < 0 ? -1 : hex_value(s[2]);
		if (low < 0 || high * 16 + low == 0)
			return -1;
		*out++ = (char)(high * 16 + low);
		s += 2;
	}
	*out = '\0';
	return 0;
}

static int
line_artifact(struct outcome *o, const char *line)
{
	const char *value = value_of(o->arena, line, "path");
	const char *digest = value_of(o->arena, line, "digest");
	struct room *room = &o->artifacts_room;
	struct artifact *a;
	char *path;

	if (!value || !digest || !is_hex(digest, KEY_HEX - 1))
		return -1;
	path = arena_strdup(o->arena, value);
	if (unescape(path) < 0 || *path == '\0')
		return -1;
	if (!fits(room, json_bytes(path))) {
		set_over(o,
		    room->count == 0
			? "limit: artifacts: " DIGITS(OUTCOME_LIST_MAX) " files"
			: "limit: artifacts: " DIGITS(
			      OUTCOME_PATHS_MAX) " bytes of paths");
		return 0;
	}
	o->artifacts = arena_grow(
	    o->arena, o->artifacts, o->nartifacts, sizeof(*o->artifacts));
	a = &o->artifacts[o->nartifacts++];
	a->path = path;
	a->size = number_of(o->arena, line, "size");
	memcpy(a->digest, digest, KEY_HEX);
	return 0;
}

static int
line_left_out(struct outcome *o, const char *line)
{
	const char *value = value_of(o->arena, line, "path");
	const char *reason = value_of(o->arena, line, "why");
	char *path, *why;

	if (!value || !reason) {
		outcome_say(o, "warn", "%" PRId64 " more artifacts left out",
		    number_of(o->arena, line, "more"));
		return 0;
	}
	path = arena_strdup(o->arena, value);
	why = arena_strdup(o->arena, reason);
	if (unescape(path) < 0 || unescape(why) < 0)
		return -1;
	outcome_say(o, "warn", "artifact %s left out: %s",
	    show(o->arena, path, strlen(path)), why);
	return 0;
}

int
outcome_line(struct outcome *o, const char *line)
{
	if (strncmp(line, "start ", 6) == 0)
		return line_start(o, line);
	if (strncmp(line, "end ", 4) == 0)
		return line_end(o, line);
	if (strncmp(line, "artifact ", 9) == 0)
		return line_artifact(o, line);
	if (strncmp(line, "left-out ", 9) == 0)
		return line_left_out(o, line);
	/* later versions may tell more */
	return 0;
}
