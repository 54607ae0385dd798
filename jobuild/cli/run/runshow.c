/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "jobuild runs": what earlier runs have left on this machine. */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/run/runs.h"
#include "cli/text.h"

#include <string.h>

struct runs_options {
	struct conf_list remove;
	const char *older;
	bool dry;
};

static const struct opt options[] = {
    {"remove", 0, OPT_LIST, offsetof(struct runs_options, remove), "RUN",
	"delete this run and what it kept"},
    {"older-than", 0, OPT_TEXT, offsetof(struct runs_options, older), "TIME",
	"delete runs that ended before, as in 7d, but those to be kept"},
    {"dry-run", 'n', OPT_FLAG, offsetof(struct runs_options, dry), NULL,
	"only tell what would be deleted"},
    {0},
};

/* ---- the list ------------------------------------------------------------ */

static int64_t
size_of(struct arena *a, const struct runs_item *r)
{
	int64_t size = runs_size(a, r->path);
	size_t i;

	for (i = 0; i < r->nkept; i++)
		size += runs_size(a, r->kept[i]);
	return size;
}

static const char *
duration(struct arena *a, const struct runs_item *r)
{
	double end = r->ended;

	if (strcmp(r->result, "running") == 0)
		end = text_now();
	if (r->started <= 0 || end <= 0)
		return "";
	return text_duration(a, end - r->started);
}

static void
print_runs(struct cli *c, const struct runs_list *list)
{
	static const char *const headings[] = {
	    "RUN", "ROOT", "ARCH", "RESULT", "BEGAN", "TIME", "SIZE", ""};
	const struct runs_item *r;
	struct table t;

	table_init(&t, &c->arena, headings, 8);
	for (r = list->items; r < list->items + list->n; r++)
		table_add(&t,
		    (const char *[]){r->name, r->root, r->arch, r->result,
			arena_printf(&c->arena, "%.16s",
			    text_time(&c->arena, r->started)),
			duration(&c->arena, r),
			text_size(&c->arena, size_of(&c->arena, r)),
			r->keep ? "kept" : ""});
	table_print(&t, c->color_out, stdout);
	if (list->n > 0)
		cli_note(c, "in %s", runs_folder(&c->arena));
	else
		cli_note(c, "no runs in %s", runs_folder(&c->arena));
}

static json_t *
run_json(struct cli *c, const struct runs_item *r)
{
	json_t *o, *kept = json_array();
	size_t i;

	for (i = 0; i < r->nkept; i++)
		json_array_append_new(kept, json_string(r->kept[i]));
	o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:I, s:o}", "run",
	    r->name, "folder", r->path, "root", r->root, "arch", r->arch,
	    "result", r->result, "keep", (int)r->keep, "size",
	    (json_int_t)size_of(&c->arena, r), "kept", kept);
	if (r->started > 0)
		json_object_set_new(o, "started", json_real(r->started));
	if (r->ended > 0)
		json_object_set_new(o, "ended", json_real(r->ended));
	return o;
}

/* ---- deleting ------------------------------------------------------------ */

struct removal {
	struct cli *cli;
	const struct runs_place *place;
	const struct runs_options *options;
	json_t *gone;
	int64_t size;
	int status;
};

static void
remove_one(struct removal *d, const struct runs_item *r)
{
	struct cli *c = d->cli;
	int64_t size = size_of(&c->arena, r);
	struct error err = {0};

	if (!d->options->dry && runs_remove(d->place, r, &err) < 0) {
		d->status = cli_error(c, CLI_FAILED, &err);
		return;
	}
	d->size += size;
	json_array_append_new(d->gone, json_string(r->name));
	if (!c->json)
		puts(r->name);
}

static const struct runs_item *
find(const struct runs_list *list, const char *name)
{
	size_t i;

	for (i = 0; i < list->n; i++) {
		if (strcmp(list->items[i].name, name) == 0 ||
		    strcmp(list->items[i].path, name) == 0)
			return &list->items[i];
	}
	return NULL;
}

static void
remove_named(struct removal *d, const struct runs_list *list)
{
	const struct conf_list *names = &d->options->remove;
	const struct runs_item *r;
	size_t i;

	for (i = 0; i < names->n; i++) {
		r = find(list, names->items[i]);
		if (r)
			remove_one(d, r);
		else
			d->status = cli_errorf(d->cli, CLI_NOT_FOUND,
			    "no run \"%s\": \"jobuild runs\" lists them",
			    names->items[i]);
	}
}

static void
remove_old(struct removal *d, const struct runs_list *list, int64_t age)
{
	const struct runs_item *r;
	size_t kept = 0;

	for (r = list->items; r < list->items + list->n; r++) {
		if (strcmp(r->result, "running") == 0 ||
		    runs_age(r, time(NULL)) <= (double)age)
			continue;
		if (r->keep)
			kept++;
		else
			remove_one(d, r);
	}
	if (kept > 0)
		cli_note(d->cli,
		    "%zu that %s to be kept left: --remove deletes %s", kept,
		    kept == 1 ? "was" : "were", kept == 1 ? "it" : "them");
}

static int delete (struct cli *c, const struct runs_options *o,
    const struct runs_place *place, const struct runs_list *list)
{
	struct removal d = {
	    .cli = c, .place = place, .options = o, .gone = json_array()};
	int64_t age = o->older ? conf_parse_duration(o->older) : 0;

	remove_named(&d, list);
	if (o->older)
		remove_old(&d, list, age);
	cli_note(c, "%zu run%s %sdeleted, %s", json_array_size(d.gone),
	    json_array_size(d.gone) == 1 ? "" : "s", o->dry ? "would be " : "",
	    text_size(&c->arena, d.size));
	if (c->json)
		cli_json(c,
		    json_pack("{s:O, s:I, s:b}", "deleted", d.gone, "size",
			(json_int_t)d.size, "dry_run", (int)o->dry));
	json_decref(d.gone);
	return d.status;
}

static int
runs_main(struct cli *c, const void *opts, int n, char *args[])
{
	const struct runs_options *o = opts;
	const struct runs_place place = {
	    runs_folder(&c->arena), c->conf.state, c->conf.chroot};
	struct runs_list list;
	json_t *array;
	size_t i;

	(void)n, (void)args;
	if (o->older && conf_parse_duration(o->older) < 0)
		return cli_errorf(c, CLI_USAGE,
		    "--older-than %s: expected a duration, as in 7d, 12h or 90m",
		    o->older);
	if (o->dry && !o->older && o->remove.n == 0)
		return cli_errorf(c, CLI_USAGE,
		    "--dry-run of what? of --remove or --older-than");
	runs_read(&c->arena, &place, &list);
	if (o->older || o->remove.n > 0)
		return delete (c, o, &place, &list);
	if (!c->json) {
		print_runs(c, &list);
		return CLI_OK;
	}
	array = json_array();
	for (i = 0; i < list.n; i++)
		json_array_append_new(array, run_json(c, &list.items[i]));
	cli_json(
	    c, json_pack("{s:s, s:o}", "folder", place.parent, "runs", array));
	return CLI_OK;
}

const struct command runs_command = {
    .name = "runs",
    .arguments = "",
    .summary = "list what runs on this machine have left, or delete it",
    .options = options,
    .size = sizeof(struct runs_options),
    .run = runs_main,
};
