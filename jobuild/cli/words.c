/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/words.h"
#include "cli/cli.h"
#include "cli/offer.h"

#include <string.h>
#include <unistd.h>

/* What the words so far have led to. */
struct state {
	struct cli *cli;
	const struct command *command; /* NULL: none yet */
	const struct opt *pending;     /* its value comes next */
	bool ended;                    /* by "--" */
	bool lost;                     /* a command that doesn't exist */
	size_t arguments;
};

static const struct opt *
in_table(const struct opt *table, const char *name, size_t n, char letter)
{
	for (; table && table->name; table++) {
		if (letter ? table->letter == letter
			   : strlen(table->name) == n &&
			    memcmp(table->name, name, n) == 0)
			return table;
	}
	return NULL;
}

/* By name, or by letter when that isn't 0. */
static const struct opt *
find_option(const struct state *s, const char *name, size_t n, char letter)
{
	const struct opt *o = NULL;

	if (s->command)
		o = in_table(s->command->options, name, n, letter);
	return o ? o : in_table(options_shared(), name, n, letter);
}

static void
take_value(struct state *s, const struct opt *o, const char *value)
{
	if (strcmp(o->name, "directory") == 0 && chdir(value) < 0)
		s->lost = true;
}

static void
take_long(struct state *s, const char *word)
{
	const char *eq = strchrnul(word, '=');
	const struct opt *o = find_option(s, word, (size_t)(eq - word), 0);

	if (!o || !o->argument)
		return;
	if (*eq)
		take_value(s, o, eq + 1);
	else
		s->pending = o;
}

static void
take_letters(struct state *s, const char *word)
{
	const struct opt *o;

	for (; *word; word++) {
		o = find_option(s, NULL, 0, *word);
		if (!o || !o->argument)
			continue;
		if (word[1])
			take_value(s, o, word + 1);
		else
			s->pending = o;
		return;
	}
}

static void
take_plain(struct state *s, const char *word)
{
	size_t i;

	if (s->command) {
		s->arguments++;
		return;
	}
	for (i = 0; i < s->cli->ncommands; i++) {
		if (strcmp(s->cli->commands[i]->name, word) == 0)
			s->command = s->cli->commands[i];
	}
	s->lost |= !s->command;
}

static void
take_word(struct state *s, const char *word)
{
	if (s->pending) {
		if (strcmp(word, "=") == 0)
			return;
		take_value(s, s->pending, word);
		s->pending = NULL;
	} else if (s->ended || word[0] != '-' || !word[1]) {
		take_plain(s, word);
	} else if (strcmp(word, "--") == 0) {
		s->ended = true;
	} else if (word[1] == '-') {
		take_long(s, word + 2);
	} else {
		take_letters(s, word + 1);
	}
}

static void
offer_table(
    const struct offer *o, const struct opt *table, const struct opt *over)
{
	char letter[3] = "-";

	for (; table && table->name; table++) {
		if (in_table(over, table->name, strlen(table->name), 0))
			continue;
		offer_text(o, arena_printf(&o->cli->arena, "--%s", table->name),
		    table->help);
		letter[1] = table->letter;
		if (table->letter && strcmp(o->word, letter) == 0)
			offer_text(o, letter, table->help);
	}
}

static void
offer_options(const struct state *s, struct offer *o)
{
	const char *eq = strchr(o->word, '=');
	const struct opt *opt;

	if (!eq) {
		if (s->command)
			offer_table(o, s->command->options, NULL);
		offer_table(o, options_shared(),
		    s->command ? s->command->options : NULL);
		return;
	}
	opt = find_option(s, o->word + 2, (size_t)(eq - o->word) - 2, 0);
	if (!opt || !opt->argument)
		return;
	o->front =
	    arena_strndup(&s->cli->arena, o->word, (size_t)(eq + 1 - o->word));
	o->word = eq + 1;
	offer_spec(o, opt->argument, true);
}

static void
offer_commands(const struct state *s, const struct offer *o)
{
	size_t i;

	for (i = 0; i < s->cli->ncommands; i++)
		offer_text(
		    o, s->cli->commands[i]->name, s->cli->commands[i]->summary);
}

void
words_complete(struct cli *c, int n, char *words[])
{
	struct state s = {.cli = c};
	struct offer o = {c, n > 0 ? words[n - 1] : "", ""};
	int i;

	for (i = 0; i + 1 < n; i++)
		take_word(&s, words[i]);
	if (s.lost)
		return;
	if (s.pending) {
		if (strcmp(o.word, "=") == 0)
			o.word = "";
		offer_spec(&o, s.pending->argument, true);
	} else if (o.word[0] == '-' && !s.ended) {
		offer_options(&s, &o);
	} else if (!s.command) {
		offer_commands(&s, &o);
	} else {
		offer_spec(&o, s.command->arguments, s.arguments == 0);
	}
}
