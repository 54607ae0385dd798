/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slave/account.h"
#include "slave/conf.h"
#include "slave/control.h"
#include "slave/enroll.h"
#include "slave/key.h"
#include "slave/session.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/shells.h"
#include "base/usage.h"

#include <getopt.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXIT_USAGE 2

struct options {
	const char *folder, *conf, *name;
	bool check, once, now, json;
};

static const struct usage forms[] = {
    {"enroll [--name NAME] URL TOKEN",
	"become a slave of the master at URL, by its join token; NAME is this "
	"host's if none is given"},
    {"run [-n] [--once]",
	"claim and do units; -n: only check the configuration; --once: end "
	"when nothing is left to claim"},
    {"status [--json]",
	"what is lent, whether it is at this moment, and what runs"},
    {"drain", "take nothing more until \"resume\"; finish what runs"},
    {"pause", "as drain, but give back what runs"},
    {"resume", "take work again"},
    {"reload",
	"have the slave that runs read the configuration again, if there is "
	"nothing wrong with it"},
    {"stop [--now]",
	"end the slave that runs, after what runs; --now: within seconds, "
	"giving back what runs"},
    {"retire",
	"take this machine back for good; what waits in the spool is lost"},
    {"check", "check the configuration and show what it lends"},
    {"key accept STATEMENT",
	"change the keyring by a maintainer's statement, or by a revoked key"},
    {"completion " SHELLS_NAMES,
	"print the script that completes this in a shell"},
    {"-C STATE", "state folder (" STATE_DEFAULT ")"},
    {"-c CONF",
	"configuration (STATE/slave.conf with -C, else " CONF_DEFAULT ")"},
    {"-v", "more messages"},
    {"-h, --help", "this text"},
    {"-V, --version", "the version"},
    {0},
};

static int
usage(void)
{
	usage_print(stderr, "autotua-slave", forms);
	return EXIT_USAGE;
}

static int
report(const struct error *err)
{
	fprintf(stderr, "autotua-slave: %s\n", err->msg);
	return 1;
}

static int
do_enroll(
    const struct options *o, const struct slave_conf *c, char *args[], int n)
{
	char host[65] = "";
	const char *name = o->name;
	struct error err;

	if (n != 2 || o->once || o->check)
		return usage();
	if (account_command(c, true, &err) < 0)
		return report(&err);
	if (!name) {
		gethostname(host, sizeof(host) - 1);
		name = host;
	}
	if (enroll(c, args[0], args[1], name, &err) < 0)
		return report(&err);
	printf("enrolled as %s; the key is in %s\n", name, c->state);
	return 0;
}

static int
do_run(const struct options *o, struct slave_conf *c, struct arena *a, int n)
{
	struct jailer jailer = {0, -1};
	struct account who;
	struct error err;
	int rc;

	if (n != 0 || o->name)
		return usage();
	if (conf_check(c, a, &err) < 0 || account_find(&who, c, &err) < 0)
		return report(&err);
	if (o->check)
		return 0;
	rc = account_run(c, &jailer, &err);
	if (rc == 0)
		rc = session_run(c, &jailer, o->once, &err);
	jailer_end(&jailer);
	return rc < 0 ? report(&err) : 0;
}

static int
do_key(const struct slave_conf *c, char *args[], int n)
{
	struct error err;

	if (n != 2 || strcmp(args[0], "accept") != 0)
		return usage();
	return key_accept(c, args[1], &err) < 0 ? report(&err) : 0;
}

static int
do_control(const struct options *o, const struct slave_conf *c, struct arena *a,
    char *args[], int n)
{
	const char *what = args[0];
	struct error err;
	int rc;

	if (n != 1 || o->name || o->once || o->check ||
	    (o->now && strcmp(what, "stop") != 0) ||
	    (o->json && strcmp(what, "status") != 0))
		return usage();
	/* with the rights that "run" begins with */
	if ((strcmp(what, "check") == 0 || strcmp(what, "reload") == 0 ||
		strcmp(what, "retire") == 0) &&
	    conf_check(c, a, &err) < 0)
		return report(&err);
	if (account_command(c, false, &err) < 0)
		return report(&err);
	if (strcmp(what, "stop") == 0)
		rc = control_stop(c, o->now, &err);
	else if (strcmp(what, "reload") == 0)
		rc = control_reload(c, &err);
	else if (strcmp(what, "pause") == 0)
		rc = control_say(c, OWNER_PAUSE, &err);
	else if (strcmp(what, "drain") == 0)
		rc = control_say(c, OWNER_DRAIN, &err);
	else if (strcmp(what, "resume") == 0)
		rc = control_say(c, OWNER_OPEN, &err);
	else if (strcmp(what, "retire") == 0)
		rc = control_retire(c, &err);
	else if (strcmp(what, "status") == 0)
		rc = control_status(c, o->json, a, &err);
	else if (strcmp(what, "check") == 0)
		rc = control_status(c, false, a, &err);
	else
		return usage();
	return rc < 0 ? report(&err) : 0;
}

/* 0: go on; else exit with what is in *status. */
static int
parse_options(struct options *o, int argc, char *argv[], int *status)
{
	static const struct option longs[] = {
	    {"name", required_argument, NULL, 'N'},
	    {"once", no_argument, NULL, 'o'},
	    {"now", no_argument, NULL, 'w'},
	    {"json", no_argument, NULL, 'j'},
	    {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'V'},
	    {NULL, 0, NULL, 0},
	};
	int opt;

	*status = 0;
	while ((opt = getopt_long(argc, argv, "C:c:nvhV", longs, NULL)) != -1) {
		switch (opt) {
		case 'C':
			o->folder = optarg;
			break;
		case 'c':
			o->conf = optarg;
			break;
		case 'N':
			o->name = optarg;
			break;
		case 'o':
			o->once = true;
			break;
		case 'w':
			o->now = true;
			break;
		case 'j':
			o->json = true;
			break;
		case 'n':
			o->check = true;
			break;
		case 'v':
			log_set_level(LOG_L_DEBUG);
			break;
		case 'h':
			usage_print(stdout, "autotua-slave", forms);
			return 1;
		case 'V':
			puts("autotua-slave " VERSION);
			return 1;
		default:
			*status = usage();
			return 1;
		}
	}
	return 0;
}

static int
command(const struct options *o, int n, char *args[])
{
	struct arena a = {0};
	struct slave_conf c = {0};
	struct error err;
	int status;

	if (conf_load(&c, o->conf, o->folder, &a, &err) < 0)
		status = report(&err);
	else if (strcmp(args[0], "enroll") == 0)
		status = do_enroll(o, &c, args + 1, n - 1);
	else if (strcmp(args[0], "key") == 0)
		status = do_key(&c, args + 1, n - 1);
	else if (strcmp(args[0], "run") == 0)
		status = do_run(o, &c, &a, n - 1);
	else
		status = do_control(o, &c, &a, args, n);
	arena_release(&a);
	return status;
}

static int
run(int argc, char *argv[])
{
	struct options o = {0};
	char *only_check[] = {(char *)"run"};
	int status;

	/* the words behind it are another command line's, being typed */
	if (argc > 1 && strcmp(argv[1], "completion") == 0)
		return usage_completion(
		    "autotua-slave", forms, NULL, argc - 2, argv + 2);
	if (parse_options(&o, argc, argv, &status))
		return status;
	if (optind < argc)
		return command(&o, argc - optind, argv + optind);
	return o.check ? command(&o, 1, only_check) : usage();
}

int
main(int argc, char *argv[])
{
	struct error err;
	int status;

	umask(022);
	status = run(argc, argv);
	return file_end_output(&err) < 0 ? report(&err) : status;
}
