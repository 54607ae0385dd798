/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slave/renew.h"
#include "slave/enroll.h"
#include "slave/running.h"
#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PEM_MAX   16384
#define PAUSE_MAX 600000      /* milliseconds between tries */
#define LOOK_MAX  INT64_C(60) /* seconds: clocks are set */
/* masters date certificates back by this, for clocks that differ */
#define BEFORE    3600

static int
move(const struct slave_conf *c, const char *from, const char *to,
    struct error *err)
{
	struct arena a = {0};
	const char *old = conf_path(c, &a, from), *new = conf_path(c, &a, to);
	int rc = 0;

	if (rename(old, new) < 0 && errno != ENOENT)
		rc = fail_errno(err, "rename %s", old);
	arena_release(&a);
	return rc;
}

int
renew_recover(const struct slave_conf *c, struct error *err)
{
	struct arena a = {0};
	bool there = access(conf_path(c, &a, "cert.new"), F_OK) == 0;

	arena_release(&a);
	if (!there)
		return 0;
	if (move(c, "key.new", "key.pem", err) < 0)
		return -1;
	return move(c, "cert.new", "cert.pem", err);
}

int64_t
renew_time(int64_t from, int64_t until)
{
	int64_t life = until - from;

	if (life > BEFORE)
		life -= BEFORE;
	return until - life / 3;
}

/* From the certificate in use. */
static int
read_due(const struct slave_conf *c, int64_t *due, struct error *err)
{
	struct arena a = {0};
	gnutls_x509_crt_t crt = NULL;
	gnutls_datum_t pem;
	struct buf b;
	int rc = -1, code;

	buf_init(&b, PEM_MAX);
	if (file_read(conf_path(c, &a, "cert.pem"), &b, err) < 0)
		goto out;
	pem = (gnutls_datum_t){(unsigned char *)b.data, (unsigned)b.len};
	code = gnutls_x509_crt_init(&crt);
	if (code == 0)
		code = gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM);
	if (code < 0) {
		fail(err, "cert.pem: %s", gnutls_strerror(code));
		goto out;
	}
	*due = renew_time(gnutls_x509_crt_get_activation_time(crt),
	    gnutls_x509_crt_get_expiration_time(crt));
	rc = 0;
out:
	if (crt)
		gnutls_x509_crt_deinit(crt);
	buf_release(&b);
	arena_release(&a);
	return rc;
}

static int
keep(const struct session *s, const json_t *answer, struct error *err)
{
	const gnutls_datum_t *key = &s->renewal.key;
	struct arena a = {0};
	const char *cert;
	int rc = -1;

	cert = json_string_value(json_object_get(answer, "certificate"));
	if (!cert)
		fail(err, "the master sent no certificate");
	else if (file_write(conf_path(s->conf, &a, "key.new"), key->data,
		     key->size, 0600, err) == 0 &&
	    file_write(conf_path(s->conf, &a, "cert.new"), cert, strlen(cert),
		0644, err) == 0)
		rc = renew_recover(s->conf, err);
	arena_release(&a);
	return rc;
}

/* Nothing speaks by the old certificate from here on. */
static void
take_over(struct session *s)
{
	calls_renew(&s->calls, s->conf, &s->arena);
	pool_renew(&s->pool);
	call_cancel(&s->calls, s->claim);
	call_cancel(&s->calls, s->last_claim);
	s->claim = s->last_claim = NULL;
	s->renewal.due = 0;
	log_info("the certificate was renewed");
}

static void
drop_key(struct renewal *r)
{
	gnutls_free(r->key.data);
	r->key = (gnutls_datum_t){NULL, 0};
}

static void
on_renewal(void *ctx, const struct answer *answer)
{
	struct session *s = ctx;
	struct renewal *r = &s->renewal;
	struct error err;
	int rc = -1;

	r->call = NULL;
	if (answer_is_good(answer))
		rc = keep(s, answer->json, &err);
	else
		fail(&err, "status=%d: %s", answer->status, answer->text);
	drop_key(r);
	if (rc == 0) {
		backoff_clear(&r->wait);
		take_over(s);
		return;
	}
	log_warn("certificate not renewed: %s", err.msg);
	backoff_fail(&r->wait, s->host.now, PAUSE_MAX, lease_random());
}

static void
ask(struct session *s)
{
	struct call_request r = {.method = "POST",
	    .path = "slave/renew",
	    .done = on_renewal,
	    .ctx = s};
	gnutls_datum_t csr = {NULL, 0};
	struct error err;
	json_t *body;

	if (enroll_key("slave", &s->renewal.key, &csr, &err) < 0) {
		log_err("%s", err.msg);
		drop_key(&s->renewal);
		backoff_fail(
		    &s->renewal.wait, s->host.now, PAUSE_MAX, lease_random());
		return;
	}
	body = json_pack("{s:s%}", "csr", (char *)csr.data, (size_t)csr.size);
	gnutls_free(csr.data);
	r.body = body;
	s->renewal.call = call_start(&s->calls, &r);
	json_decref(body);
}

void
renew_turn(struct session *s)
{
	struct renewal *r = &s->renewal;
	struct error err;

	if (r->call || s->stopping || !s->greeted || s->host.now < r->wait.at)
		return;
	if (r->due == 0 && read_due(s->conf, &r->due, &err) < 0) {
		log_err("%s", err.msg);
		backoff_fail(&r->wait, s->host.now, PAUSE_MAX, lease_random());
		return;
	}
	if (time(NULL) >= r->due)
		ask(s);
}

int64_t
renew_due(const struct session *s)
{
	const struct renewal *r = &s->renewal;
	int64_t left;

	if (r->call || !s->greeted)
		return INT64_MAX;
	if (s->host.now < r->wait.at)
		return r->wait.at;
	left = r->due - time(NULL);
	return s->host.now + (left > LOOK_MAX ? LOOK_MAX : left) * 1000;
}

void
renew_close(struct session *s)
{
	call_cancel(&s->calls, s->renewal.call);
	drop_key(&s->renewal);
}
