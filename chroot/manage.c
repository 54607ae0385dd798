/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/manage.h"
#include "chroot/store/gc.h"
#include "chroot/sys/id.h"
#include "chroot/store/image.h"
#include "chroot/step/run.h"
#include "chroot/store/share.h"
#include "chroot/store/import.h"
#include "chroot/store/stage.h"
#include "base/arena.h"
#include "base/conf.h"
#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Something is wrong with the arguments. */
static int
usage(const char *command, const char *text)
{
	log_err("autotua-chroot: %s: %s; see autotua-chroot -h", command, text);
	return CODE_USAGE;
}

static int
trouble(const struct error *err)
{
	log_err("autotua-chroot: %s", err->msg);
	return err->code == ENOENT ? CODE_MISSING : CODE_TROUBLE;
}

/* ---- import, export ------------------------------------------------------ */

struct import {
	const char *name, *digest, *path;
	bool layer, allow_rootful;
};

static const char *
import_options(int argc, char **argv, struct import *i)
{
	static const struct option names[] = {
	    {"allow-rootful", no_argument, NULL, 'r'}, {NULL, 0, NULL, 0}};
	int c;

	*i = (struct import){NULL, NULL, NULL, false, false};
	while ((c = getopt_long(argc, argv, "+d:ln:", names, NULL)) != -1) {
		if (c == 'd')
			i->digest = optarg;
		else if (c == 'l')
			i->layer = true;
		else if (c == 'n')
			i->name = optarg;
		else if (c == 'r')
			i->allow_rootful = true;
		else
			return "no such option, or its argument is missing";
	}
	if (argc - optind != 1)
		return "one TARBALL or FOLDER is needed";
	i->path = argv[optind];
	if (i->name && !id_is_name(i->name))
		return "-n NAME: up to 63 of letters, digits and ._+-, not "
		       "starting with . or -";
	if (i->digest && !id_is_key(i->digest))
		return "-d DIGEST: 64 hexadecimal digits";
	if (i->layer ? i->name != NULL : i->digest != NULL)
		return "-n is for a stage, -d for a layer";
	return NULL;
}

static int
import_layer(struct state *s, const struct import *i, char id[DIGEST_HEX_MAX],
    bool *missing, struct error *err)
{
	int fd = open(i->path, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return fail_errno(err, "open %s", i->path);
	rc = share_import(s, fd, i->digest, id, missing, err);
	close(fd);
	return rc < 0 ? fail_in(err, "%s", i->path) : 0;
}

int
manage_import(const char *path, int argc, char **argv)
{
	char id[DIGEST_HEX_MAX];
	const char *wrong;
	struct import i;
	struct state s;
	struct error err;
	bool missing = false;
	int rc;

	wrong = import_options(argc, argv, &i);
	if (wrong)
		return usage("import", wrong);
	if (state_open(&s, path, &err) < 0)
		return trouble(&err);
	s.allow_rootful = i.allow_rootful;
	if (i.layer)
		rc = import_layer(&s, &i, id, &missing, &err);
	else
		rc = import_stage(&s, i.path, i.name, id, &err);
	state_close(&s);
	if (rc < 0) {
		log_err("autotua-chroot: %s", err.msg);
		return missing ? CODE_MISSING : CODE_TROUBLE;
	}
	printf("%s\n", id);
	return CODE_OK;
}

int
manage_export(const char *path, int argc, char **argv)
{
	char digest[KEY_HEX];
	struct state s;
	struct error err;
	int rc;

	if (argc != 2 || !id_is_key(argv[1]))
		return usage("export", "the KEY of a layer is needed");
	if (isatty(STDOUT_FILENO))
		return usage("export", "a tarball would go to the terminal");
	if (state_open(&s, path, &err) < 0)
		return trouble(&err);
	rc = share_export(&s, argv[1], STDOUT_FILENO, digest, &err);
	state_close(&s);
	if (rc < 0)
		return trouble(&err);
	log_info("layer %s, digest %s", argv[1], digest);
	return CODE_OK;
}

/* ---- verify -------------------------------------------------------------- */

/* 0: it is as it was made; 1: it isn't; -1 */
static int
verify_one(struct state *s, enum image kind, const char *id, struct error *err)
{
	int rc = image_verify(s, kind, id, err);

	if (rc < 0)
		return -1;
	printf("%-4s %s %s%s%s\n", rc == 1 ? "ok" : "BAD", image_names[kind],
	    id, rc == 1 ? "" : ": ", rc == 1 ? "" : err->msg);
	if (rc == 0)
		printf("     remove it with \"autotua-chroot remove %s\" and "
		       "%s\n",
		    id,
		    kind == IMAGE_STAGE ? "import it again"
					: "it is made again when needed");
	return rc == 1 ? 0 : 1;
}

static int
verify_all(struct state *s, struct error *err)
{
	struct arena a = {0};
	struct stage_list l;
	int rc = 0, bad = 0;
	size_t i;

	stage_list(s, &a, &l);
	for (i = 0; i < l.n && rc >= 0; i++) {
		rc = verify_one(s, l.items[i].kind, l.items[i].id, err);
		/* removed meanwhile */
		if (rc < 0 && err->code == ENOENT)
			rc = 0;
		bad |= rc > 0;
	}
	arena_release(&a);
	return rc < 0 ? -1 : bad;
}

int
manage_verify(const char *path, int argc, char **argv)
{
	struct wanted_image w;
	struct state s;
	struct error err;
	int i, rc = 0, bad = 0;

	if (state_open(&s, path, &err) < 0)
		return trouble(&err);
	if (argc == 1)
		bad = rc = verify_all(&s, &err);
	for (i = 1; i < argc && rc >= 0; i++) {
		rc = stage_find(&s, argv[i], &w, &err);
		if (rc == 0)
			rc = verify_one(&s, w.kind, w.id, &err);
		bad |= rc > 0;
	}
	state_close(&s);
	if (rc < 0)
		return trouble(&err);
	return bad ? CODE_PHASE : CODE_OK;
}

/* ---- gc ------------------------------------------------------------------ */

static const char *
gc_options(int argc, char **argv, struct gc *g)
{
	static const struct option options[] = {
	    {"max-size", required_argument, NULL, 'm'},
	    {"older-than", required_argument, NULL, 'o'},
	    {"stages", no_argument, NULL, 's'}, {NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (c == 's')
			g->stages = true;
		else if (c == 'm')
			g->size_max = conf_parse_size(optarg);
		else if (c == 'o')
			g->age_max = conf_parse_duration(optarg);
		else
			return "no such option, or its argument is missing";
		if (c == 'm' && g->size_max < 0)
			return "--max-size: a size, such as 20G";
		if (c == 'o' && g->age_max < 0)
			return "--older-than: a time, such as 30d";
	}
	if (argc != optind)
		return "there are only options";
	if (g->size_max < 0 && g->age_max < 0)
		return "--max-size SIZE or --older-than TIME is needed";
	return NULL;
}

int
manage_gc(const char *path, int argc, char **argv)
{
	struct gc g = {.size_max = -1, .age_max = -1, .now = time(NULL)};
	const char *wrong = gc_options(argc, argv, &g);
	struct state s;
	struct error err;
	int rc;

	if (wrong)
		return usage("gc", wrong);
	if (state_open(&s, path, &err) < 0)
		return trouble(&err);
	rc = gc(&s, &g, &err);
	if (rc == 0)
		rc = state_sweep(&s, &err);
	state_close(&s);
	if (rc < 0)
		return trouble(&err);
	printf("removed %zu, %" PRIu64 " MiB; %" PRIu64 " MiB are left%s\n",
	    g.removed, g.freed >> 20, g.bytes >> 20,
	    g.in_use > 0 ? ", some in use" : "");
	return CODE_OK;
}
