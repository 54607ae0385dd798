/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/http/httpd.h"
#include "master/http/httpd_int.h"
#include "master/serve/loop.h"
#include "master/http/request.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define MEMORY_PER_CONNECTION (8 * 1024)
#define IDLE_SECONDS          120
#define BACKLOG               4096
#define DROP_MAX              (16 << 20)
#define PRIORITIES            "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

/* The library calls this with the raw URI, before anything else. */
static void *
on_uri(void *ctx, const char *uri, struct MHD_Connection *con)
{
	struct arena a = {0};
	struct request *r = arena_new(&a, struct request);

	r->arena = a;
	r->httpd = ctx;
	r->con = con;
	r->length = -1;
	peer_turns(con, PEER_ASKS, r->httpd->now);
	r->uri = arena_strdup(&r->arena, uri);
	r->bad = request_parse_uri(r, uri);
	return r;
}

static void
on_completed(void *ctx, struct MHD_Connection *con, void **req,
    enum MHD_RequestTerminationCode why)
{
	struct request *r = *req;
	struct httpd *h = ctx;
	struct arena a;

	(void)why;
	peer_turns(con, PEER_RESTS, h->now);
	if (!r)
		return;
	h->conf.over(h->conf.ctx, r);
	if (r->cleanup)
		r->cleanup(r);
	if (r->answer)
		MHD_destroy_response(r->answer);
	json_decref(r->json);
	buf_release(&r->body);
	a = r->arena;
	arena_release(&a);
	*req = NULL;
}

/* One connection: who the peer is by its certificate, found out once. */
static void
on_connection(void *ctx, struct MHD_Connection *con, void **socket_ctx,
    enum MHD_ConnectionNotificationCode what)
{
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		*socket_ctx = peer_new(ctx, con);
	} else {
		peer_free(ctx, *socket_ctx);
		*socket_ctx = NULL;
	}
}

static enum MHD_Result
send_answer(struct request *r)
{
	return MHD_queue_response(r->con, r->status, r->answer);
}

/* While the body is on its way nothing can wait. */
static enum MHD_Result
send_at_once(struct httpd *h, struct request *r)
{
	if (r->status < 400 && h->conf.is_pending(h->conf.ctx))
		h->conf.settle(h->conf.ctx);
	return send_answer(r);
}

static void
take_body(struct request *r, const char *p, size_t n)
{
	if (r->answer)
		r->dropped += (int64_t)n;
	else if (r->take)
		r->take(r, p, n);
	else if (buf_add(&r->body, p, n) < 0)
		request_problem(r, 413, "too-large",
		    "the body is larger than %zu bytes", r->body_max);
}

static void
begin(
    struct httpd *h, struct request *r, const char *method, const char *version)
{
	r->begun = true;
	r->began = h->now;
	r->method = arena_strdup(&r->arena, method);
	request_origin(r);
	if (!request_is_strict(r, version))
		return;
	h->conf.begin(h->conf.ctx, r);
	if (r->answer)
		return;
	buf_init(&r->body, r->body_max);
	if (!r->take && r->length > (int64_t)r->body_max)
		request_problem(r, 413, "too-large",
		    "the body has %lld bytes, at most %zu are taken here",
		    (long long)r->length, r->body_max);
}

/*
 * An answer before the body came closes the connection, and a client that is
 * still sending then may never read it: rather swallow what isn't much.
 */
static bool
answers_at_once(const struct request *r)
{
	return r->answer &&
	    (r->closing || r->length == 0 || r->length > DROP_MAX ||
		request_get_header(r, "Expect"));
}

static enum MHD_Result
on_request(void *ctx, struct MHD_Connection *con, const char *url,
    const char *method, const char *version, const char *data, size_t *size,
    void **req)
{
	struct request *r = *req;
	struct httpd *h = ctx;

	(void)url;
	if (!r->begun) {
		peer_turns(con, PEER_SENDS, h->now);
		begin(h, r, method, version);
		return answers_at_once(r) ? send_at_once(h, r) : MHD_YES;
	}
	if (*size > 0) {
		peer_sent(r, *size);
		take_body(r, data, *size);
		*size = 0;
		return r->dropped > DROP_MAX ? MHD_NO : MHD_YES;
	}
	peer_turns(con, PEER_WAITS, h->now);
	if (!r->answer && !r->waiting)
		h->conf.handle(h->conf.ctx, r);
	if (r->answer)
		return request_hold(r) ? MHD_YES : send_answer(r);
	return r->waiting ? MHD_YES : MHD_NO;
}

__attribute__((format(printf, 2, 0))) static void
on_log(void *ctx, const char *fmt, va_list ap)
{
	char line[512];
	size_t n;

	(void)ctx;
	vsnprintf(line, sizeof(line), fmt, ap);
	n = strlen(line);
	while (n > 0 && line[n - 1] == '\n')
		line[--n] = '\0';
	log_debug("http: %s", line);
}

int
httpd_split(const char *listen, char *host, size_t size, char port[8])
{
	const char *colon = strrchr(listen, ':');
	size_t n = colon ? (size_t)(colon - listen) : 0;
	int64_t number;
	char *end;

	if (n < 1 || n >= size || !colon[1] || strlen(colon + 1) > 5)
		return -1;
	number = strtol(colon + 1, &end, 10);
	if (*end || number < 0 || number > 65535)
		return -1;
	snprintf(port, 8, "%d", (int)number);
	if (listen[0] == '[' && colon[-1] == ']') {
		listen++;
		n -= 2;
	} else if (memchr(listen, ':', n)) {
		return -1;
	}
	snprintf(host, size, "%.*s", (int)n, listen);
	return n > 0 ? 0 : -1;
}

/* Connections inherit it: a peer that has gone without a word is noticed. */
static void
notice_death(int fd)
{
	int on = 1, idle = 60, interval = 20, count = 3, unheard = 120000;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	setsockopt(
	    fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unheard, sizeof(unheard));
}

static int
listen_on(const char *where, struct error *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
			    .ai_flags = AI_PASSIVE | AI_NUMERICSERV},
			*list = NULL;
	char host[256], port[8];
	int fd, rc, one = 1;

	if (httpd_split(where, host, sizeof(host), port) < 0)
		return fail(err, "listen = %s: expected ADDRESS:PORT", where);
	rc = getaddrinfo(host, port, &hints, &list);
	if (rc != 0)
		return fail(err, "listen on %s: %s", where, gai_strerror(rc));
	fd = socket(
	    list->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		fail_errno(err, "socket");
		goto out;
	}
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	notice_death(fd);
	if (bind(fd, list->ai_addr, list->ai_addrlen) < 0 ||
	    listen(fd, BACKLOG) < 0) {
		fail_errno(err, "listen on %s", where);
		close(fd);
		fd = -1;
	}
out:
	freeaddrinfo(list);
	return fd;
}

/* As many connections as descriptors allow, with some left for files. */
static unsigned
connection_limit(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) < 0)
		return 256;
	rl.rlim_cur = rl.rlim_max > 65536 ? 65536 : rl.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &rl);
	return rl.rlim_cur > 512 ? (unsigned)rl.rlim_cur - 256 : 256;
}

static struct MHD_Daemon *
start(struct httpd *h)
{
	const struct httpd_conf *c = &h->conf;

	return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_TLS |
		MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG,
	    0, NULL, NULL, on_request, h, MHD_OPTION_EXTERNAL_LOGGER, on_log,
	    NULL, MHD_OPTION_LISTEN_SOCKET, h->listen_fd,
	    MHD_OPTION_HTTPS_MEM_KEY, c->key, MHD_OPTION_HTTPS_MEM_CERT,
	    c->cert, MHD_OPTION_HTTPS_MEM_TRUST, c->ca,
	    MHD_OPTION_HTTPS_PRIORITIES, PRIORITIES,
	    MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK,
	    on_uri, h, MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_PER_CONNECTION,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
	    MHD_OPTION_CONNECTION_LIMIT, connection_limit(),
	    MHD_OPTION_PER_IP_CONNECTION_LIMIT, c->per_address, MHD_OPTION_END);
}

int
httpd_open(struct httpd **out, const struct httpd_conf *c, struct error *err)
{
	struct arena a = {0};
	struct httpd *h = arena_new(&a, struct httpd);

	h->arena = a;
	h->conf = *c;
	h->listen_fd = listen_on(c->listen, err);
	if (h->listen_fd < 0)
		goto failed;
	h->daemon = start(h);
	if (!h->daemon) {
		fail(err, "the HTTPS server didn't start (see log)");
		close(h->listen_fd);
		goto failed;
	}
	*out = h;
	return 0;
failed:
	a = h->arena;
	arena_release(&a);
	return -1;
}

void
httpd_close(struct httpd *h)
{
	struct arena a;
	struct request *r;

	if (!h)
		return;
	MHD_quiesce_daemon(h->daemon);
	while ((r = h->waiting) != NULL) {
		request_problem(r, 503, "stopping", "the master is stopping");
		request_resume(r);
	}
	h->conf.settle(h->conf.ctx);
	MHD_run(h->daemon);
	MHD_stop_daemon(h->daemon);
	close(h->listen_fd);
	a = h->arena;
	arena_release(&a);
}

int
httpd_fd(const struct httpd *h)
{
	const union MHD_DaemonInfo *info;

	info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	return info ? info->epoll_fd : -1;
}

void
httpd_run(struct httpd *h)
{
	h->resumed = false;
	h->now = clock_us();
	MHD_run(h->daemon);
}

int
httpd_timeout(const struct httpd *h, int max)
{
	MHD_UNSIGNED_LONG_LONG ms;

	/* the library doesn't count these in */
	if (h->resumed)
		return 0;
	if (MHD_get_timeout(h->daemon, &ms) != MHD_YES ||
	    ms > (MHD_UNSIGNED_LONG_LONG)max)
		return max;
	return (int)ms;
}

uint16_t
httpd_port(const struct httpd *h)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} at = {0};
	socklen_t n = sizeof(at);

	if (getsockname(h->listen_fd, &at.any, &n) < 0)
		return 0;
	return ntohs(
	    at.any.sa_family == AF_INET6 ? at.v6.sin6_port : at.v4.sin_port);
}

size_t
httpd_connections(const struct httpd *h)
{
	const union MHD_DaemonInfo *info;

	info =
	    MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
	return info ? info->num_connections : 0;
}
