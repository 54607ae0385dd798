/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/text.h"
#include "base/arena.h"
#include "base/diag.h"
#include "base/utf8.h"

#include <assert.h>
#include <string.h>
#include <time.h>

void
table_init(struct table *t, struct arena *a, const char *const headings[],
    size_t columns)
{
	assert(columns <= TABLE_COLUMNS);
	memset(t, 0, sizeof(*t));
	t->arena = a;
	t->columns = columns;
	table_add(t, headings);
}

void
table_add(struct table *t, const char *const cells[])
{
	const char *cell;
	size_t i, w, n = t->rows * t->columns;

	for (i = 0; i < t->columns; i++) {
		cell = cells[i] ? cells[i] : "";
		cell = show(t->arena, cell, strlen(cell));
		t->cells =
		    arena_grow(t->arena, t->cells, n + i, sizeof(*t->cells));
		t->cells[n + i] = cell;
		w = text_columns(cell);
		if (w > t->width[i])
			t->width[i] = w;
	}
	t->rows++;
}

static void
print_row(const struct table *t, size_t row, bool color, FILE *f)
{
	const char *const *cells = t->cells + row * t->columns;
	const char *code;
	size_t i, last = t->columns;

	while (last > 0 && !*cells[last - 1])
		last--;
	for (i = 0; i < last; i++) {
		code = color && row > 0 ? text_color(cells[i]) : "";
		if (color && row == 0)
			code = "\033[1m";
		fprintf(f, "%s%s%s", code, cells[i], *code ? "\033[0m" : "");
		if (i + 1 < last)
			fprintf(f, "%*s",
			    (int)(t->width[i] - text_columns(cells[i]) + 2),
			    "");
	}
	fputc('\n', f);
}

void
table_print(const struct table *t, bool color, FILE *f)
{
	size_t i;

	for (i = 0; t->rows > 1 && i < t->rows; i++)
		print_row(t, i, color, f);
}

double
text_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

const char *
text_time(struct arena *a, double t)
{
	time_t when = (time_t)t;
	char text[32];
	struct tm tm;

	if (when <= 0 || !localtime_r(&when, &tm))
		return "";
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	return arena_strdup(a, text);
}

const char *
text_color(const char *state)
{
	static const struct {
		const char *state, *code;
	} colors[] = {
	    {"passed", "\033[32m"},
	    {"good", "\033[32m"},
	    {"online", "\033[32m"},
	    {"failed", "\033[31m"},
	    {"bad", "\033[31m"},
	    {"dep-failed", "\033[31m"},
	    {"limit", "\033[31m"},
	    {"infrastructure", "\033[35m"},
	    {"cancelled", "\033[35m"},
	    {"skipped", "\033[33m"},
	    {"running", "\033[36m"},
	    {"leased", "\033[36m"},
	};
	size_t i;

	for (i = 0; i < sizeof(colors) / sizeof(colors[0]); i++) {
		if (strcmp(colors[i].state, state) == 0)
			return colors[i].code;
	}
	return "";
}

/* One whole character, or one byte (w 0) that belongs to none. */
static void
put(struct filter *f, const char *p, size_t w, FILE *out)
{
	size_t i, n = w ? w : 1;

	if (f->cr && *p != '\n' && *p != '\r')
		fputc('\n', out);
	f->cr = *p == '\r';
	if (f->cr)
		return;
	if (w && (*p == '\n' || *p == '\t' || !utf8_is_control(p, w))) {
		fwrite(p, 1, w, out);
		return;
	}
	for (i = 0; i < n; i++)
		fprintf(out, "\\x%02x", (unsigned char)p[i]);
}

/* Could these n bytes be the begin of a character that needs more? */
static bool
is_begin(const char *p, size_t n)
{
	unsigned char c = (unsigned char)*p;
	size_t need = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 1, i;

	if (c > 0xf4 || n >= need)
		return false;
	for (i = 1; i < n; i++) {
		if (((unsigned char)p[i] & 0xc0) != 0x80)
			return false;
	}
	return true;
}

void
filter_write(struct filter *f, const char *p, size_t n, FILE *out)
{
	size_t w;

	while (n > 0) {
		f->rest[f->nrest++] = *p++;
		n--;
		while (f->nrest > 0 && !is_begin(f->rest, f->nrest)) {
			w = utf8_char(f->rest, f->nrest);
			put(f, f->rest, w, out);
			f->nrest -= w ? w : 1;
			memmove(f->rest, f->rest + (w ? w : 1), f->nrest);
		}
	}
}

void
filter_end(struct filter *f, FILE *out)
{
	size_t i;

	for (i = 0; i < f->nrest; i++)
		fprintf(out, "\\x%02x", (unsigned char)f->rest[i]);
	if (f->cr)
		fputc('\n', out);
	f->nrest = 0;
	f->cr = false;
}
