/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/digest.h"
#include "base/file.h"
#include "cli/cli.h"
#include "cli/farm/client.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/steps.h"
#include "cli/text.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct artifacts_options {
	const char *folder;
};

static const struct opt options[] = {
    {"output", 'o', OPT_TEXT, offsetof(struct artifacts_options, folder), "DIR",
	"download them, into DIR/ARCH/USER/NAME-VER/"},
    CLIENT_OPTIONS,
    {0},
};

/* One artifact of a job; the strings are the answer's. */
struct item {
	const char *arch, *atom, *path, *type, *digest;
	int64_t size;
};

struct items {
	struct item *list;
	size_t n;
};

static void
collect_step(
    struct cli *c, const json_t *unit, const json_t *step, struct items *out)
{
	const json_t *a;
	struct item *item;
	size_t i;

	json_array_foreach(json_object_get(step, "artifacts"), i, a)
	{
		out->list = arena_grow(
		    &c->arena, out->list, out->n, sizeof(*out->list));
		item = &out->list[out->n++];
		item->arch = member(unit, "arch");
		item->atom = member(step, "atom");
		item->path = member(a, "path");
		item->type = member(a, "type");
		item->digest = member(a, "digest");
		item->size = (int64_t)member_number(a, "size");
	}
}

static void
collect(struct cli *c, const json_t *job, struct items *out)
{
	const json_t *unit, *step;
	size_t i, k;

	memset(out, 0, sizeof(*out));
	json_array_foreach(json_object_get(job, "units"), i, unit)
	{
		json_array_foreach(json_object_get(unit, "steps"), k, step)
		    collect_step(c, unit, step, out);
	}
}

/* As found by digest; its last name is only for the reader of the URL. */
static const char *
url_of(struct cli *c, const struct item *item)
{
	const char *name = strrchr(item->path, '/'), *out;

	name = name ? name + 1 : item->path;
	out = arena_printf(&c->arena, "/api/v1/artifacts/%s/", item->digest);
	for (; *name; name++)
		out = arena_printf(&c->arena,
		    strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxy"
			   "z0123456789-._~",
			*name)
			? "%s%c"
			: "%s%%%02X",
		    out, (unsigned char)*name);
	return out;
}

static int
download(
    struct cli *c, struct http *h, const struct item *item, const char *path)
{
	const char *part = arena_printf(&c->arena, "%s.part", path);
	char hex[DIGEST_HEX_MAX];
	struct error err = {0};
	int fd, rc;

	fd = open(
	    part, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0) {
		fail_errno(&err, "%s", part);
		return cli_error(c, CLI_FAILED, &err);
	}
	c->bar.innermost->file = fd;
	rc = client_get(c, h, url_of(c, item), fd, item->size);
	c->bar.innermost->file = 0;
	if (rc == CLI_OK &&
	    (lseek(fd, 0, SEEK_SET) < 0 ||
		digest_of_fd(DIGEST_KEY, fd, hex, &err) < 0))
		rc = cli_error(c, CLI_FAILED, &err);
	else if (rc == CLI_OK && strcmp(hex, item->digest) != 0)
		rc = cli_errorf(c, CLI_FAILED,
		    "%s: what came has the digest %s, not %s", item->path, hex,
		    item->digest);
	close(fd);
	if (rc == CLI_OK && rename(part, path) < 0) {
		fail_errno(&err, "%s", path);
		rc = cli_error(c, CLI_FAILED, &err);
	}
	if (rc != CLI_OK)
		unlink(part);
	return rc;
}

/* Make its folder and fetch it there. */
static int
save(struct cli *c, struct http *h, const struct item *item, const char *top)
{
	const char *below, *path;
	struct error err = {0};
	struct stat st;

	below = arena_printf(
	    &c->arena, "%s/%s/%s", item->arch, item->atom, item->path);
	if (!file_is_below(below) || !is_hex(item->digest, KEY_HEX - 1) ||
	    item->size < 0)
		return cli_errorf(c, CLI_FAILED,
		    "the master names an artifact that can't be one: %s",
		    below);
	path = arena_printf(&c->arena, "%s/%s", top, below);
	if (file_mkdirs(arena_strndup(&c->arena, path,
			    (size_t)(strrchr(path, '/') - path)),
		0755, &err) < 0)
		return cli_error(c, CLI_FAILED, &err);
	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return cli_errorf(
		    c, CLI_FAILED, "%s is in the way: no file", path);
	progress_hide(c);
	if (!c->json)
		puts(cli_show(c, path));
	return download(c, h, item, path);
}

/* Is it nothing about that one artifact, but what the others meet, too? */
static bool
ends_all(int rc)
{
	return rc != CLI_OK && rc != CLI_FAILED && rc != CLI_NOT_FOUND;
}

static int
save_all(
    struct cli *c, struct http *h, const struct items *items, const char *top)
{
	struct progress p;
	size_t i, done = 0, total = 0;
	int rc = CLI_OK, failed = CLI_OK;

	for (i = 0; i < items->n; i++)
		total += (size_t)items->list[i].size;
	progress_begin(&p, c, "downloading", total);
	p.bytes = true;
	for (i = 0; i < items->n && !ends_all(rc); i++) {
		rc = save(c, h, &items->list[i], top);
		if (failed == CLI_OK || ends_all(rc))
			failed = rc;
		done += (size_t)items->list[i].size;
		progress_step(&p, done);
	}
	progress_end(&p);
	return failed;
}

static void
print_items(struct cli *c, const struct items *items)
{
	static const char *const headings[] = {
	    "JOBUILD", "ARCH", "PATH", "TYPE", "SIZE", "DIGEST"};
	const struct item *i;
	struct table t;

	table_init(&t, &c->arena, headings, 6);
	for (i = items->list; i < items->list + items->n; i++)
		table_add(&t,
		    (const char *[]){i->atom, i->arch, i->path, i->type,
			text_size(&c->arena, i->size), i->digest});
	table_print(&t, c->color_out, stdout);
	if (items->n == 0)
		cli_note(c, "no artifacts");
}

static json_t *
items_json(const struct items *items)
{
	json_t *array = json_array();
	const struct item *i;

	for (i = items->list; i < items->list + items->n; i++)
		json_array_append_new(array,
		    json_pack("{s:s, s:s, s:s, s:s, s:I, s:s}", "atom", i->atom,
			"arch", i->arch, "path", i->path, "type", i->type,
			"size", (json_int_t)i->size, "digest", i->digest));
	return json_pack("{s:o}", "artifacts", array);
}

static int
artifacts_main(struct cli *c, const void *opts, int n, char *args[])
{
	const struct artifacts_options *o = opts;
	struct items items;
	struct http *h;
	json_t *job;
	int64_t id;
	int rc;

	(void)n;
	rc = client_open_job(c, args[0], &id, &h);
	if (rc != CLI_OK)
		return rc;
	rc = client_call(c, h, "GET",
	    arena_printf(&c->arena, "/api/v1/jobs/%lld", (long long)id), NULL,
	    &job);
	if (rc == CLI_OK) {
		collect(c, job, &items);
		if (o->folder)
			rc = save_all(c, h, &items, o->folder);
		if (c->json)
			cli_json(c, items_json(&items));
		else if (!o->folder)
			print_items(c, &items);
		json_decref(job);
	}
	http_close(h);
	return rc;
}

const struct command artifacts_command = {
    .name = "artifacts",
    .arguments = "JOB",
    .summary = "list or download what a job made",
    .options = options,
    .size = sizeof(struct artifacts_options),
    .min = 1,
    .max = 1,
    .run = artifacts_main,
};
