/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HTTPS by libmicrohttpd with GnuTLS, driven by our loop through its epoll
 * descriptor; it has no threads. In front of every request stand the checks
 * that the library doesn't make: both Content-Length and Transfer-Encoding,
 * either of them twice, another form than theirs, names of fields with a blank
 * or what else is in none, controls in values, no or two Host fields or one
 * that isn't a host are answered with 400, other versions of HTTP with 505,
 * and the connection is closed.
 */
#ifndef MASTER_HTTPD_H
#define MASTER_HTTPD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct httpd;
struct request;

struct httpd_conf {
	const char *listen;          /* ADDRESS:PORT */
	const char *cert, *key, *ca; /* PEM texts */
	unsigned per_address;        /* connections at once; 0: no limit */
	int64_t patience;            /* seconds for handshake and headers */
	void *ctx;
	/* Headers are in: answer, or say in r where the body goes. */
	void (*begin)(void *ctx, struct request *r);
	/* The body is in: answer, or wait. */
	void (*handle)(void *ctx, struct request *r);
	/* The answer was sent or the client has gone. */
	void (*over)(void *ctx, struct request *r);
	/* Must what is answered wait for httpd_release()? */
	bool (*is_pending)(void *ctx);
	/* It can't wait: see to it that nothing is pending. */
	void (*settle)(void *ctx);
};

int
httpd_open(struct httpd **out, const struct httpd_conf *c, struct error *err);
void httpd_close(struct httpd *h); /* answers with 503 what still waits */

/*
 * Let go the answers that were held back while is_pending(). broken: why what
 * they say isn't true; 503 goes out in their place.
 */
void httpd_release(struct httpd *h, const char *broken);

/*
 * Close connections that take too long: to say what they want, or to send it.
 * Now and then; now is clock_us().
 */
void httpd_sweep(struct httpd *h, int64_t now);

/* Close all connections of a slave. */
void httpd_cut(struct httpd *h, int64_t slave);

int httpd_fd(const struct httpd *h); /* readable: call httpd_run() */
void httpd_run(struct httpd *h);
int httpd_timeout(const struct httpd *h, int max); /* ms, until httpd_run() */
uint16_t httpd_port(const struct httpd *h);
size_t httpd_connections(const struct httpd *h);

/* Split "ADDRESS:PORT", "[V6]:PORT"; -1 when it has not that form. */
int httpd_split(const char *listen, char *host, size_t size, char port[8]);

#endif
