/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * autotua-chroot: stages, layers, and one step of a job in a jail. The only
 * program of ours that needs root's rights; see its manual.
 */
#include "chroot/args.h"
#include "chroot/doctor.h"
#include "chroot/sys/id.h"
#include "chroot/manage.h"
#include "chroot/jail/ready.h"
#include "chroot/step/run.h"
#include "chroot/serve.h"
#include "chroot/sys/subid.h"
#include "chroot/store/layer.h"
#include "chroot/store/stage.h"
#include "base/arena.h"
#include "base/conf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/home.h"
#include "base/log.h"
#include "base/shells.h"
#include "base/usage.h"

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

static const struct usage forms[] = {
    {"import [-n NAME] [--allow-rootful] TARBALL|FOLDER",
	"take a stage in; prints its id"},
    {"import -l [-d DIGEST] [--allow-rootful] TARBALL",
	"take in a layer that was exported"},
    {"export KEY", "write a layer as a tarball to standard output"},
    {"verify [ID|NAME]...", "is what is here as it was taken in?"},
    {"gc [--max-size SIZE] [--older-than TIME] [--stages]",
	"delete layers that were not used for long"},
    {"list [--json]", "stages and layers, with sizes and last use"},
    {"remove ID|NAME", "delete a stage or a layer"},
    {"remove --kept JOB", "delete what run --keep has kept"},
    {"has stage|layer ID", "exits with 0 if it is here, else with 3"},
    {"recover", "clear away what runs that died have left"},
    {"doctor [--json] [--allow-rootful]",
	"what this machine's jails can do, what to change"},
    {"capabilities [--allow-rootful]",
	"the same for programs, in short, as JSON"},
    {"ready [--reserve BYTES] [--pressure PERCENT]",
	"has this machine room for a run at this moment?"},
    {"run --job JOB --stage ID [--layer KEY]... [--commit KEY] "
     "[--recipe DIR] [--source NAME=STORENAME]... [--portconf STORENAME]... "
     "[--artifacts DIR] [--phase NAME[,net]]... [--time SEC] [--silence SEC] "
     "[--grace SEC] [--log-max BYTES] [--memory BYTES] [--pids N] [--cpus N] "
     "[--disk BYTES] [--artifacts-max BYTES] [--artifacts-files N] "
     "[--reserve BYTES] [--pressure PERCENT] [--layers-max SIZE] [--nest] "
     "[--linux32] [--network host|private|no] [--allow-rootful] [--without FEATURE[,FEATURE]...] [--log-fd N] "
     "[--status-fd N] [--report-fd N] [--leash-fd N] [--shell-fd N] [--keep] "
     "-- CMD [ARG]...",
	"one step of a job, in a jail"},
    {"serve --fd N [--owner UID:GID] [--network host|private|no] [--nest] [--allow-rootful] "
     "[--memory BYTES] [--pids N] [--cpus N] [--disk BYTES] "
     "[--layers-max SIZE] [--without FEATURE[,FEATURE]...]",
	"the same for other programs, over a socket"},
    {"completion " SHELLS_NAMES,
	"print the script that completes this in a shell"},
    {"-s STATE",
	"state folder (of root: /var/lib/autotua/chroot; else "
	"$XDG_STATE_HOME/autotua/chroot)"},
    {"-h", "this text"},
    {"-V", "the version"},
    {0},
};

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
	fprintf(stderr, "autotua-chroot: %s\n", text);
	usage_print(stderr, "autotua-chroot", forms);
	return CODE_USAGE;
}

static int
trouble(const struct error *err)
{
	log_err("autotua-chroot: %s", err->msg);
	return err->code == ENOENT ? CODE_MISSING : CODE_TROUBLE;
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
		if (id_is_key(item->digest))
			printf("\"digest\": \"%s\", ", item->digest);
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
	bool kept = argc == 3 && strcmp(argv[1], "--kept") == 0;
	struct state s;
	struct error err;
	int rc;

	if (argc != 2 && !kept)
		return usage("remove: one ID or NAME is needed, or --kept JOB");
	if (kept ? !id_is_job(argv[2])
		 : !id_is_key(argv[1]) && !id_is_name(argv[1]))
		return usage("remove: that is neither id nor name");
	if (state_open(&s, path, &err) < 0)
		return trouble(&err);
	rc = kept ? state_remove_kept(&s, argv[2], &err)
		  : stage_remove(&s, argv[1], &err);
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
	fd = kind == IMAGE_LAYER ? layer_hold(&s, argv[2], &err)
				 : state_hold(&s, kind, argv[2], &err);
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

/* Is the option there? Then it is taken out of the arguments. */
static bool
take_flag(int *argc, char **argv, const char *flag)
{
	int i, k;

	for (i = 1; i < *argc; i++) {
		if (strcmp(argv[i], flag) != 0)
			continue;
		--*argc;
		for (k = i; k < *argc; k++)
			argv[k] = argv[k + 1];
		return true;
	}
	return false;
}

static int
cmd_doctor(const char *path, int argc, char **argv)
{
	bool json = take_flag(&argc, argv, "--json");
	bool rootful = take_flag(&argc, argv, "--allow-rootful");
	struct state s;
	struct error err;
	int rc;

	if (argc > 1)
		return usage("doctor: the only arguments are --json and "
			     "--allow-rootful");
	if (state_open(&s, path, &err) < 0)
		return trouble(&err);
	rc = doctor(&s, rootful, json, &err);
	state_close(&s);
	if (rc < 0)
		return trouble(&err);
	return rc == 0 ? CODE_OK : CODE_PHASE;
}

static int
cmd_capabilities(const char *path, int argc, char **argv)
{
	bool rootful = take_flag(&argc, argv, "--allow-rootful");
	struct state s;
	struct error err;
	int rc;

	if (argc > 1)
		return usage(
		    "capabilities: the only argument is --allow-rootful");
	if (state_open(&s, path, &err) < 0)
		return trouble(&err);
	rc = doctor_capabilities(stdout, &s, rootful, &err);
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
	struct state s;
	struct error err;
	int code;

	if (args_run(argc, argv, &o, &a, &err) < 0) {
		log_err("autotua-chroot: %s", err.msg);
		code = CODE_USAGE;
	} else {
		code = CODE_TROUBLE;
		if (state_open(&s, path, &err) == 0 &&
		    state_recover_runs(&s, &err) == 0)
			code = run(&s, &o, &err);
		if (code == CODE_MISSING || code == CODE_BROKEN ||
		    code == CODE_TROUBLE)
			log_err("autotua-chroot: job %s: %s", o.job, err.msg);
	}
	arena_release(&a);
	return code;
}

/* For other programs of ours: a socket instead of a command line a step. */
static int
cmd_serve(const char *path, int argc, char **argv)
{
	struct serve_options o;
	struct state s;
	struct error err;
	int rc;

	if (args_serve(argc, argv, &o, &err) < 0) {
		log_err("autotua-chroot: %s", err.msg);
		return CODE_USAGE;
	}
	if (state_open(&s, path, &err) < 0)
		return trouble(&err);
	rc = serve(&s, &o, &err);
	state_close(&s);
	return rc < 0 ? trouble(&err) : CODE_OK;
}

static const struct {
	const char *name;
	int (*run)(const char *path, int argc, char **argv);
} commands[] = {{"import", manage_import}, {"export", manage_export},
    {"verify", manage_verify}, {"gc", manage_gc}, {"list", cmd_list},
    {"remove", cmd_remove}, {"has", cmd_has}, {"recover", cmd_recover},
    {"doctor", cmd_doctor}, {"capabilities", cmd_capabilities},
    {"ready", cmd_ready}, {"run", cmd_run}, {"serve", cmd_serve}};

/* The command line; the exit status. */
static int
run_line(int argc, char **argv)
{
	const char *state = NULL;
	struct arena a = {0};
	struct error err;
	size_t i;
	int c, rc;

	opterr = 0;
	while ((c = getopt(argc, argv, "+hs:V")) != -1) {
		switch (c) {
		case 'h':
			usage_print(stdout, "autotua-chroot", forms);
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
	if (argc > 0 && strcmp(argv[0], "completion") == 0)
		return usage_completion(
		    "autotua-chroot", forms, manage_names, argc - 1, argv + 1);
	for (i = 0; argc > 0 && i < sizeof(commands) / sizeof(*commands); i++) {
		if (strcmp(argv[0], commands[i].name) != 0)
			continue;
		/* before we are root of a namespace */
		if (!state)
			state = home_chroot(&a);
		rc = geteuid() != 0 && subid_enter(&err) < 0
		    ? trouble(&err)
		    : commands[i].run(state, argc, argv);
		arena_release(&a);
		return rc;
	}
	return usage(argc > 0 ? "no such command" : "a command is missing");
}

int
main(int argc, char **argv)
{
	struct error err;
	int code;

	open_standard();
	/* what others are not to see is in a folder of our own */
	umask(022);
	code = run_line(argc, argv);
	return file_end_output(&err) < 0 ? trouble(&err) : code;
}
