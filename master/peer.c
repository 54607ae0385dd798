/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who is at the other end. The library makes GnuTLS only ask for a client
 * certificate: without one, or with one of another CA, the handshake succeeds
 * all the same. So it is verified here, at the first request of a connection
 * that needs to know; the answer is kept for the connection.
 */
#include "master/httpd_int.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <microhttpd.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

struct peer {
	struct arena arena; /* it lives in there itself */
	bool checked, good;
	char fingerprint[65];
};

struct peer *
peer_new(void)
{
	struct arena a = {0};
	struct peer *p = arena_new(&a, struct peer);

	p->arena = a;
	return p;
}

void
peer_free(struct peer *p)
{
	struct arena a;

	if (!p)
		return;
	a = p->arena;
	arena_release(&a);
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
	const union MHD_ConnectionInfo *ctx, *tls;
	struct peer *p;

	ctx =
	    MHD_get_connection_info(r->con, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	tls =
	    MHD_get_connection_info(r->con, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	if (!ctx || !ctx->socket_context || !tls || !tls->tls_session)
		return false;
	p = ctx->socket_context;
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
