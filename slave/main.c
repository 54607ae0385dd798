/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slave/conf.h"
#include "slave/control.h"
#include "slave/enroll.h"
#include "slave/key.h"
#include "slave/session.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"

#include <getopt.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXIT_USAGE 2

struct options {
	const char *folder, *conf, *name;
	bool check, once, now, json;
};

static const char usage_text[] =
    "usage: autotua-slave [-C STATE] [-c CONF] enroll URL TOKEN "
    "[--name NAME]\n"
    "       autotua-slave [-C STATE] [-c CONF] [-v] run [-n] [--once]\n"
    "       autotua-slave [-C STATE] [-c CONF] key accept FILE\n"
    "       autotua-slave [-C STATE] [-c CONF] status [--json]\n"
    "       autotua-slave [-C STATE] [-c CONF] pause | drain | resume\n"
    "       autotua-slave [-C STATE] [-c CONF] stop [--now]\n"
    "       autotua-slave [-C STATE] [-c CONF] check\n"
    "       autotua-slave -h | -V\n"
    "\n"
    "  enroll       become a slave of the master at URL, by its join token\n"
    "  key accept   change the keyring by a maintainer's statement, or by a\n"
    "               revoked key\n"
    "  run          claim and do units; -n: only check the configuration\n"
    "  status       what is lent, whether it is now, and what runs\n"
    "  drain        take nothing more until \"resume\"; finish what runs\n"
    "  pause        as drain, but give back what runs\n"
    "  stop         end the slave that runs, after what runs; --now: within\n"
    "               seconds, giving back what runs\n"
    "  check        check the configuration and show what it lends\n"
    "\n"
    "  -C STATE     state folder (default: " STATE_DEFAULT ")\n"
    "  -c CONF      configuration (default: STATE/slave.conf with -C, else\n"
    "               " CONF_DEFAULT ")\n"
    "  --name NAME  name at the master (default: this host's)\n"
    "  --once       end when nothing is left to claim\n"
    "  -v           more messages\n"
    "  -h, -V       this text; the version\n";

static int
usage(void)
{
	fputs(usage_text, stderr);
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
do_run(
    const struct options *o, const struct slave_conf *c, struct arena *a, int n)
{
	struct error err;

	if (n != 0 || o->name)
		return usage();
	if (conf_check(c, a, &err) < 0)
		return report(&err);
	if (o->check)
		return 0;
	if (session_run(c, o->once, &err) < 0)
		return report(&err);
	return 0;
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
	if (strcmp(what, "stop") == 0)
		rc = control_stop(c, o->now, &err);
	else if (strcmp(what, "pause") == 0)
		rc = control_say(c, OWNER_PAUSE, &err);
	else if (strcmp(what, "drain") == 0)
		rc = control_say(c, OWNER_DRAIN, &err);
	else if (strcmp(what, "resume") == 0)
		rc = control_say(c, OWNER_OPEN, &err);
	else if (strcmp(what, "status") == 0)
		rc = control_status(c, o->json, a, &err);
	else if (strcmp(what, "check") == 0)
		rc = conf_check(c, a, &err) < 0
		    ? -1
		    : control_status(c, false, a, &err);
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
			fputs(usage_text, stdout);
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
	struct slave_conf c;
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

int
main(int argc, char *argv[])
{
	struct options o = {0};
	char *only_check[] = {(char *)"run"};
	int status;

	umask(022);
	if (parse_options(&o, argc, argv, &status))
		return status;
	if (optind < argc)
		return command(&o, argc - optind, argv + optind);
	return o.check ? command(&o, 1, only_check) : usage();
}
