/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 *	chaosnet UPSTREAM-PORT LINKS
 *
 * A bad network on loopback. Listens on one port for each link, prints the
 * ports, and carries what comes to UPSTREAM-PORT and back. Lines of standard
 * input say how a link is from then on:
 *	LINK pass		as it should be
 *	LINK cut		connections are reset, new ones too
 *	LINK mute		connections stay, nothing comes through
 *	LINK slow N		N bytes a second each way
 *	LINK delay N		what comes is N milliseconds late
 *	LINK torn N		a connection is reset after N bytes
 * "LINK MODE" is printed when that was the fate of something for the first
 * time since. It ends with its input.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LINKS_MAX 8
#define PAIRS_MAX 256
#define TURN_MS   20

enum mode { PASS, CUT, MUTE, SLOW, DELAY, TORN, MODES };

static const char *const mode_names[MODES] = {
    "pass", "cut", "mute", "slow", "delay", "torn"};

struct way {
	char data[65536];
	size_t len, at;
	int64_t came, sent; /* milliseconds; of the data, of the last byte */
	bool end;
};

struct pair {
	int fd[2]; /* -1: free */
	int link;
	int64_t carried;
	struct way way[2]; /* from fd[i] to fd[!i] */
};

struct link {
	int fd;
	enum mode mode;
	int64_t n;
	bool felt; /* by somebody */
};

static struct link links[LINKS_MAX];
static struct pair *pairs[PAIRS_MAX];
static int nlinks, upstream;

static int64_t
clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct sockaddr_in
loopback(int port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void
reset(int fd)
{
	struct linger now = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static void
feel(struct link *l)
{
	if (!l->felt)
		printf("%td %s\n", l - links, mode_names[l->mode]);
	fflush(stdout);
	l->felt = true;
}

static void
pair_end(struct pair **p, bool hard)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (hard)
			reset((*p)->fd[i]);
		else
			close((*p)->fd[i]);
	}
	free(*p);
	*p = NULL;
}

static void
pair_new(int fd, int link)
{
	struct sockaddr_in to = loopback(upstream);
	int i, up;

	if (links[link].mode == CUT)
		feel(&links[link]);
	for (i = 0; i < PAIRS_MAX && pairs[i]; i++)
		;
	up = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (i == PAIRS_MAX || links[link].mode == CUT || up < 0 ||
	    connect(up, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    !(pairs[i] = calloc(1, sizeof(struct pair)))) {
		reset(fd);
		if (up >= 0)
			close(up);
		return;
	}
	fcntl(up, F_SETFL, O_NONBLOCK);
	pairs[i]->fd[0] = fd;
	pairs[i]->fd[1] = up;
	pairs[i]->link = link;
}

/* How many of the bytes that w has may go on. */
static size_t
allowed(const struct link *l, struct way *w, int64_t now)
{
	size_t n = w->len - w->at;

	switch (l->mode) {
	case MUTE:
		return 0;
	case SLOW:
		if ((now - w->sent) * l->n / 1000 < (int64_t)n)
			n = (size_t)((now - w->sent) * l->n / 1000);
		return n;
	case DELAY:
		return now - w->came < l->n ? 0 : n;
	default:
		return n;
	}
}

/* false: the pair is at its end. */
static bool
carry(struct pair *p, int i, int64_t now)
{
	struct way *w = &p->way[i];
	struct link *l = &links[p->link];
	ssize_t n;
	char c;

	if (l->mode == MUTE && recv(p->fd[i], &c, 1, MSG_PEEK) > 0)
		feel(l);
	if (w->len == 0 && !w->end && l->mode != MUTE) {
		n = read(p->fd[i], w->data, sizeof(w->data));
		if (n < 0)
			return errno == EAGAIN;
		w->end = n == 0;
		w->len = (size_t)n;
		w->at = 0;
		w->came = w->sent = now;
	}
	if (w->len > 0 && allowed(l, w, now) < w->len - w->at)
		feel(l);
	if (w->len > 0 && allowed(l, w, now) > 0) {
		n = send(p->fd[!i], w->data + w->at, allowed(l, w, now),
		    MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN;
		w->at += (size_t)n;
		w->sent = now;
		p->carried += n;
		if (w->at == w->len)
			w->len = 0;
	}
	if (w->end && w->len == 0)
		shutdown(p->fd[!i], SHUT_WR);
	if (l->mode == TORN && p->carried > l->n)
		feel(l);
	return !(l->mode == TORN && p->carried > l->n) &&
	    !(p->way[0].end && p->way[1].end && p->way[!i].len == 0);
}

static void
set_mode(int link, const char *name, int64_t n)
{
	int i, m;

	for (m = 0; m < MODES && strcmp(name, mode_names[m]) != 0; m++)
		;
	if (link < 0 || link >= nlinks || m == MODES) {
		fprintf(stderr, "chaosnet: no such order: %d %s\n", link, name);
		exit(2);
	}
	links[link].mode = (enum mode)m;
	links[link].n = n;
	links[link].felt = false;
	for (i = 0; i < PAIRS_MAX; i++) {
		if (!pairs[i] || pairs[i]->link != link)
			continue;
		pairs[i]->carried = 0;
		if (m == CUT) {
			feel(&links[link]);
			pair_end(&pairs[i], true);
		}
	}
}

static void
read_orders(void)
{
	static char text[4096];
	static size_t len;
	char name[16], *end;
	int link;
	long n;
	ssize_t got = read(0, text + len, sizeof(text) - 1 - len);

	if (got <= 0)
		exit(0);
	len += (size_t)got;
	text[len] = '\0';
	while ((end = strchr(text, '\n')) != NULL) {
		*end++ = '\0';
		n = 0;
		if (sscanf(text, "%d %15s %ld", &link, name, &n) >= 2)
			set_mode(link, name, n);
		len -= (size_t)(end - text);
		memmove(text, end, len + 1);
	}
}

static void
turn(void)
{
	struct pollfd fds[1 + LINKS_MAX + 2 * PAIRS_MAX];
	nfds_t n = 0;
	int i, fd, timeout = 1000;

	fds[n++] = (struct pollfd){.fd = 0, .events = POLLIN};
	for (i = 0; i < nlinks; i++)
		fds[n++] = (struct pollfd){.fd = links[i].fd, .events = POLLIN};
	for (i = 0; i < PAIRS_MAX; i++) {
		if (!pairs[i])
			continue;
		/* what is held back would wake us again and again */
		if (links[pairs[i]->link].mode != PASS ||
		    pairs[i]->way[0].end || pairs[i]->way[1].end ||
		    pairs[i]->way[0].len || pairs[i]->way[1].len) {
			timeout = TURN_MS;
			continue;
		}
		fds[n++] = (struct pollfd){pairs[i]->fd[0], POLLIN, 0};
		fds[n++] = (struct pollfd){pairs[i]->fd[1], POLLIN, 0};
	}
	poll(fds, n, timeout);
	if (fds[0].revents)
		read_orders();
	for (i = 0; i < nlinks; i++) {
		fd = accept4(
		    /* cppcheck-suppress nullPointer ; nobody asks who it is */
		    links[i].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0)
			pair_new(fd, i);
	}
	for (i = 0; i < PAIRS_MAX; i++) {
		if (pairs[i] &&
		    (!carry(pairs[i], 0, clock_ms()) ||
			!carry(pairs[i], 1, clock_ms())))
			pair_end(&pairs[i], links[pairs[i]->link].mode == TORN);
	}
}

static int
listen_at_any(void)
{
	struct sockaddr_in at = loopback(0);
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(fd, 64) < 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &size) < 0)
		return -1;
	printf("%d\n", ntohs(at.sin_port));
	return fd;
}

int
main(int argc, char *argv[])
{
	int i;

	if (argc != 3) {
		fprintf(stderr, "usage: chaosnet UPSTREAM-PORT LINKS\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	upstream = (int)strtol(argv[1], NULL, 10);
	nlinks = (int)strtol(argv[2], NULL, 10);
	if (upstream < 1 || nlinks < 1 || nlinks > LINKS_MAX)
		return 2;
	for (i = 0; i < nlinks; i++) {
		links[i].fd = listen_at_any();
		if (links[i].fd < 0) {
			perror("chaosnet: listen");
			return 1;
		}
	}
	fflush(stdout);
	for (;;)
		turn();
}
