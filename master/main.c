/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/commands.h"
#include "master/store/state.h"
#include "base/error.h"
#include "base/file.h"
#include "base/shells.h"
#include "base/usage.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LISTEN_DEFAULT "0.0.0.0:8443"

static const struct usage usage[] = {
    {"init [--name NAME] [--listen ADDR:PORT] [--host NAME_OR_IP]...",
	"make the state folder"},
    {"serve [-n]", "serve slaves and people (-n: check settings)"},
    {"user add NAME KEYFILE", "let a maintainer sign jobs and recipes"},
    {"user list", "who there is, and with which key"},
    {"user rights [NAME read|maintain|operate|admin]",
	"show or set what people may do"},
    {"key accept STATEMENT",
	"a maintainer's statement on a key, or a revoked key"},
    {"key rotate NAME OLD KEYFILE", "another key takes the place of OLD"},
    {"key revoke NAME FINGERPRINT [REASON]", "trust it no more"},
    {"key restore NAME FINGERPRINT", "trust it again"},
    {"key list", "all keys, and what became of them"},
    {"token new [--slave NAME]", "print a token for one autotua-slave enroll"},
    {"slave list", "which there are, and their state"},
    {"slave show NAME", "what it offers, as JSON"},
    {"slave drain NAME", "give it nothing more, until \"resume\""},
    {"slave pause NAME", "as drain, and take back what it has"},
    {"slave resume NAME", "give it work again"},
    {"slave retire NAME", "refuse this slave from now on"},
    {"job list [--json]", "the latest"},
    {"job show N [--json]", "one, with its units"},
    {"job cancel N", "end it"},
    {"job retry N", "run again what failed of it"},
    {"job priority N -1000..1000",
	"let it go before its user's others, or after"},
    {"tree add [--allow-forced] NAME URL",
	"a jobtage tree: path, https://, ssh://"},
    {"tree list", "which there are, and their newest revision"},
    {"tree sync [--allow-forced] NAME",
	"fetch it now; take rewritten history once"},
    {"stage add NAME TARBALL", "a stage; prints its digest"},
    {"stage remove NAME", "take a name away; the stage goes with its last"},
    {"stage list [--json]", "which there are, and how much is installed"},
    {"stage show NAME [--json]", "what is installed in one"},
    {"status", "what there is"},
    {"ca", "print the CA's certificate"},
    {"audit list [--json]", "who changed what"},
    {"audit verify [ROW:DIGEST]", "was nothing in it changed? prints its head"},
    {"check [--quick]", "is all there that the database promises?"},
    {"check DIR|FILE.tar", "is this backup as it was saved?"},
    {"backup DIR|FILE.tar", "save all of it, also while it is served"},
    {"restore [--verify] DIR|FILE.tar",
	"make the state folder of a backup, or only check one"},
    {"completion " SHELLS_NAMES,
	"print the script that completes this in a shell"},
    {"-C, --state DIR", "state folder (" STATE_DEFAULT ")"},
    {"-h, --help", "this text"},
    {"-V, --version", "the version"},
    {0},
};

static int
cmd_completion(const char *path, int argc, char *argv[])
{
	(void)path;
	return usage_completion("autotua-master", usage, cmd_names, argc, argv);
}

static const struct {
	const char *name;
	int (*run)(const char *path, int argc, char *argv[]);
} commands[] = {
    {"init", cmd_init},
    {"serve", cmd_serve},
    {"user", cmd_user},
    {"key", cmd_key},
    {"token", cmd_token},
    {"job", cmd_job},
    {"slave", cmd_slave},
    {"tree", cmd_tree},
    {"stage", cmd_stage},
    {"status", cmd_status},
    {"ca", cmd_ca},
    {"backup", cmd_backup},
    {"restore", cmd_restore},
    {"check", cmd_check},
    {"audit", cmd_audit},
    {"completion", cmd_completion},
};

int
cmd_init(const char *path, int argc, char *argv[])
{
	static const struct option options[] = {
	    {"name", required_argument, NULL, 'n'},
	    {"listen", required_argument, NULL, 'l'},
	    {"host", required_argument, NULL, 'H'},
	    {0},
	};
	struct state_init how = {.listen = LISTEN_DEFAULT};
	char hostname[65] = "master";
	struct arena a = {0};
	const char **hosts = NULL;
	struct error err;
	int c, rc = 0;

	/* getopt wants a word in front */
	argc++;
	argv--;
	optind = 0;
	(void)gethostname(hostname, sizeof(hostname) - 1);
	how.name = hostname;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			how.name = optarg;
			break;
		case 'l':
			how.listen = optarg;
			break;
		case 'H':
			hosts =
			    arena_grow(&a, hosts, how.nhosts, sizeof(*hosts));
			hosts[how.nhosts++] = optarg;
			break;
		default:
			rc = EXIT_USAGE;
		}
	}
	how.hosts = hosts;
	if (rc || optind != argc)
		rc = cmd_usage("init [--name NAME] [--listen ADDR:PORT] "
			       "[--host NAME_OR_IP]...");
	else if (state_create(path, &how, &err) < 0)
		rc = cmd_failed(&err);
	arena_release(&a);
	return rc;
}

static int
run(int argc, char *argv[])
{
	static const struct option options[] = {
	    {"state", required_argument, NULL, 'C'},
	    {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'V'},
	    {0},
	};
	const char *path = STATE_DEFAULT;
	size_t i;
	int c;

	while ((c = getopt_long(argc, argv, "+C:hV", options, NULL)) != -1) {
		switch (c) {
		case 'C':
			path = optarg;
			break;
		case 'h':
			usage_print(stdout, "autotua-master", usage);
			return 0;
		case 'V':
			puts("autotua-master " VERSION);
			return 0;
		default:
			return EXIT_USAGE;
		}
	}
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (optind < argc &&
		    strcmp(argv[optind], commands[i].name) == 0)
			return commands[i].run(
			    path, argc - optind - 1, argv + optind + 1);
	}
	if (optind < argc)
		fprintf(stderr, "autotua-master: unknown command \"%s\"\n",
		    argv[optind]);
	usage_print(stderr, "autotua-master", usage);
	return EXIT_USAGE;
}

int
main(int argc, char *argv[])
{
	struct error err;
	int status;

	umask(077);
	status = run(argc, argv);
	return file_end_output(&err) < 0 ? cmd_failed(&err) : status;
}
