/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slaves without machines: they speak the protocol over TLS, each with its
 * own connection and certificate, and run nothing.
 * With certificates of loadcerts:
 *	load idle PORT PID FILE N SEC	N of them connect and wait for work
 *	load units PORT PID FILE N K	N do K units in all, as fast as answers
 *					come: claim, report, end
 *	load log PORT PID FILE N MIB	N hold a unit and send its log
 * PID is the master's: what it used is part of the figures. Connections are
 * made one after the other; once they are, nothing waits but in epoll.
 */
#include "plan/plan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <jansson.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MAX (1 << 20)
#define CHUNK      ((size_t)1 << 20)

enum stage { WAITING, CLAIMED, REPORTED };

struct slave {
	int fd;
	size_t number;
	gnutls_session_t tls;
	gnutls_certificate_credentials_t cred;
	enum stage stage;
	json_int_t lease, attempt;
	char *in; /* an answer that has begun */
	size_t len;
	double asked;
};

struct farm {
	int port, epoll;
	pid_t master;
	gnutls_datum_t key, *certs;
	size_t ncerts, n;
	struct slave *slaves;
	double *times; /* seconds from claim to answer */
	size_t ntimes, units, broken;
	size_t asking; /* requests without an answer */
	bool over;     /* no more claims */
};

static void
die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
static void
die(const char *fmt, ...)
{
	va_list ap;

	fputs("load: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static void
must(int rc, const char *what)
{
	if (rc < 0)
		die("%s: %s", what, gnutls_strerror(rc));
}

static double
clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void row(const char *what, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void
row(const char *what, const char *fmt, ...)
{
	va_list ap;

	printf("%-46s ", what);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

/* ---- what the master uses -------------------------------------------------
 */

/* Seconds of CPU. */
static double
cpu_of(pid_t pid)
{
	unsigned long user = 0, kernel = 0;
	char path[64], text[1024], *p;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	text[n] = '\0';
	p = strrchr(text, ')');
	if (!p ||
	    sscanf(p + 1,
		" %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
		&kernel) != 2)
		die("%s: the master is gone", path);
	fclose(f);
	return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

static double
rss_mb(pid_t pid)
{
	char path[64], line[256];
	long kb = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "VmRSS: %ld kB", &kb) == 1)
			break;
	}
	if (f)
		fclose(f);
	return (double)kb * 1024 / 1e6;
}

/* The key and the certificates, as texts within one file. */
static void
read_certs(struct farm *f, const char *path, size_t n)
{
	static const char begin[] = "-----BEGIN CERTIFICATE";
	gnutls_datum_t all;
	char *p, *next;

	must(gnutls_load_file(path, &all), path);
	f->certs = calloc(n, sizeof(*f->certs));
	if (!f->certs)
		die("out of memory");
	p = strstr((char *)all.data, begin);
	f->key.data = all.data;
	f->key.size = p ? (unsigned)(p - (char *)all.data) : 0;
	for (; p && f->ncerts < n; p = next) {
		next = strstr(p + 1, begin);
		f->certs[f->ncerts].data = (unsigned char *)p;
		f->certs[f->ncerts++].size =
		    (unsigned)(next ? (size_t)(next - p) : strlen(p));
	}
	if (f->ncerts < n)
		die("%s: has %zu certificates", path, f->ncerts);
}

/* ---- one slave ------------------------------------------------------------
 */

static void
send_all(struct slave *s, const char *p, size_t n)
{
	ssize_t rc;

	while (n > 0) {
		rc = gnutls_record_send(s->tls, p, n);
		if (rc == GNUTLS_E_AGAIN || rc == GNUTLS_E_INTERRUPTED)
			continue;
		must((int)(rc < 0 ? rc : 0), "send");
		p += rc;
		n -= (size_t)rc;
	}
}

static void
ask(struct slave *s, const char *method, const char *path, const char *body,
    size_t n)
{
	char head[512];
	int len;

	len = snprintf(head, sizeof(head),
	    "%s /api/v1/%s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
	    "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
	    method, path, n);
	gnutls_record_cork(s->tls);
	send_all(s, head, (size_t)len);
	if (n <= sizeof(head)) {
		send_all(s, body, n);
		n = 0;
	}
	must(gnutls_record_uncork(s->tls, GNUTLS_RECORD_WAIT), "send");
	send_all(s, body, n);
	s->asked = clock_now();
	s->len = 0;
}

/* Is the answer whole? Its status, and where its body is; 0: not yet. */
static int
answered(const struct slave *s, const char **body)
{
	const char *end, *length;
	size_t n = 0;

	if (s->len == 0)
		return 0;
	s->in[s->len] = '\0';
	end = strstr(s->in, "\r\n\r\n");
	if (!end)
		return 0;
	length = strcasestr(s->in, "\r\ncontent-length:");
	if (length && length < end)
		n = strtoul(length + strlen("\r\ncontent-length:"), NULL, 10);
	*body = end + 4;
	if ((size_t)(s->in + s->len - *body) < n)
		return 0;
	return (int)strtol(s->in + strlen("HTTP/1.1 "), NULL, 10);
}

/* What has come so far; -1: the connection has ended. */
static int
hear(struct slave *s)
{
	ssize_t n;

	if (!s->in && !(s->in = malloc(ANSWER_MAX)))
		die("out of memory");
	do {
		n = gnutls_record_recv(
		    s->tls, s->in + s->len, ANSWER_MAX - 1 - s->len);
		if (n > 0)
			s->len += (size_t)n;
	} while (n > 0 && gnutls_record_check_pending(s->tls) > 0);
	if (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED)
		return 0;
	return n > 0 ? 0 : -1;
}

/* Wait for the answer here. */
static int
wait_answer(struct slave *s, const char **body)
{
	struct pollfd p = {.fd = s->fd, .events = POLLIN};
	int status;

	while ((status = answered(s, body)) == 0) {
		if (gnutls_record_check_pending(s->tls) == 0)
			poll(&p, 1, -1);
		if (hear(s) < 0)
			return -1;
	}
	return status;
}

static void
greet(struct slave *s)
{
	const char *body;
	char hello[256];
	int rc;

	snprintf(hello, sizeof(hello),
	    "{\"version\":1,\"keys\":%d,\"arches\":[\"amd64\"],\"slots\":1,"
	    "\"capabilities\":{\"kernel\":\"6.1\",\"cpus\":\"8\","
	    "\"memory\":\"16000\"},\"leases\":[]}",
	    KEY_FORMAT);
	ask(s, "POST", "slave/hello", hello, strlen(hello));
	rc = wait_answer(s, &body);
	if (rc != 200)
		die("hello of slave %zu: %d %s", s->number, rc,
		    rc > 0 ? body : "");
}

static void
slave_connect(struct farm *f, struct slave *s)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)f->port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = s};
	int rc, one = 1;

	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("connect slave %zu: %s", s->number, strerror(errno));
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	gnutls_certificate_allocate_credentials(&s->cred);
	must(gnutls_certificate_set_x509_key_mem(
		 s->cred, &f->certs[s->number], &f->key, GNUTLS_X509_FMT_PEM),
	    "certificate");
	gnutls_init(&s->tls, GNUTLS_CLIENT);
	gnutls_set_default_priority(s->tls);
	gnutls_credentials_set(s->tls, GNUTLS_CRD_CERTIFICATE, s->cred);
	gnutls_transport_set_int(s->tls, s->fd);
	do {
		rc = gnutls_handshake(s->tls);
	} while (rc < 0 && !gnutls_error_is_fatal(rc));
	must(rc, "handshake");
	greet(s);
	/* an answer is there in whole or there is nothing to hold */
	free(s->in);
	s->in = NULL;
	s->len = 0;
	fcntl(s->fd, F_SETFL, O_NONBLOCK);
	epoll_ctl(f->epoll, EPOLL_CTL_ADD, s->fd, &ev);
}

static void
claim(struct slave *s, int wait)
{
	char body[64];

	snprintf(body, sizeof(body), "{\"free\":1,\"wait\":%d}", wait);
	s->stage = WAITING;
	ask(s, "POST", "slave/claim", body, strlen(body));
}

static void
farm_connect(struct farm *f, size_t n)
{
	double begin = clock_now(), cpu = cpu_of(f->master);
	struct rlimit rl;
	char what[64];
	size_t i;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
	f->n = n;
	f->slaves = calloc(n, sizeof(*f->slaves));
	f->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!f->slaves || f->epoll < 0)
		die("out of memory");
	for (i = 0; i < n; i++) {
		f->slaves[i].number = i;
		slave_connect(f, &f->slaves[i]);
	}
	snprintf(what, sizeof(what), "%zu slaves connect and say hello", n);
	row(what, "%.1f s, %.2f ms of the master's CPU each",
	    clock_now() - begin, (cpu_of(f->master) - cpu) * 1000 / (double)n);
}

/* ---- what they do -------------------------------------------------------- */

/* 1: a capsule came. */
static int
take_capsule(struct slave *s, const char *body)
{
	json_t *o = json_loads(body, 0, NULL);
	json_t *capsule = json_array_get(json_object_get(o, "capsules"), 0);

	s->lease = json_integer_value(json_object_get(capsule, "lease"));
	s->attempt = json_integer_value(json_object_get(capsule, "attempt"));
	json_decref(o);
	return s->lease > 0;
}

static void
say(struct slave *s, const char *what, const char *rest)
{
	char path[64], text[128];

	snprintf(
	    path, sizeof(path), "lease/%lld/%s", (long long)s->lease, what);
	snprintf(text, sizeof(text), "{\"attempt\":%lld,%s}",
	    (long long)s->attempt, rest);
	ask(s, "POST", path, text, strlen(text));
}

/* An answer has come: what is next? */
static void
next(struct farm *f, struct slave *s, int status, const char *body, int wait)
{
	f->asking--;
	if (status >= 300) {
		f->broken++;
	} else if (s->stage == WAITING && take_capsule(s, body)) {
		if (f->times)
			f->times[f->ntimes++] = clock_now() - s->asked;
		s->stage = CLAIMED;
		say(s, "step", "\"step\":0,\"result\":\"passed\"");
		f->asking++;
		return;
	} else if (s->stage == CLAIMED) {
		s->stage = REPORTED;
		say(s, "done", "\"result\":\"passed\",\"reason\":\"\"");
		f->asking++;
		return;
	} else if (s->stage == REPORTED) {
		f->units++;
	}
	s->len = 0;
	if (!f->over) {
		claim(s, wait);
		f->asking++;
	}
}

static void
take_answers(struct farm *f, int wait)
{
	struct epoll_event ev[256];
	const char *body;
	struct slave *s;
	int i, n, status;

	n = epoll_wait(f->epoll, ev, 256, 500);
	for (i = 0; i < n; i++) {
		s = ev[i].data.ptr;
		if (hear(s) < 0)
			die("slave %zu lost its connection", s->number);
		status = answered(s, &body);
		if (status != 0)
			next(f, s, status, body, wait);
		if (s->len == 0) {
			free(s->in);
			s->in = NULL;
		}
	}
}

/* Until a moment, or so many units are done and nothing is in between. */
static void
run(struct farm *f, double until, size_t units, int wait)
{
	while (clock_now() < until && !(f->over && f->asking == 0)) {
		take_answers(f, wait);
		f->over = f->units >= units;
	}
}

static void
claim_all(struct farm *f, int wait)
{
	for (f->asking = 0; f->asking < f->n; f->asking++)
		claim(&f->slaves[f->asking], wait);
}

static int
cmd_idle(struct farm *f, int seconds)
{
	double cpu, begin;
	char what[64];

	claim_all(f, 50);
	run(f, clock_now() + 5, 1, 50);
	begin = clock_now();
	cpu = cpu_of(f->master);
	run(f, begin + seconds, 1, 50);
	snprintf(what, sizeof(what), "  idle for %d s", seconds);
	row(what, "%.0f MB, %.2f %% of a core", rss_mb(f->master),
	    (cpu_of(f->master) - cpu) * 100 / (clock_now() - begin));
	return f->units + f->broken > 0;
}

static int
by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int
cmd_units(struct farm *f, size_t units)
{
	double begin = clock_now(), cpu = cpu_of(f->master), took;

	/* what was claimed when the last one is done is done too */
	f->times = calloc(units + 2 * f->n, sizeof(*f->times));
	if (!f->times)
		die("out of memory");
	claim_all(f, 10);
	run(f, begin + 120, units, 10);
	took = clock_now() - begin;
	if (f->units == 0)
		die("no units were given");
	qsort(f->times, f->ntimes, sizeof(*f->times), by_size);
	row("  claim, report, end",
	    "%.0f units/s, %.2f ms of master's CPU each",
	    (double)f->units / took,
	    (cpu_of(f->master) - cpu) * 1000 / (double)f->units);
	row("  claim to capsule", "p50 %.2f ms, p99 %.2f ms",
	    f->times[f->ntimes / 2] * 1000,
	    f->times[f->ntimes * 99 / 100] * 1000);
	return f->broken > 0;
}

/* The slaves take turns, as their logs do on a wire. */
static int
cmd_log(struct farm *f, size_t mib)
{
	uint64_t x = 88172645463325252u, *words;
	char *chunk = malloc(CHUNK), path[128];
	size_t i, k, total = mib << 20, sent;
	double begin, cpu;
	const char *body;
	struct slave *s;
	int status = 0;

	if (!chunk)
		die("out of memory");
	words = (uint64_t *)(void *)chunk;
	for (i = 0; i < CHUNK / 8; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		words[i] = x;
	}
	for (i = 0; i < f->n; i++) {
		s = &f->slaves[i];
		claim(s, 10);
		if (wait_answer(s, &body) != 200 || !take_capsule(s, body))
			die("slave %zu was given no unit", i);
	}
	begin = clock_now();
	cpu = cpu_of(f->master);
	for (sent = 0, k = 0; sent < total; sent += CHUNK * f->n, k++) {
		for (i = 0; i < f->n; i++) {
			s = &f->slaves[i];
			snprintf(path, sizeof(path),
			    "lease/%lld/log?attempt=%lld&step=0&offset=%zu",
			    (long long)s->lease, (long long)s->attempt,
			    k * CHUNK);
			ask(s, "PUT", path, chunk, CHUNK);
		}
		for (i = 0; i < f->n; i++) {
			status = wait_answer(&f->slaves[i], &body);
			if (status != 200)
				die("log: %d %s", status,
				    status > 0 ? body : "");
		}
	}
	row("log taken over TLS", "%.0f MB/s, %.1f ms of master's CPU a MB",
	    (double)sent / 1e6 / (clock_now() - begin),
	    (cpu_of(f->master) - cpu) * 1000 / ((double)sent / 1e6));
	free(chunk);
	return 0;
}

int
main(int argc, char *argv[])
{
	static struct farm f;
	int last;

	if (argc != 7) {
		fputs("usage: load idle|units|log PORT PID FILE N "
		      "SECONDS|UNITS|MIB\n",
		    stderr);
		return 2;
	}
	f.port = (int)strtol(argv[2], NULL, 10);
	f.master = (pid_t)strtol(argv[3], NULL, 10);
	last = (int)strtol(argv[6], NULL, 10);
	read_certs(&f, argv[4], strtoul(argv[5], NULL, 10));
	farm_connect(&f, f.ncerts);
	if (strcmp(argv[1], "idle") == 0)
		return cmd_idle(&f, last);
	if (strcmp(argv[1], "units") == 0)
		return cmd_units(&f, (size_t)last);
	if (strcmp(argv[1], "log") == 0)
		return cmd_log(&f, (size_t)last);
	die("no such load: %s", argv[1]);
}
