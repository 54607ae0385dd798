/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/digest.h"
#include "base/file.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "run/jailer.h"
#include "tree/sign/detached.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define KEYS_MAX (16 << 20)
#define SIG_MAX  (64 << 10)

struct import_options {
	const char *name, *signature, *keyring;
};

#define AT(member) offsetof(struct import_options, member)

static const struct opt options[] = {
    {"name", 'n', OPT_TEXT, AT(name), "NAME", "what the stage is called"},
    {"signature", 'S', OPT_TEXT, AT(signature), "FILE",
	"the maker's detached OpenPGP signature of it, armoured"},
    {"keyring", 'k', OPT_TEXT, AT(keyring), "FILE",
	"public keys, one of which must have made the signature"},
    {NULL, 0, OPT_FLAG, 0, NULL, NULL},
};

static int
read_whole(struct buf *b, const char *path, struct error *err)
{
	if (file_read(path, b, err) < 0)
		return -1;
	return b->len > 0 ? 0 : fail(err, "%s: is empty", path);
}

/* Is the file what somebody in the keyring signed? */
static int
check_signature(const struct import_options *o, int fd, struct detached *d,
    struct error *err)
{
	struct buf sig, keys;
	int rc = -1;

	buf_init(&sig, SIG_MAX);
	buf_init(&keys, KEYS_MAX);
	if (read_whole(&sig, o->signature, err) == 0 &&
	    read_whole(&keys, o->keyring, err) == 0)
		rc = detached_check(d, fd, &sig, &keys, time(NULL), err);
	buf_release(&keys);
	buf_release(&sig);
	return rc;
}

/* The jailer reads the same descriptor, and compares with the digest. */
static int
hand_over(struct cli *c, const struct import_options *o, int fd, const char *id,
    struct error *err)
{
	const struct jailer_conf conf = {.program = c->conf.chroot,
	    .state = c->conf.state,
	    .allow_rootful = settings_rootful(&c->conf)};
	struct jailer j;
	int rc;

	if (jailer_start(&j, &conf, err) < 0)
		return -1;
	rc = jailer_import(j.socket, fd, id, o->name ? o->name : "", err);
	jailer_end(&j);
	return rc;
}

static int
open_tarball(const char *path, struct error *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return fail_errno(err, "open %s", path);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return fail(
	    err, "%s: is not a file: a stage is imported from one", path);
}

static int
import(struct cli *c, const struct import_options *o, const char *path)
{
	struct detached d = {.fingerprint = ""};
	struct error err = {0};
	int fd = open_tarball(path, &err), rc;

	if (fd < 0)
		return cli_error(c, CLI_NOT_FOUND, &err);
	if (o->signature)
		rc = check_signature(o, fd, &d, &err);
	else
		rc = digest_of_fd(DIGEST_KEY, fd, d.id, &err);
	if (rc < 0) {
		close(fd);
		fail_in(&err, "%s", path);
		return cli_error(c, CLI_FAILED, &err);
	}
	if (o->signature)
		cli_note(c, "%s: good signature by %s", path, d.fingerprint);
	rc = hand_over(c, o, fd, d.id, &err);
	close(fd);
	if (rc < 0)
		return cli_error(c, CLI_TEMPORARY, &err);
	if (c->json)
		cli_json(c,
		    json_pack("{s:s, s:s?}", "id", d.id, "signed_by",
			o->signature ? d.fingerprint : NULL));
	else
		puts(d.id);
	return CLI_OK;
}

static int
stage_main(struct cli *c, const void *opts, int n, char *args[])
{
	const struct import_options *o = opts;

	(void)n;
	if (strcmp(args[0], "import") != 0)
		return cli_errorf(c, CLI_USAGE,
		    "stage %s: the only thing to do is \"import\"",
		    cli_show(c, args[0]));
	if (!o->signature != !o->keyring)
		return cli_errorf(c, CLI_USAGE,
		    "stage import: --signature and --keyring belong together: "
		    "without the keys nobody's signature is good");
	return import(c, o, args[1]);
}

const struct command stage_command = {
    .name = "stage",
    .arguments = "import FILE",
    .summary = "take in a stage for run, if wanted by its maker's signature",
    .options = options,
    .size = sizeof(struct import_options),
    .min = 2,
    .max = 2,
    .run = stage_main,
};
