/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * autotua-chroot: stages, layers, and one step of a job in a jail. The only
 * program of ours that needs root's rights; see its manual.
 */
#include "chroot/args.h"
#include "chroot/doctor.h"
#include "chroot/id.h"
#include "chroot/ready.h"
#include "chroot/run.h"
#include "chroot/stage.h"
#include "base/arena.h"
#include "base/conf.h"
#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STATE_DEFAULT "/var/lib/autotua/chroot"

static const char synopsis[] =
    "autotua-chroot [-s STATE] import [-n NAME] TARBALL\n"
    "autotua-chroot [-s STATE] list [--json]\n"
    "autotua-chroot [-s STATE] remove ID|NAME\n"
    "autotua-chroot [-s STATE] has stage|layer ID\n"
    "autotua-chroot [-s STATE] recover\n"
    "autotua-chroot [-s STATE] doctor [--json]\n"
    "autotua-chroot [-s STATE] ready [--reserve BYTES] [--pressure PERCENT]\n"
    "autotua-chroot [-s STATE] run --job JOB --stage ID [--layer KEY]...\n"
    "    [--commit KEY] [--recipe DIR] [--source NAME=STORENAME]...\n"
    "    [--portconf STORENAME]... [--artifacts DIR] [--phase NAME[,net]]...\n"
    "    [--time SEC] [--silence SEC] [--grace SEC] [--log-max BYTES]\n"
    "    [--memory BYTES] [--pids N] [--cpus N] [--disk BYTES]\n"
    "    [--artifacts-max BYTES] [--artifacts-files N] [--reserve BYTES]\n"
    "    [--pressure PERCENT] [--nest] [--linux32] [--allow-rootful]\n"
    "    [--without FEATURE[,FEATURE]...]\n"
    "    [--log-fd N] [--status-fd N] [--report-fd N] [--leash-fd N]\n"
    "    -- CMD [ARG]...\n"
    "autotua-chroot -h | -V\n";

/* The caller may have started us without some of them. */
static void
open_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	close(fd);
}

/* Something is wrong with the command line itself. */
static int
usage(const char *text)
{
	fprintf(stderr, "autotua-chroot: %s\nusage:\n%s", text, synopsis);
	return CODE_USAGE;
}

static int
trouble(const struct error *err)
{
	log_err("autotua-chroot: %s", err->msg);
	return err->code == ENOENT ? CODE_MISSING : CODE_TROUBLE;
}

static int
cmd_import(const char *path, int argc, char **argv)
{
	char id[DIGEST_HEX_MAX];
	const char *name = NULL;
	struct state s;
	struct error err;
	int c, code;

	while ((c = getopt(argc, argv, "+n:")) != -1) {
		if (c != 'n')
			return usage("import: no such option");
		name = optarg;
	}
	if (argc - optind != 1)
		return usage("import: one TARBALL is needed");
	if (name && !id_is_name(name))
		return usage("import: -n NAME: up to 63 of letters, digits "
			     "and ._+-, not starting with . or -");
	if (state_open(&s, path, &err) < 0)
		return trouble(&err);
	code = CODE_OK;
	if (stage_import(&s, argv[optind], name, id, &err) < 0) {
		log_err("autotua-chroot: %s", err.msg);
		code = CODE_TROUBLE;
	} else {
		printf("%s\n", id);
	}
	state_close(&s);
	return code;
}

static void
print_item(const struct stage_item *item)
{
	char when[32];
	struct tm tm;

	if (!gmtime_r(&item->used, &tm))
		memset(&tm, 0, sizeof(tm));
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	printf("%s %s %12" PRIu64 " %s %s\n", image_names[item->kind], item->id,
	    item->size, when, item->name[0] ? item->name : "-");
}

/* Ids and names have passed id.h: nothing in them needs to be escaped. */
static void
print_json(const struct stage_list *l)
{
	const struct stage_item *item;
	size_t i;

	putchar('[');
	for (i = 0; i < l->n; i++) {
		item = &l->items[i];
		printf("%s\n {\"kind\": \"%s\", \"id\": \"%s\", ",
		    i > 0 ? "," : "", image_names[item->kind], item->id);
		if (item->name[0])
			printf("\"name\": \"%s\", ", item->name);
		printf("\"size\": %" PRIu64 ", \"used\": %lld}", item->size,
		    (long long)item->used);
	}
	puts(l->n > 0 ? "\n]" : "]");
}

static int
cmd_list(const char *path, int argc, char **argv)
{
	bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
	struct arena a = {0};
	struct stage_list l;
	struct state s;
	struct error err;
	size_t i;

	if (argc > 1 && !json)
		return usage("list: the only argument is --json");
	if (state_open(&s, path, &err) < 0)
		return trouble(&err);
	stage_list(&s, &a, &l);
	if (json)
		print_json(&l);
	for (i = 0; !json && i < l.n; i++)
		print_item(&l.items[i]);
	arena_release(&a);
	state_close(&s);
	return CODE_OK;
}

static int
cmd_remove(const char *path, int argc, char **argv)
{
	struct state s;
	struct error err;
	int rc;

	if (argc != 2)
		return usage("remove: one ID or NAME is needed");
	if (!id_is_key(argv[1]) && !id_is_name(argv[1]))
		return usage("remove: that is neither id nor name");
	if (state_open(&s, path, &err) < 0)
		return trouble(&err);
	rc = stage_remove(&s, argv[1], &err);
	state_close(&s);
	return rc < 0 ? trouble(&err) : CODE_OK;
}

static int
cmd_has(const char *path, int argc, char **argv)
{
	enum image kind = IMAGE_STAGE;
	struct state s;
	struct error err;
	int fd;

	if (argc != 3 || !id_is_key(argv[2]))
		return usage("has: stage or layer and an id of 64 hexadecimal "
			     "digits are needed");
	if (strcmp(argv[1], "layer") == 0)
		kind = IMAGE_LAYER;
	else if (strcmp(argv[1], "stage") != 0)
		return usage("has: stage or layer is needed");
	if (state_open(&s, path, &err) < 0)
		return trouble(&err);
	fd = state_hold(&s, kind, argv[2], &err);
	state_close(&s);
	if (fd >= 0)
		close(fd);
	else if (err.code == ENOENT)
		return CODE_MISSING;
	return fd < 0 ? trouble(&err) : CODE_OK;
}

static int
cmd_recover(const char *path, int argc, char **argv)
{
	struct state s;
	struct error err;
	int rc;

	(void)argv;
	if (argc != 1)
		return usage("recover: there are no arguments");
	if (state_open(&s, path, &err) < 0)
		return trouble(&err);
	rc = state_recover(&s, &err);
	if (rc == 0)
		rc = state_sweep(&s, &err);
	state_close(&s);
	return rc < 0 ? trouble(&err) : CODE_OK;
}

static int
cmd_doctor(const char *path, int argc, char **argv)
{
	bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
	struct state s;
	struct error err;
	int rc;

	if (argc > 1 && !json)
		return usage("doctor: the only argument is --json");
	if (state_open(&s, path, &err) < 0)
		return trouble(&err);
	rc = doctor(&s, json, &err);
	state_close(&s);
	if (rc < 0)
		return trouble(&err);
	return rc == 0 ? CODE_OK : CODE_PHASE;
}

static int
cmd_ready(const char *path, int argc, char **argv)
{
	struct run_options o;
	struct arena a = {0};
	struct state s;
	struct error err;
	int code;

	if (args_ready(argc, argv, &o, &a, &err) < 0) {
		log_err("autotua-chroot: %s", err.msg);
		arena_release(&a);
		return CODE_USAGE;
	}
	arena_release(&a);
	if (state_open(&s, path, &err) < 0)
		return trouble(&err);
	code = CODE_OK;
	/* the answer is what was asked for */
	if (ready(s.fd, o.reserve, o.pressure, &err) < 0) {
		puts(err.msg);
		code = CODE_TROUBLE;
	}
	state_close(&s);
	return code;
}

static int
cmd_run(const char *path, int argc, char **argv)
{
	struct run_options o;
	struct arena a = {0};
	struct error err;
	int code;

	if (args_run(argc, argv, &o, &a, &err) < 0) {
		log_err("autotua-chroot: %s", err.msg);
		code = CODE_USAGE;
	} else {
		code = run(path, &o, &err);
		if (code == CODE_MISSING || code == CODE_BROKEN ||
		    code == CODE_TROUBLE)
			log_err("autotua-chroot: job %s: %s", o.job, err.msg);
	}
	arena_release(&a);
	return code;
}

static const struct {
	const char *name;
	int (*run)(const char *path, int argc, char **argv);
} commands[] = {{"import", cmd_import}, {"list", cmd_list},
    {"remove", cmd_remove}, {"has", cmd_has}, {"recover", cmd_recover},
    {"doctor", cmd_doctor}, {"ready", cmd_ready}, {"run", cmd_run}};

int
main(int argc, char **argv)
{
	const char *state = STATE_DEFAULT;
	size_t i;
	int c;

	open_standard();
	opterr = 0;
	while ((c = getopt(argc, argv, "+hs:V")) != -1) {
		switch (c) {
		case 'h':
			fputs(synopsis, stdout);
			return CODE_OK;
		case 's':
			state = optarg;
			break;
		case 'V':
			puts("autotua-chroot " VERSION);
			return CODE_OK;
		default:
			return usage("no such option, or its argument is "
				     "missing");
		}
	}
	argc -= optind;
	argv += optind;
	optind = 0;
	for (i = 0; argc > 0 && i < sizeof(commands) / sizeof(*commands); i++) {
		if (strcmp(argv[0], commands[i].name) == 0)
			return commands[i].run(state, argc, argv);
	}
	return usage(argc > 0 ? "no such command" : "a command is missing");
}
