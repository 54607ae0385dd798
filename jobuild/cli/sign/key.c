/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/sign/key.h"
#include "base/buf.h"
#include "base/file.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/sign/keys.h"
#include "cli/text.h"
#include "tree/sign/verifier.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define KEY_MAX (256 * 1024)

static const struct opt options[] = {
    {"key", 'k', OPT_SETTING, 0, "KEY", "fingerprint of your key"},
    {"user", 'u', OPT_SETTING, 0, "USER", "your name in the tree"},
    {"keyring", 0, OPT_SETTING, 0, "FILE", "accept: the keyring to change"},
    {"output", 'o', OPT_TEXT, offsetof(struct key_options, output), "FILE",
	"rotate, revoke: where the statement goes"},
    {"reason", 0, OPT_TEXT, offsetof(struct key_options, reason),
	"superseded|compromised|retired|unspecified", "revoke: why"},
    {"replace", 0, OPT_FLAG, offsetof(struct key_options, replace), NULL,
	"export: put it in the place of another key"},
    {0},
};

const struct tree_file *
key_in_tree(struct cli *c, const char *user, struct repo *r)
{
	const char *path = arena_printf(&c->arena, "%s/%s.asc", user, user);
	const struct tree_file *f;
	struct error none;
	struct tree *t;
	struct tree_file *copy = NULL;

	if (repo_find(c, r, &none) < 0 ||
	    repo_open(r, r->bare ? "HEAD" : NULL, &t, &none) < 0)
		return NULL;
	f = tree_file(t, path, &none);
	if (f) {
		copy = arena_new(&c->arena, struct tree_file);
		copy->path = path;
		copy->text = arena_strndup(&c->arena, f->text, f->len);
		copy->len = f->len;
	}
	tree_close(t);
	return copy;
}

const char *
key_name(struct cli *c, const char *user)
{
	const struct tree_file *f;
	struct error none;
	struct pubkey k;
	struct repo r;

	if (c->conf.key || !user)
		return c->conf.key;
	f = key_in_tree(c, user, &r);
	if (!f || key_inspect(&k, f->text, f->len, &c->arena, &none) < 0)
		return NULL;
	return arena_strdup(&c->arena, k.parts[0].fingerprint);
}

int
key_choose(struct cli *c, const char *name, char fingerprint[FINGERPRINT_MAX],
    struct error *err)
{
	struct error refused;

	if (keys_choose(name, fingerprint, err) == 0)
		return 0;
	if (*fingerprint && err->code != EINVAL &&
	    key_check_own(c, fingerprint, &refused) == -2)
		*err = refused;
	return -1;
}

static bool
is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* Where a key block comes from, for messages, and its bytes in b. */
static const char *
find_key(struct cli *c, const char *who, struct buf *b, struct error *err)
{
	static const char home[] = "your GnuPG home";
	char fpr[FINGERPRINT_MAX] = "";
	const struct tree_file *f;
	struct error none;
	bool named = who;
	struct repo r;

	if (who && (strchr(who, '/') || is_file(who)))
		return file_read(who, b, err) < 0 ? NULL : who;
	f = who ? key_in_tree(c, who, &r) : NULL;
	if (f) {
		buf_add(b, f->text, f->len);
		return f->path;
	}
	if (!named)
		who = key_name(c, c->conf.user);
	/* also one that can't sign: it will be told why */
	if (keys_choose(who, fpr, err) == 0 || (*fpr && err->code != EINVAL))
		return keys_export_all(fpr, b, err) < 0 ? NULL : home;
	if (err->code == EINVAL)
		return NULL;
	if (who && keys_export_all(who, b, &none) == 0)
		return home;
	if (named)
		fail_in(err,
		    "\"%s\" is no file and no user of the tree with a key here",
		    who);
	return NULL;
}

static const char *
abilities(const struct pubkey_part *p, char out[64])
{
	snprintf(out, 64, "%s%s%s%s", p->certify ? ", certifies" : "",
	    p->sign ? ", signs" : "", p->encrypt ? ", encrypts" : "",
	    p->authenticate ? ", authenticates" : "");
	return out;
}

static void
show_part(const struct pubkey_part *p, bool primary, time_t now)
{
	char name[64], begin[32], end[32], use[64];

	printf("%s %s\n    %s, made %s, ", primary ? "key" : "  subkey",
	    p->fingerprint, pubkey_algorithm(p, name, sizeof(name)),
	    date_day(p->created, begin));
	if (p->revoked && p->revoked_at)
		printf("revoked %s", date_day(p->revoked_at, end));
	else if (p->revoked)
		printf("revoked");
	else if (p->expires)
		printf("%s %s", p->expires <= now ? "expired" : "expires",
		    date_day(p->expires, end));
	else
		printf("never expires");
	printf("%s\n", abilities(p, use));
}

static void
show_ruling(struct cli *c, const struct ruling *r)
{
	const char *word = r->level == RULE_HINT ? "hint"
	    : r->holds                           ? "passed"
	    : r->level == RULE_RECOMMENDED       ? "advice"
						 : "failed";
	const char *color = c->color_out ? text_color(word) : "";

	printf("%s%-6s%s  %-22s %s\n", color, word, *color ? "\033[0m" : "",
	    r->rule, cli_show(c, r->text));
	if (*r->remedy)
		printf("%*s%s\n", 32, "-> ", cli_show(c, r->remedy));
}

static void
print_key(struct cli *c, const char *where, const struct pubkey *k,
    const struct rulings *rules, time_t now)
{
	size_t i;

	cli_note(c, "the key in %s, against GLEP 63:", cli_show(c, where));
	for (i = 0; i < k->nparts; i++)
		show_part(&k->parts[i], i == 0, now);
	for (i = 0; i < k->nuids; i++)
		printf("  user id %s%s\n", cli_show(c, k->uids[i].text),
		    k->uids[i].revoked ? " (revoked)" : "");
	for (i = 0; i < rules->n; i++)
		show_ruling(c, &rules->list[i]);
}

static json_t *
part_json(const struct pubkey_part *p)
{
	char name[64];

	return json_pack("{s:s, s:s, s:I, s:o, s:b, s:b, s:b, s:b, s:b}",
	    "fingerprint", p->fingerprint, "algorithm",
	    pubkey_algorithm(p, name, sizeof(name)), "created",
	    (json_int_t)p->created, "expires",
	    p->expires ? json_integer((json_int_t)p->expires) : json_null(),
	    "revoked", p->revoked, "certify", p->certify, "sign", p->sign,
	    "encrypt", p->encrypt, "authenticate", p->authenticate);
}

static void
show_json(struct cli *c, const char *where, const struct pubkey *k,
    const struct rulings *rules)
{
	json_t *parts = json_array(), *uids = json_array(),
	       *list = json_array();
	const struct ruling *r;
	size_t i;

	for (i = 0; i < k->nparts; i++)
		json_array_append_new(parts, part_json(&k->parts[i]));
	for (i = 0; i < k->nuids; i++)
		json_array_append_new(uids,
		    json_pack("{s:s%, s:b}", "text", k->uids[i].text,
			strlen(k->uids[i].text), "revoked",
			k->uids[i].revoked));
	for (i = 0; i < rules->n; i++) {
		r = &rules->list[i];
		json_array_append_new(list,
		    json_pack("{s:s, s:s, s:b, s:s, s:s}", "rule", r->rule,
			"level", rule_level_name(r->level), "holds", r->holds,
			"text", r->text, "remedy", r->remedy));
	}
	cli_json(c,
	    json_pack("{s:s, s:s, s:b, s:b, s:o, s:o, s:o}", "from", where,
		"fingerprint", k->parts[0].fingerprint, "accepted",
		glep63_holds(rules, RULE_ACCEPTED), "good",
		glep63_holds(rules, RULE_MINIMUM), "parts", parts, "uids", uids,
		"rules", list));
}

static int
key_check(struct cli *c, int n, char *args[])
{
	struct error err = {0};
	struct rulings rules;
	struct pubkey k;
	const char *where;
	struct buf b;
	int rc = CLI_OK;

	if (n > 1)
		return cli_errorf(c, CLI_USAGE,
		    "key check takes one file, user of the tree, or key");
	buf_init(&b, KEY_MAX);
	where = find_key(c, n ? args[0] : NULL, &b, &err);
	if (!where) {
		rc = cli_error(c, cli_status(&err, CLI_NOT_FOUND), &err);
	} else if (key_inspect(
		       &k, b.data ? b.data : "", b.len, &c->arena, &err) < 0) {
		fail_in(&err, "%s", where);
		rc = cli_error(c, CLI_FAILED, &err);
	} else {
		glep63_check(&k, time(NULL), &c->arena, &rules);
		if (c->json)
			show_json(c, where, &k, &rules);
		else
			print_key(c, where, &k, &rules, time(NULL));
		rc = glep63_holds(&rules, RULE_MINIMUM) ? CLI_OK : CLI_FAILED;
	}
	buf_release(&b);
	return rc;
}

static void
warn_of_end(struct cli *c, const struct pubkey *k)
{
	time_t ends = glep63_expiry(k, time(NULL));
	char day[32];

	if (ends && ends <= time(NULL) + GLEP63_RENEW)
		cli_note(c,
		    "warning: the key %s expires on %s: prolong it with \"gpg "
		    "--quick-set-expire %s 2y\" (and with \"*\" behind it, "
		    "for its subkeys), then \"jobuild key export\"",
		    k->parts[0].fingerprint, date_day(ends, day),
		    k->parts[0].fingerprint);
}

int
key_check_own(struct cli *c, const char *fingerprint, struct error *err)
{
	struct rulings rules;
	struct pubkey k;
	struct buf b;
	size_t i;
	int rc = -1;

	buf_init(&b, KEY_MAX);
	if (keys_export_all(fingerprint, &b, err) < 0 ||
	    key_inspect(&k, b.data, b.len, &c->arena, err) < 0)
		goto out;
	rc = 0;
	glep63_check(&k, time(NULL), &c->arena, &rules);
	for (i = 0; i < rules.n && rc == 0; i++) {
		if (rules.list[i].level == RULE_ACCEPTED &&
		    !rules.list[i].holds) {
			fail(err,
			    "signatures by the key %s would be refused: %s. "
			    "Remedy: %s",
			    fingerprint, rules.list[i].text,
			    rules.list[i].remedy);
			err->code = EKEYREJECTED;
			rc = -2;
		}
	}
	if (rc == 0)
		warn_of_end(c, &k);
out:
	buf_release(&b);
	return rc;
}

static int
key_main(struct cli *c, const void *opts, int n, char *args[])
{
	static const struct {
		const char *name;
		int (*run)(
		    struct cli *, const struct key_options *, int, char *[]);
	} list[] = {
	    {"export", key_export},
	    {"rotate", key_rotate},
	    {"revoke", key_revoke},
	    {"accept", key_accept},
	};
	size_t i;

	for (i = 0; n > 0 && i < sizeof(list) / sizeof(list[0]); i++) {
		if (strcmp(args[0], list[i].name) == 0)
			return list[i].run(c, opts, n - 1, args + 1);
	}
	if (n > 0 && strcmp(args[0], "check") == 0)
		return key_check(c, n - 1, args + 1);
	return key_check(c, n, args);
}

const struct command key_command = {
    .name = "key",
    .arguments = "[check] [FILE|USER|KEY] | export | rotate NEW-KEY | revoke | "
		 "accept FILE",
    .summary = "check your key, publish it, replace it, revoke it",
    .options = options,
    .size = sizeof(struct key_options),
    .max = -1,
    .run = key_main,
};
