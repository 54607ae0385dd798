/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who is at the other end. The library makes GnuTLS only ask for a client
 * certificate: without one, or with one of another CA, the handshake succeeds
 * all the same. So it is verified here, at the first request of a connection
 * that needs to know; the answer is kept for the connection.
 */
#include "master/http/httpd_int.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <microhttpd.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define SECOND       1000000
#define SWEEP_TIME   ((int64_t)SECOND)
#define RESTING_TIME ((int64_t)130 * SECOND)
#define SLOWEST      1024 /* bytes a second of a body, after a while */

struct peer {
	bool checked, good;
	char fingerprint[65];
	int fd;
	int64_t slave; /* 0: of none */
	enum peer_phase phase;
	int64_t since, sent; /* when it began; bytes of the body */
	struct peer *prev, *next;
};

static struct peer *
peer_of(struct MHD_Connection *con)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(con, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

struct peer *
peer_new(struct httpd *h, struct MHD_Connection *con)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(con, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct peer *p = h->spare_peers;

	if (p)
		h->spare_peers = p->next;
	else
		p = arena_new(&h->arena, struct peer);
	*p = (struct peer){0};
	p->fd = info ? info->connect_fd : -1;
	p->since = h->now;
	p->next = h->peers;
	if (p->next)
		p->next->prev = p;
	h->peers = p;
	return p;
}

void
peer_free(struct httpd *h, struct peer *p)
{
	if (!p)
		return;
	if (p->prev)
		p->prev->next = p->next;
	else
		h->peers = p->next;
	if (p->next)
		p->next->prev = p->prev;
	p->next = h->spare_peers;
	h->spare_peers = p;
}

/* ---- those that take too long ---------------------------------------------
 */

void
peer_turns(struct MHD_Connection *con, enum peer_phase phase, int64_t now)
{
	struct peer *p = peer_of(con);

	if (!p || p->phase == phase)
		return;
	p->phase = phase;
	p->since = now;
	p->sent = 0;
}

void
peer_sent(const struct request *r, size_t n)
{
	struct peer *p = peer_of(r->con);

	if (p)
		p->sent += (int64_t)n;
}

static bool
is_late(const struct peer *p, int64_t patience, int64_t now)
{
	int64_t took = now - p->since;

	switch (p->phase) {
	case PEER_BEGINS:
	case PEER_ASKS:
		return took > patience;
	case PEER_SENDS:
		return took > patience &&
		    p->sent < (took - patience) / SECOND * SLOWEST;
	case PEER_RESTS:
		return took > RESTING_TIME;
	case PEER_WAITS:
		break;
	}
	return false;
}

/* The library finds it closed and does the rest. */
static void
cut(struct peer *p)
{
	if (p->fd >= 0)
		shutdown(p->fd, SHUT_RDWR);
}

void
httpd_sweep(struct httpd *h, int64_t now)
{
	struct peer *p;

	if (now - h->swept < SWEEP_TIME && now >= h->swept)
		return;
	h->swept = now;
	for (p = h->peers; p; p = p->next) {
		if (is_late(p, h->conf.patience * SECOND, now))
			cut(p);
	}
}

void
httpd_cut(struct httpd *h, int64_t slave)
{
	struct peer *p;

	for (p = h->peers; p; p = p->next) {
		if (p->slave == slave)
			cut(p);
	}
}

void
request_of_slave(const struct request *r)
{
	struct peer *p = peer_of(r->con);

	if (p)
		p->slave = r->slave;
}

/* Chain to our CA, valid now, made for clients. */
static bool
verify(gnutls_session_t session)
{
	static unsigned char purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
	gnutls_typed_vdata_st data = {
	    GNUTLS_DT_KEY_PURPOSE_OID, purpose, sizeof(purpose) - 1};
	unsigned status = 1;

	return gnutls_certificate_verify_peers(session, &data, 1, &status) ==
	    0 &&
	    status == 0;
}

static void
check(struct peer *p, gnutls_session_t session)
{
	unsigned char hash[32];
	const gnutls_datum_t *list;
	size_t i, size = sizeof(hash);
	unsigned n = 0;

	p->checked = true;
	list = gnutls_certificate_get_peers(session, &n);
	if (!list || n == 0 || !verify(session))
		return;
	if (gnutls_fingerprint(GNUTLS_DIG_SHA256, &list[0], hash, &size) < 0)
		return;
	for (i = 0; i < sizeof(hash); i++)
		snprintf(p->fingerprint + 2 * i, 3, "%02x", hash[i]);
	p->good = true;
}

bool
request_peer(const struct request *r, char fingerprint[65])
{
	const union MHD_ConnectionInfo *tls;
	struct peer *p = peer_of(r->con);

	tls =
	    MHD_get_connection_info(r->con, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	if (!p || !tls || !tls->tls_session)
		return false;
	if (!p->checked)
		check(p, tls->tls_session);
	if (p->good)
		memcpy(fingerprint, p->fingerprint, sizeof(p->fingerprint));
	return p->good;
}

bool
request_is_alive(const struct request *r)
{
	const union MHD_ConnectionInfo *info;
	struct tcp_info tcp;
	socklen_t n = sizeof(tcp);

	info =
	    MHD_get_connection_info(r->con, MHD_CONNECTION_INFO_CONNECTION_FD);
	if (!info ||
	    getsockopt(info->connect_fd, IPPROTO_TCP, TCP_INFO, &tcp, &n) < 0)
		return true;
	return tcp.tcpi_state == TCP_ESTABLISHED;
}

void
request_origin(struct request *r)
{
	const union MHD_ConnectionInfo *info;
	const struct sockaddr *sa;
	const void *at;

	info =
	    MHD_get_connection_info(r->con, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	sa = info ? info->client_addr : NULL;
	if (!sa)
		return;
	if (sa->sa_family == AF_INET6)
		at = &((const struct sockaddr_in6 *)sa)->sin6_addr;
	else
		at = &((const struct sockaddr_in *)sa)->sin_addr;
	inet_ntop(sa->sa_family, at, r->origin, sizeof(r->origin));
}
