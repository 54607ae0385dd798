/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A slave's next certificate. Both are good until the next one is used for the
 * first time: an answer that is lost on the way locks nobody out.
 */
#include "master/api/api.h"
#include "master/store/pki.h"
#include "base/error.h"
#include "base/log.h"

static int
write_next(struct master *m, const struct request *r, const char *fingerprint,
    struct error *err)
{
	if (db_begin(m->db, err) < 0)
		return -1;
	if (db_run(m->db, SQL_SLAVE_RENEW,
		ARGS(INT(r->slave), TEXT(fingerprint)), err) < 0 ||
	    audit(m->db, now_us(), r->slave_name, "renew", fingerprint,
		r->origin, err) < 0) {
		db_rollback(m->db);
		return -1;
	}
	return db_commit(m->db, err);
}

void
api_slave_renew(struct master *m, struct request *r)
{
	const json_t *o = api_body(r);
	const char *csr;
	char fingerprint[65];
	struct error err;
	struct buf pem;

	if (!o || !(csr = api_need_text(r, o, "csr", PKI_PEM_MAX)))
		return;
	buf_init(&pem, PKI_PEM_MAX);
	if (pki_sign(m->st->path, csr, r->slave_name, m->set->cert_life, &pem,
		fingerprint, &err) < 0)
		request_problem(
		    r, 400, "bad-request-for-certificate", "%s", err.msg);
	else if (write_next(m, r, fingerprint, &err) < 0)
		request_broken(r, &err);
	else
		request_json(
		    r, 200, json_pack("{s:s}", "certificate", pem.data));
	buf_release(&pem);
}

bool
api_slave_renewed(struct master *m, struct request *r, const char *fingerprint)
{
	struct error err;

	if (db_begin(m->db, &err) < 0)
		goto failed;
	if (db_run(m->db, SQL_SLAVE_RENEWED, ARGS(INT(r->slave)), &err) < 0 ||
	    audit(m->db, now_us(), r->slave_name, "renewed", fingerprint,
		r->origin, &err) < 0) {
		db_rollback(m->db);
		goto failed;
	}
	if (db_commit(m->db, &err) < 0)
		goto failed;
	log_info("slave %s has a new certificate", r->slave_name);
	return true;
failed:
	request_broken(r, &err);
	return false;
}
