/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A web server that misbehaves on demand, for tests: on a loopback port that
 * the kernel chose, one child process a connection, with TLS if credentials
 * are given. The first part of a path says how it answers:
 *	/ok /norange /wrong /long /chunked /cut /badrange /flaky /404 /500
 *	/to-http /to-file		a file of server_content(), somehow
 *	/api/...			what tests/unit/http.c wants
 * Everything that was asked is counted in memory that all share.
 */
#ifndef TESTS_SERVER_H
#define TESTS_SERVER_H

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONTENT_SIZE (3 << 20)

struct server_seen {
	int connections, requests, ranges, if_ranges, flaky;
	char last_range[64];
};

struct server {
	int port;
	pid_t pid;
	struct server_seen *seen;
	gnutls_certificate_credentials_t tls; /* NULL: plain */
};

struct client {
	int fd, number;
	struct server *server;
	gnutls_session_t tls;
};

struct request {
	char method[16], path[256], range[64];
	bool if_range, expect, chunked;
	size_t length;
	char *body;
};

/* Answers below /api; written by the test that needs it. */
static void server_api(struct client *c, const struct request *r);

static const char *
server_content(void)
{
	static char content[CONTENT_SIZE];
	unsigned x = 1;
	size_t i;

	if (content[0] == '\0') {
		for (i = 0; i < sizeof(content); i++) {
			x = x * 1103515245 + 12345;
			content[i] = (char)(x >> 16);
		}
		content[0] = 'A';
	}
	return content;
}

static bool
server_send(struct client *c, const void *p, size_t n)
{
	const char *s = p;
	ssize_t w;

	while (n > 0) {
		w = c->tls ? gnutls_record_send(c->tls, s, n)
			   : send(c->fd, s, n, MSG_NOSIGNAL);
		if (w <= 0)
			return false;
		s += w;
		n -= (size_t)w;
	}
	return true;
}

__attribute__((format(printf, 2, 3))) static bool
server_say(struct client *c, const char *fmt, ...)
{
	char text[4096];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return server_send(c, text, (size_t)n);
}

static bool
server_receive(struct client *c, char *p)
{
	ssize_t n;

	do
		n = c->tls ? gnutls_record_recv(c->tls, p, 1)
			   : recv(c->fd, p, 1, 0);
	while (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED);
	return n == 1;
}

static bool
server_read_line(struct client *c, char *line, size_t max)
{
	size_t n = 0;
	char ch;

	while (server_receive(c, &ch)) {
		if (ch == '\n') {
			line[n > 0 && line[n - 1] == '\r' ? n - 1 : n] = '\0';
			return true;
		}
		if (n + 1 < max)
			line[n++] = ch;
	}
	return false;
}

static bool
server_read_request(struct client *c, struct request *r)
{
	char line[1024];
	size_t i;

	memset(r, 0, sizeof(*r));
	if (!server_read_line(c, line, sizeof(line)) ||
	    sscanf(line, "%15s %255s", r->method, r->path) != 2)
		return false;
	while (server_read_line(c, line, sizeof(line)) && line[0]) {
		if (strncasecmp(line, "range: ", 7) == 0)
			snprintf(r->range, sizeof(r->range), "%.60s", line + 7);
		r->if_range |= strncasecmp(line, "if-range:", 9) == 0;
		if (strncasecmp(line, "expect:", 7) == 0)
			server_say(c, "HTTP/1.1 100 Continue\r\n\r\n");
		if (strncasecmp(line, "content-length: ", 16) == 0)
			r->length = (size_t)strtoul(line + 16, NULL, 10);
	}
	r->body = calloc(1, r->length + 1);
	for (i = 0; i < r->length; i++) {
		if (!server_receive(c, r->body + i))
			return false;
	}
	return true;
}

static void
server_head(struct client *c, int status, size_t length, const char *more)
{
	server_say(c,
	    "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nETag: \"one\"\r\n"
	    "%s\r\n",
	    status, length, more);
}

/* The content from the asked offset on; cut: only half of it. */
static bool
server_ranged(struct client *c, const struct request *r, bool cut, long lie)
{
	const char *data = server_content();
	size_t from = 0, left;
	char more[128] = "";

	if (sscanf(r->range, "bytes=%zu-", &from) == 1) {
		if (from >= CONTENT_SIZE) {
			server_head(c, 416, 0, "");
			return true;
		}
		snprintf(more, sizeof(more),
		    "Content-Range: bytes %zu-%d/%d\r\n", from + (size_t)lie,
		    CONTENT_SIZE - 1, CONTENT_SIZE);
	}
	left = CONTENT_SIZE - from;
	server_head(c, *more ? 206 : 200, left, more);
	server_send(c, data + from, cut ? left / 2 : left);
	return !cut;
}

static bool
server_whole(struct client *c, size_t size, bool spoil)
{
	char *data = calloc(1, size);

	memcpy(
	    data, server_content(), size < CONTENT_SIZE ? size : CONTENT_SIZE);
	if (spoil)
		data[size / 2] ^= 1;
	server_head(c, 200, size, "");
	server_send(c, data, size);
	free(data);
	return true;
}

/* More than there should be, without saying how much. */
static bool
server_chunked(struct client *c)
{
	int i;

	server_say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (i = 0; i < 4; i++) {
		if (!server_say(c, "%x\r\n", 1 << 20) ||
		    !server_send(c, server_content(), 1 << 20) ||
		    !server_say(c, "\r\n"))
			return false;
	}
	server_say(c, "0\r\n\r\n");
	return true;
}

static bool
server_is(const struct request *r, const char *how)
{
	size_t n = strlen(how);

	return strncmp(r->path, how, n) == 0 && r->path[n] == '/';
}

/* false: close the connection. */
static bool
server_answer(struct client *c, const struct request *r)
{
	struct server_seen *seen = c->server->seen;

	seen->requests++;
	if (r->range[0]) {
		seen->ranges++;
		memcpy(seen->last_range, r->range, sizeof(r->range));
	}
	seen->if_ranges += r->if_range;
	if (server_is(r, "/ok"))
		return server_ranged(c, r, false, 0);
	if (server_is(r, "/cut"))
		return server_ranged(c, r, true, 0);
	if (server_is(r, "/badrange"))
		return server_ranged(c, r, false, 5);
	if (server_is(r, "/norange"))
		return server_whole(c, CONTENT_SIZE, false);
	if (server_is(r, "/wrong"))
		return server_whole(c, CONTENT_SIZE, true);
	if (server_is(r, "/long"))
		return server_whole(c, CONTENT_SIZE + 1, false);
	if (server_is(r, "/chunked"))
		return server_chunked(c);
	if (server_is(r, "/flaky") && seen->flaky++ > 0)
		return server_ranged(c, r, false, 0);
	if (server_is(r, "/api"))
		server_api(c, r);
	else if (server_is(r, "/to-http"))
		server_say(c,
		    "HTTP/1.1 302 X\r\nContent-Length: 0\r\n"
		    "Location: http://127.0.0.1:%d/ok/f\r\n\r\n",
		    c->server->port);
	else if (server_is(r, "/to-file"))
		server_say(c,
		    "HTTP/1.1 302 X\r\nContent-Length: 0\r\n"
		    "Location: file:///etc/passwd\r\n\r\n");
	else
		server_head(c, server_is(r, "/404") ? 404 : 503, 0, "");
	return true;
}

static bool
server_handshake(struct client *c)
{
	int rc;

	if (!c->server->tls)
		return true;
	gnutls_init(&c->tls, GNUTLS_SERVER);
	gnutls_set_default_priority(c->tls);
	gnutls_credentials_set(c->tls, GNUTLS_CRD_CERTIFICATE, c->server->tls);
	gnutls_certificate_server_set_request(c->tls, GNUTLS_CERT_REQUEST);
	gnutls_transport_set_int(c->tls, c->fd);
	do
		rc = gnutls_handshake(c->tls);
	while (rc < 0 && gnutls_error_is_fatal(rc) == 0);
	return rc == 0;
}

static _Noreturn void
server_connection(struct server *s, int fd)
{
	struct client c = {.fd = fd, .server = s};
	struct request r;

	signal(SIGPIPE, SIG_IGN);
	c.number = ++s->seen->connections;
	if (server_handshake(&c)) {
		while (server_read_request(&c, &r) && server_answer(&c, &r))
			free(r.body);
	}
	if (c.tls)
		gnutls_bye(c.tls, GNUTLS_SHUT_WR);
	_exit(0);
}

static void
server_start(struct server *s)
{
	struct sockaddr_in at = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one;
	socklen_t len = sizeof(at);

	s->seen = mmap(NULL, sizeof(*s->seen), PROT_READ | PROT_WRITE,
	    /* cppcheck-suppress invalidFunctionArg ; -1: no file */
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) < 0 ||
	    listen(fd, 64) < 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) < 0) {
		perror("server");
		exit(1);
	}
	s->port = ntohs(at.sin_port);
	server_content();
	fflush(stdout);
	s->pid = fork();
	if (s->pid > 0) {
		close(fd);
		return;
	}
	signal(SIGCHLD, SIG_IGN);
	setpgid(0, 0);
	for (;;) {
		one = accept(fd, NULL, NULL);
		if (one >= 0 && fork() == 0)
			server_connection(s, one);
		if (one >= 0)
			close(one);
	}
}

static void
server_stop(struct server *s)
{
	kill(-s->pid, SIGKILL);
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
}

#endif
