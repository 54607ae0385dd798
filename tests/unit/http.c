/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/http.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/error.h"
#include "base/file.h"
#include "tests/unit/server.h"
#include "tests/unit/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <sys/stat.h>
#include <time.h>

static struct arena arena;
static struct error err;
static struct server server;
static char dir[] = "/tmp/http.XXXXXX";

/* ---- keys and certificates ----------------------------------------------- */

struct identity {
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t cert;
	const char *key_file, *cert_file;
};

static void
save(const char *path, gnutls_datum_t *d)
{
	file_write(path, d->data, d->size, 0600, &err);
	gnutls_free(d->data);
}

/* One signed by ca, or by itself. */
static void
make_identity(struct identity *i, const char *name, struct identity *ca)
{
	static unsigned char serial;
	gnutls_datum_t pem;

	serial++;
	gnutls_x509_privkey_init(&i->key);
	gnutls_x509_privkey_generate(i->key, GNUTLS_PK_ECDSA,
	    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	gnutls_x509_crt_init(&i->cert);
	gnutls_x509_crt_set_version(i->cert, 3);
	gnutls_x509_crt_set_serial(i->cert, &serial, 1);
	gnutls_x509_crt_set_activation_time(i->cert, time(NULL) - 3600);
	gnutls_x509_crt_set_expiration_time(i->cert, time(NULL) + 3600);
	gnutls_x509_crt_set_dn_by_oid(i->cert, GNUTLS_OID_X520_COMMON_NAME, 0,
	    name, (unsigned)strlen(name));
	gnutls_x509_crt_set_key(i->cert, i->key);
	if (ca)
		gnutls_x509_crt_set_subject_alt_name(
		    i->cert, GNUTLS_SAN_IPADDRESS, "\x7f\0\0\1", 4, 0);
	else
		gnutls_x509_crt_set_basic_constraints(i->cert, 1, -1);
	gnutls_x509_crt_sign2(i->cert, ca ? ca->cert : i->cert,
	    ca ? ca->key : i->key, GNUTLS_DIG_SHA256, 0);
	i->key_file = arena_printf(&arena, "%s/%s.key", dir, name);
	i->cert_file = arena_printf(&arena, "%s/%s.pem", dir, name);
	gnutls_x509_privkey_export2(i->key, GNUTLS_X509_FMT_PEM, &pem);
	save(i->key_file, &pem);
	gnutls_x509_crt_export2(i->cert, GNUTLS_X509_FMT_PEM, &pem);
	save(i->cert_file, &pem);
}

static void
free_identity(struct identity *i)
{
	gnutls_x509_crt_deinit(i->cert);
	gnutls_x509_privkey_deinit(i->key);
}

/* ---- the server's side --------------------------------------------------- */

static void
say_json(struct client *c, int status, const char *type, const char *text)
{
	server_say(c,
	    "HTTP/1.1 %d X\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n"
	    "%s",
	    status, type, strlen(text), text);
}

static void
say_big(struct client *c)
{
	static char part[1 << 20];
	int i;

	memset(part, ' ', sizeof(part));
	server_say(c,
	    "HTTP/1.1 200 X\r\nContent-Type: application/json\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n");
	for (i = 0; i < 40; i++) {
		if (!server_say(c, "%x\r\n", 1 << 20) ||
		    !server_send(c, part, sizeof(part)) ||
		    !server_say(c, "\r\n"))
			return;
	}
}

static void
server_api(struct client *c, const struct request *r)
{
	static const char problem[] =
	    "{\"title\":\"Conflict\",\"status\":409,\"detail\":\"too late\","
	    "\"code\":\"stale-attempt\",\"diagnostics\":[{\"level\":\"error\","
	    "\"rule\":\"r\",\"file\":\"a/b\",\"line\":3,\"text\":\"bad\"}]}";
	unsigned certs = 0;
	char text[512];

	gnutls_certificate_get_peers(c->tls, &certs);
	snprintf(text, sizeof(text),
	    "{\"method\":\"%s\",\"body\":\"%zu %.100s\",\"certs\":%u,"
	    "\"connection\":%d}",
	    r->method, r->length, strchr(r->body, '"') ? "" : r->body, certs,
	    c->number);
	if (strcmp(r->path, "/api/problem") == 0)
		say_json(c, 409, "application/problem+json", problem);
	else if (strcmp(r->path, "/api/html") == 0)
		say_json(c, 200, "text/html", "<p>welcome");
	else if (strcmp(r->path, "/api/gateway") == 0)
		say_json(c, 502, "text/html", "<p>bad gateway");
	else if (strcmp(r->path, "/api/twice") == 0)
		say_json(c, 200, "application/json", "{\"a\":1,\"a\":2}");
	else if (strcmp(r->path, "/api/empty") == 0)
		server_say(c, "HTTP/1.1 204 X\r\n\r\n");
	else if (strcmp(r->path, "/api/never") == 0)
		pause();
	else if (strcmp(r->path, "/api/weird") == 0)
		server_say(c, "HTTP/9.9 none\r\n\r\n");
	else if (strcmp(r->path, "/api/big") == 0)
		say_big(c);
	else
		say_json(c, 200, "application/json; charset=utf-8", text);
}

/* ---- the client's -------------------------------------------------------- */

static const char *
address(void)
{
	return arena_printf(&arena, "https://127.0.0.1:%d", server.port);
}

static const char *
text_of(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

static void
test_open(const struct identity *ca)
{
	static const char *const bad[] = {"http://127.0.0.1:1", "127.0.0.1:1",
	    "https://", "https://h/path", "https://u@h", "ftp://h"};
	struct http_conf c = {.ca = ca->cert_file};
	struct http *h;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		c.url = bad[i];
		is_int(http_open(&h, &c, &err), -1, bad[i]);
		ok(strstr(err.msg, "https://") != NULL, "%s", err.msg);
	}
	c.url = address();
	c.ca = "/nowhere/ca.pem";
	is_int(http_open(&h, &c, &err), -1, "a CA file that isn't there");
	ok(strstr(err.msg, "CA file /nowhere/ca.pem") != NULL, "%s", err.msg);
}

static void
test_calls(struct http *h)
{
	json_t *answer, *body = json_pack("[s]", "x");
	json_int_t first;

	is_int(http_call(h, "GET", "/api/x", NULL, &answer, &err), 200, "GET");
	is(text_of(answer, "method"), "GET", "its method");
	is_int(json_integer_value(json_object_get(answer, "certs")), 1,
	    "our certificate was shown");
	first = json_integer_value(json_object_get(answer, "connection"));
	json_decref(answer);
	is_int(
	    http_call(h, "POST", "/api/x", body, &answer, &err), 200, "POST");
	is(text_of(answer, "method"), "POST", "its method");
	is(text_of(answer, "body"), "5 ", "its body");
	is_int(json_integer_value(json_object_get(answer, "connection")), first,
	    "on the same connection");
	json_decref(answer);
	is_int(
	    http_call(h, "POST", "/api/x", NULL, &answer, &err), 200, "POST");
	is(text_of(answer, "body"), "0 ", "without a body");
	json_decref(answer);
	is_int(http_call(h, "GET", "/api/empty", NULL, &answer, &err), 204,
	    "no answer");
	ok(answer == NULL, "is none");
	json_decref(body);
}

/* One list for all who try again. */
static void
test_passing(void)
{
	static const int passing[] = {408, 429, 500, 501, 502, 503, 504, 507};
	static const int final[] = {200, 400, 401, 403, 404, 409, 410, 413};
	bool good = true;
	size_t i;

	for (i = 0; i < sizeof(passing) / sizeof(passing[0]); i++) {
		http_problem(passing[i], NULL, NULL, &err);
		good = good && http_may_pass(passing[i]) && err.code == EAGAIN;
	}
	ok(good, "what the line, a proxy or a full disk says may pass");
	for (i = 0; i < sizeof(final) / sizeof(final[0]); i++) {
		err.code = 0;
		http_problem(final[i], NULL, NULL, &err);
		good = good && !http_may_pass(final[i]) && err.code != EAGAIN;
	}
	ok(good, "what is said of the call itself doesn't");
}

static void
test_problems(struct http *h)
{
	struct diags d;
	json_t *answer;
	int status;

	diags_init(&d, &arena);
	status = http_call(h, "GET", "/api/problem", NULL, &answer, &err);
	is_int(status, 409, "a problem");
	is(http_problem_code(answer), "stale-attempt", "its code");
	is_int(http_problem(status, answer, &d, &err), -1, "as an error");
	is(err.msg, "Conflict: too late (stale-attempt)", "its text");
	is_int((long long)d.n, 1, "with its diagnostic");
	is(d.list[0].text, "bad", "its text");
	json_decref(answer);
	status = http_call(h, "GET", "/api/gateway", NULL, &answer, &err);
	is_int(status, 502, "something between answers");
	ok(answer == NULL, "no answer of a master");
	is_int(http_problem(status, answer, &d, &err), -1, "as an error");
	is_int(err.code, EAGAIN, "later perhaps");
	is_int(http_problem(200, NULL, &d, &err), 0, "success is no problem");
	is_int(http_call(h, "GET", "/api/html", NULL, &answer, &err), -1,
	    "a web site");
	is_int(err.code, EPROTO, "its code");
	ok(strstr(err.msg, "is this a master?") != NULL, "%s", err.msg);
	is_int(http_call(h, "GET", "/api/twice", NULL, &answer, &err), -1,
	    "a name twice");
	is_int(http_call(h, "GET", "/api/big", NULL, &answer, &err), -1,
	    "an answer without end");
	is_int(err.code, EPROTO, "its code");
}

static void
test_bulk(struct http *h)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	json_t *answer = NULL;
	struct stat st;

	is_int(http_get(h, "/ok/f", fd, CONTENT_SIZE, &err), 200, "get");
	fstat(fd, &st);
	is_int(st.st_size, CONTENT_SIZE, "all of it");
	is_int(ftruncate(fd, 0), 0, "empty it");
	is_int(lseek(fd, 0, SEEK_SET), 0, "from its start");
	is_int(http_get(h, "/ok/f", fd, CONTENT_SIZE - 1, &err), -1,
	    "more than agreed");
	is_int(err.code, EFBIG, "its code");
	is_int(lseek(fd, 0, SEEK_CUR), 0, "none of which was taken");
	is_int(http_get(h, "/chunked/f", fd, CONTENT_SIZE, &err), -1,
	    "more than agreed, which isn't announced");
	is_int(err.code, EFBIG, "its code");
	ok(lseek(fd, 0, SEEK_CUR) <= CONTENT_SIZE, "it isn't taken either");
	is_int(http_get(h, "/api/weird", fd, CONTENT_SIZE, &err), -1,
	    "an answer that is none");
	ok(err.code != EFBIG, "has another code");
	is_int(
	    http_get(h, "/api/problem", fd, 1 << 20, &err), 409, "a problem");
	is(err.msg, "Conflict: too late (stale-attempt)", "its text");
	is_int(ftruncate(fd, 0), 0, "empty it");
	is_int(pwrite(fd, "0123456789", 10, 0), 10, "write to it");
	is_int(http_put(h, "/api/x", fd, 3, 5, &answer, &err), 200, "put");
	is(text_of(answer, "method"), "PUT", "its method");
	is(text_of(answer, "body"), "5 34567", "the asked part");
	json_decref(answer);
	is_int(http_put(h, "/api/x", fd, 3, 50, &answer, &err), -1,
	    "more than there is");
	is_int(err.code, EIO, "its code");
	is_int(http_put(h, "/api/x", fd, 0, 0, &answer, &err), 200, "nothing");
	is(text_of(answer, "body"), "0 ", "is put");
	json_decref(answer);
	close(fd);
}

struct asked {
	int64_t most, last;
};

static bool
may_come(void *ctx, int64_t bytes)
{
	struct asked *a = ctx;

	a->last = bytes;
	return bytes <= a->most;
}

static void
test_asking(struct http_conf c)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	struct asked a = {.most = CONTENT_SIZE - 1};
	struct http *h;

	c.may_come = may_come;
	c.ctx = &a;
	is_int(http_open(&h, &c, &err), 0, "open");
	is_int(http_get(h, "/ok/f", fd, CONTENT_SIZE, &err), -1,
	    "what may not come");
	is_int(err.code, EFBIG, "its code");
	is_int(a.last, CONTENT_SIZE, "all of it was asked for");
	is_int(lseek(fd, 0, SEEK_CUR), 0, "and none was taken");
	a = (struct asked){.most = 4 << 20};
	is_int(http_get(h, "/api/problem", fd, CONTENT_SIZE, &err), 409,
	    "a problem");
	is_int(a.last, 0, "isn't asked for");
	is_int(http_get(h, "/ok/f", fd, CONTENT_SIZE, &err), 200, "what may");
	is_int(lseek(fd, 0, SEEK_CUR), CONTENT_SIZE, "comes");
	is_int(http_get(h, "/chunked/f", fd, 8 << 20, &err), 200,
	    "what announces nothing");
	is_int(a.last, 4 << 20, "is asked for as it comes");
	http_close(h);
	close(fd);
}

static bool
always(void *ctx)
{
	++*(int *)ctx;
	return true;
}

static void
test_waiting(struct http_conf *c)
{
	struct http *h;
	json_t *answer;
	int asked = 0;

	c->timeout = 1;
	is_int(http_open(&h, c, &err), 0, "open");
	is_int(http_call(h, "GET", "/api/never", NULL, &answer, &err), -1,
	    "a time-out");
	is_int(err.code, EAGAIN, "its code");
	http_close(h);
	c->timeout = 0;
	c->cancelled = always;
	/* cppcheck-suppress autoVariables ; c is used only in here */
	c->ctx = &asked;
	is_int(http_open(&h, c, &err), 0, "open");
	http_set_timeout(h, 3600);
	is_int(http_call(h, "GET", "/api/never", NULL, &answer, &err), -1,
	    "cancelled");
	is_int(err.code, ECANCELED, "its code");
	ok(asked > 0, "because we were asked");
	http_close(h);
	c->cancelled = NULL;
}

static void
test_trust(struct http_conf c, const struct identity *other)
{
	struct buf b;
	struct http *h;
	json_t *answer;
	struct stat st;

	c.ca = other->cert_file;
	is_int(http_open(&h, &c, &err), 0, "open");
	is_int(http_call(h, "GET", "/api/x", NULL, &answer, &err), -1,
	    "another CA");
	is_int(err.code, EACCES, "its code");
	ok(strstr(err.msg, " UTC by this machine's clock)") != NULL,
	    "the clock, which may be to blame");
	http_close(h);
	buf_init(&b, 1 << 20);
	is_int(http_get_unverified(
		   arena_printf(&arena, "%s/api/x", address()), 5, &b, &err),
	    200, "unverified");
	ok(b.len > 0 && strstr(b.data, "GET"), "its answer");
	is_int(http_get_unverified("http://127.0.0.1:1/", 5, &b, &err), -1,
	    "but never without TLS");
	buf_release(&b);
	server_stop(&server);
	c.ca = c.cert;
	ok(stat(c.ca, &st) == 0 && http_open(&h, &c, &err) == 0, "open");
	is_int(http_call(h, "GET", "/api/x", NULL, &answer, &err), -1,
	    "nobody answers");
	is_int(err.code, EAGAIN, "its code");
	http_close(h);
}

int
main(void)
{
	struct identity ca, us, slave, other;
	struct http_conf c;
	struct http *h;

	if (!mkdtemp(dir))
		return 1;
	make_identity(&ca, "ca", NULL);
	make_identity(&us, "master", &ca);
	make_identity(&slave, "slave", &ca);
	make_identity(&other, "other", NULL);
	gnutls_certificate_allocate_credentials(&server.tls);
	gnutls_certificate_set_x509_key(server.tls, &us.cert, 1, us.key);
	gnutls_certificate_set_x509_trust(server.tls, &ca.cert, 1);
	server_start(&server);
	c = (struct http_conf){.url = address(),
	    .ca = ca.cert_file,
	    .cert = slave.cert_file,
	    .key = slave.key_file};
	test_open(&ca);
	is_int(http_open(&h, &c, &err), 0, "open");
	test_calls(h);
	test_passing();
	test_problems(h);
	test_bulk(h);
	http_close(h);
	test_asking(c);
	test_waiting(&c);
	test_trust(c, &other);
	gnutls_certificate_free_credentials(server.tls);
	free_identity(&ca);
	free_identity(&us);
	free_identity(&slave);
	free_identity(&other);
	file_remove_tree(AT_FDCWD, dir, &err);
	arena_release(&arena);
	return tap_done();
}
