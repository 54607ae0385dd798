/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Key statements: their form, their signatures, and what they do to a keyring.
 */
#include "tap.h"
#include "keys.h"
#include "tree/sign/keyring.h"
#include "tree/sign/sign.h"
#include "tree/sign/statement.h"
#include "base/arena.h"

#include <time.h>

#define F1 "0123456789ABCDEF0123456789ABCDEF01234567"
#define F2 "1123456789ABCDEF0123456789ABCDEF01234567"
#define KEY                                                                    \
	"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nx\n"                          \
	"-----END PGP PUBLIC KEY BLOCK-----\n"
#define SIG "-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----\n"
#define HEAD(action, user, old, rest)                                          \
	"AutotuA key statement 1\naction: " action "\nuser: " user             \
	"\nold: " old "\n" rest
#define NEW   "new: " F2 "\n"
#define DATE  "date: 2026-01-31T12:00:00Z\n"
#define GOOD  HEAD("rotate", "anna", F1, NEW DATE)
#define PARTS "\n" KEY SIG KEY SIG

static struct arena arena;
static char ring[] = "/tmp/autotua-ring-XXXXXX";

static void
test_form(void)
{
	static const struct {
		const char *text, *want, *name;
	} rows[] = {
	    {GOOD PARTS, NULL, "rotate"},
	    {HEAD("revoke", "anna", F1,
		 "reason: compromised\n" DATE) "\n" KEY SIG,
		NULL, "revoke"},
	    {"", "line 1", "nothing"},
	    {"hello\n", "is not a key statement", "a text"},
	    {"AutotuA key statement 1\r\n",
		"line 1 ends with a carriage return",
		"another system's line ends"},
	    {HEAD("erase", "anna", F1, NEW DATE) PARTS, "line 2", "action"},
	    {HEAD("rotate", "Anna!", F1, NEW DATE) PARTS, "line 3", "user"},
	    {HEAD("rotate", "anna", "0123", NEW DATE) PARTS, "line 4",
		"short fingerprint"},
	    {HEAD("rotate", "anna", "0123456789abcdef0123456789abcdef01234567",
		 NEW DATE) PARTS,
		"line 4", "lower case"},
	    {HEAD("rotate", "anna", F1, "new: " F1 "\n" DATE) PARTS,
		"are the same", "old is new"},
	    {HEAD("rotate", "anna", F1, DATE NEW) PARTS, "line 5",
		"another order"},
	    {HEAD("rotate", "anna", F1, NEW "date: 2026-1-31T12:00:00Z\n")
		    PARTS,
		"line 6", "a date's form"},
	    {HEAD("rotate", "anna", F1, NEW "date: 2026-02-31T12:00:00Z\n")
		    PARTS,
		"line 6", "no such day"},
	    {HEAD("revoke", "anna", F1, "reason: boredom\n" DATE) "\n" KEY SIG,
		"line 5", "reason"},
	    {HEAD("rotate", "anna\r", F1, NEW DATE) PARTS, "line 3",
		"a control byte"},
	    {GOOD "more: x\n" PARTS, "line 7: expected an empty line",
		"a further field"},
	    {GOOD "\n" KEY SIG, "the new key's part", "one part is missing"},
	    {GOOD "\n" SIG KEY KEY SIG, "the old key's part", "parts swapped"},
	    {GOOD PARTS "x", "text behind", "junk behind"},
	    {GOOD "\n" KEY "-----BEGIN PGP SIGNATURE-----\n\nx\n", "has no end",
		"cut off"},
	};
	struct statement s;
	struct error err;
	size_t i;
	int rc;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&err, 0, sizeof(err));
		rc = statement_parse(
		    &s, rows[i].text, strlen(rows[i].text), &arena, &err);
		ok(rows[i].want ? rc < 0 && strstr(err.msg, rows[i].want)
				: rc == 0,
		    "form: %s (%s)", rows[i].name, err.msg);
	}
	ok(statement_parse(&s, GOOD PARTS, strlen(GOOD PARTS), &arena, &err) ==
		    0 &&
		s.head.len == strlen(GOOD) && s.date == 1769860800 &&
		s.action == STATEMENT_ROTATE && s.new_key.len == strlen(KEY),
	    "what was read");
}

static void
part(const struct buf *head, const char *name, const char *action,
    struct buf *out)
{
	struct error err = {0};
	struct buf k;

	buf_init(&k, 1 << 20);
	keys_export(name, &k);
	buf_add(out, k.data, k.len);
	if (sign_detached(name, head->data, head->len, NOTATION_STATEMENT,
		action, out, &err) < 0)
		printf("# %s: %s\n", name, err.msg);
	buf_release(&k);
}

/* A rotation from one to another, signed by these two. */
static void
make(struct statement *s, const char *by_old, const char *by_new,
    struct buf *out)
{
	struct error err;
	struct buf head;

	buf_init(&head, 4096);
	out->len = 0;
	s->user = "anna";
	statement_head(s, &head, &err);
	buf_addf(out, "%s\n", head.data);
	part(&head, by_old, "rotate", out);
	part(&head, by_new, "rotate", out);
	buf_release(&head);
}

static void
read_as(const struct buf *b, time_t now, const char *want, const char *name)
{
	struct error err = {0};
	struct statement s;
	int rc = statement_read(&s, b->data, b->len, now, &arena, &err);

	ok(want ? rc < 0 && strstr(err.msg, want) : rc == 0, "%s (%s)", name,
	    err.msg);
}

static void
write_ring(const char *text)
{
	struct error err;

	file_write(ring, text, strlen(text), 0640, &err);
}

static void
test_apply(const struct buf *b, time_t now)
{
	struct error err = {0};
	struct statement s;
	struct keyring k;
	char line[256];

	if (statement_read(&s, b->data, b->len, now, &arena, &err) < 0) {
		ok(false, "%s", err.msg);
		return;
	}
	snprintf(line, sizeof(line), "# mine\nanna %s\nbert %s", s.old, s.old);
	write_ring(line);
	ok(keyring_apply(ring, &s, &err) == 0, "applied %s", err.msg);
	keyring_init(&k, &arena);
	keyring_read(&k, ring, &err);
	ok(!keyring_trusts(&k, "anna", s.old) &&
		keyring_revoked(&k, "anna", s.old),
	    "the old key is revoked");
	ok(keyring_trusts(&k, "anna", s.new), "the new one is trusted");
	is(keyring_first(&k, "anna"), s.new, "and the one to show");
	ok(keyring_trusts(&k, "bert", s.old), "another user's line stays");
	is_int(keyring_apply(ring, &s, &err), 1, "it is so already");
	s.user = "bert";
	is_int(keyring_apply(ring, &s, &err), 0, "another user's line");
	s.user = "carl";
	ok(keyring_apply(ring, &s, &err) < 0 &&
		strstr(err.msg, "trusts no key"),
	    "who has no line: %s", err.msg);
	s.user = "anna";
	snprintf(line, sizeof(line), "anna %s revoked\n", s.old);
	write_ring(line);
	ok(keyring_apply(ring, &s, &err) < 0 && strstr(err.msg, "as revoked"),
	    "a revoked key makes no other trusted: %s", err.msg);
	snprintf(
	    line, sizeof(line), "anna %s\nanna %s revoked\n", s.old, s.new);
	write_ring(line);
	ok(keyring_apply(ring, &s, &err) < 0 && strstr(err.msg, "as revoked"),
	    "no way back to a revoked key: %s", err.msg);
}

/* A keyring that no further line fits in stays as it is. */
static void
test_full(const struct buf *b, time_t now)
{
	struct error err = {0};
	struct statement s;
	struct buf text;

	buf_init(&text, 1 << 21);
	statement_read(&s, b->data, b->len, now, &arena, &err);
	buf_addf(&text, "anna %s\n", s.old);
	while (text.len < (1 << 20) - 100)
		buf_addf(&text, "# %70s\n", "");
	write_ring(text.data);
	ok(keyring_apply(ring, &s, &err) < 0 && strstr(err.msg, "larger than"),
	    "a full keyring: %s", err.msg);
	buf_release(&text);
}

static void
test_signatures(void)
{
	struct statement s = {.action = STATEMENT_ROTATE, .reason = ""};
	time_t now = time(NULL);
	struct buf b;
	char *p;

	buf_init(&b, 1 << 20);
	keys_fingerprint("old@x", s.old);
	keys_fingerprint("new@x", s.new);
	s.date = now;
	make(&s, "old@x", "new@x", &b);
	read_as(&b, now + 5, NULL, "a good rotation");
	test_apply(&b, now + 5);
	test_full(&b, now + 5);
	read_as(&b, now + 31 * 86400, "older than 30 days", "an old one");
	read_as(&b, now - 3600, "in the future", "one of the future");
	p = strstr(b.data, "user: anna");
	p[6] = 'b';
	read_as(&b, now + 5, "the old key's signature", "another user put in");
	make(&s, "new@x", "new@x", &b);
	read_as(
	    &b, now + 5, "the block has the key", "not signed by the old key");
	make(&s, "old@x", "old@x", &b);
	read_as(&b, now + 5, "the new key's signature",
	    "not signed by the new key");
	keys_export("old@x", &b);
	read_as(&b, now + 5, "isn't revoked", "a key that isn't revoked");
	buf_release(&b);
}

int
main(void)
{
	int fd;

	fd = mkstemp(ring);
	if (fd >= 0)
		close(fd);
	test_form();
	keys_begin();
	gpg(NULL, "--quick-gen-key", "old@x", "ed25519", "sign", "never", NULL);
	gpg(NULL, "--quick-gen-key", "new@x", "ed25519", "sign", "never", NULL);
	test_signatures();
	keys_end();
	unlink(ring);
	arena_release(&arena);
	return tap_done();
}
