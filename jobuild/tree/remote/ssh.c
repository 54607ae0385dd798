/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Git's protocol through the program ssh, which runs git-upload-pack on the
 * other side. It asks nobody anything: a host whose key isn't known, or is
 * another one than the known, is refused. The program is killed at the end:
 * what it would still have to say is of no use then.
 */
#include "remote.h"
#include "base/proc.h"
#include "base/show.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS_MAX     40
#define LAST_WORDS   5000 /* ms to wait for why it ended */
#define CONNECT_TIME "ConnectTimeout=30"

/* 'it''s' for the shell on the other side, as git quotes it. */
static const char *
quote(struct arena *a, const char *s)
{
	struct buf b;
	const char *out;

	buf_init(&b, 65536);
	buf_addc(&b, '\'');
	for (; *s; s++) {
		if (*s == '\'' || *s == '!')
			buf_addf(&b, "'\\%c'", *s);
		else
			buf_addc(&b, *s);
	}
	buf_addc(&b, '\'');
	out = arena_strdup(a, b.data);
	buf_release(&b);
	return out;
}

const char *const *
ssh_arguments(
    struct arena *a, const struct remote *r, const struct mirror_conf *c)
{
	static const char *const fixed[] = {"ssh", "-x", "-T", "-o",
	    "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o",
	    "UpdateHostKeys=no", "-o", "ClearAllForwardings=yes", "-o",
	    "PermitLocalCommand=no", "-o", CONNECT_TIME, "-o",
	    "ServerAliveInterval=20", "-o", "ServerAliveCountMax=3"};
	const char **v = arena_array(a, ARGS_MAX, const char *);
	size_t n = sizeof(fixed) / sizeof(fixed[0]);

	memcpy(v, fixed, sizeof(fixed));
	if (c->known_hosts) {
		v[n++] = "-o";
		v[n++] = arena_printf(
		    a, "UserKnownHostsFile=\"%s\"", c->known_hosts);
		v[n++] = "-o";
		v[n++] = "GlobalKnownHostsFile=none";
	}
	if (c->ssh_key) {
		v[n++] = "-o";
		v[n++] = "IdentitiesOnly=yes";
		v[n++] = "-o";
		v[n++] = arena_printf(a, "IdentityFile=\"%s\"", c->ssh_key);
	}
	if (r->port) {
		v[n++] = "-p";
		v[n++] = r->port;
	}
	if (r->user) {
		v[n++] = "-l";
		v[n++] = r->user;
	}
	v[n++] = "--";
	v[n++] = r->host;
	v[n++] = arena_printf(a, "git-upload-pack %s", quote(a, r->path));
	return v;
}

/* ---- why it failed --------------------------------------------------------
 */

static void
hear(struct link *l)
{
	char text[1024];
	ssize_t n = read(l->errfd, text, sizeof(text));

	if (n > 0) {
		/* the beginning says why; the rest may be without end */
		(void)buf_add(&l->said, text, (size_t)n);
		return;
	}
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	close(l->errfd);
	l->errfd = -1;
}

/* What it said, on one line, harmless. */
static const char *
said(struct link *l)
{
	char *line;
	size_t i, n = l->said.data ? l->said.len : 0;

	while (n > 0 && strchr("\r\n ", l->said.data[n - 1]))
		n--;
	if (n == 0)
		return "it says nothing";
	line = arena_strndup(&l->arena, l->said.data, n > 300 ? 300 : n);
	for (i = 0; line[i]; i++) {
		if (strchr("\r\n\t", line[i]))
			line[i] = ' ';
	}
	return show(&l->arena, line, strlen(line));
}

static const char *
host_of(struct link *l)
{
	const struct remote *r = l->remote;

	return r->port ? arena_printf(&l->arena, "[%s]:%s", r->host, r->port)
		       : r->host;
}

static int
fail_ended(struct link *l)
{
	const char *text = l->said.data ? l->said.data : "";
	const char *file =
	    l->conf->known_hosts ? l->conf->known_hosts : "~/.ssh/known_hosts";
	const char *port = l->remote->port ? l->remote->port : "22";

	if (strstr(text, "IDENTIFICATION HAS CHANGED"))
		return link_broke(l,
		    "the host key of %s is ANOTHER one than the known: either "
		    "somebody sits in between or it was renewed; if its "
		    "administrator confirms the new one: ssh-keygen -f %s -R "
		    "'%s'",
		    l->remote->host, file, host_of(l));
	if (strstr(text, "host key is known for") ||
	    strstr(text, "Host key verification failed"))
		return link_broke(l,
		    "the host key of %s isn't known: ssh-keyscan -p %s %s >>%s "
		    "and compare its fingerprint (ssh-keygen -lf) with what "
		    "its administrator tells",
		    l->remote->host, port, l->remote->host, file);
	if (strstr(text, "Permission denied"))
		return link_broke(l,
		    "ssh isn't let in: the other side must know the key of "
		    "the user that runs this, or the configured one (%s)",
		    said(l));
	return link_broke(l, "ssh: %s", said(l));
}

/* It closed its end: wait a little for the reason. */
static int
ended(struct link *l)
{
	int64_t until = link_now() + LAST_WORDS;
	struct pollfd p;

	while (l->errfd >= 0 && link_now() < until) {
		p = (struct pollfd){.fd = l->errfd, .events = POLLIN};
		if (poll(&p, 1, 100) > 0)
			hear(l);
	}
	return fail_ended(l);
}

/* ---- what libgit2 calls ---------------------------------------------------
 */

/* Wait until the program can be read from or written to. */
static int
wait_for(struct link *l, short what)
{
	int64_t quiet = link_now() + 1000 * (int64_t)link_stall(l);
	struct pollfd p[2];

	for (;;) {
		p[0] = (struct pollfd){.fd = l->fd, .events = what};
		p[1] = (struct pollfd){.fd = l->errfd, .events = POLLIN};
		if (poll(p, 2, 1000) < 0 && errno != EINTR)
			return link_broke(l, "poll: %s", strerror(errno));
		if (p[1].revents)
			hear(l);
		if (p[0].revents)
			return 0;
		if (link_count(l, 0) < 0)
			return -1;
		if (link_now() > quiet)
			return link_broke(l,
			    "the connection stalled: nothing came for %ld s; "
			    "try again later",
			    link_stall(l));
	}
}

static int
ssh_read(git_smart_subtransport_stream *s, char *out, size_t size, size_t *n)
{
	struct link *l = (struct link *)(void *)s->subtransport;
	ssize_t got;

	*n = 0;
	do {
		if (wait_for(l, POLLIN) < 0)
			return -1;
		got = read(l->fd, out, size);
	} while (got < 0 && (errno == EINTR || errno == EAGAIN));
	if (got <= 0)
		return ended(l);
	*n = (size_t)got;
	return link_count(l, *n);
}

static int
ssh_write(git_smart_subtransport_stream *s, const char *data, size_t n)
{
	struct link *l = (struct link *)(void *)s->subtransport;
	ssize_t put;

	while (n > 0) {
		put = send(l->fd, data, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (put >= 0) {
			data += put;
			n -= (size_t)put;
		} else if (errno == EAGAIN) {
			if (wait_for(l, POLLOUT) < 0)
				return -1;
		} else if (errno != EINTR) {
			return ended(l);
		}
	}
	return 0;
}

static void
ssh_end(git_smart_subtransport_stream *s)
{
	ssh_release((struct link *)(void *)s->subtransport);
}

static int
start(struct link *l)
{
	struct proc p = {0};
	int pair[2], talk[2];
	struct error err;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return link_broke(l, "socketpair: %s", strerror(errno));
	if (pipe2(talk, O_CLOEXEC) < 0) {
		close(pair[0]);
		close(pair[1]);
		return link_broke(l, "pipe: %s", strerror(errno));
	}
	p.argv = ssh_arguments(&l->arena, l->remote, l->conf);
	p.in = p.out = pair[1];
	p.err = talk[1];
	l->fd = pair[0];
	l->errfd = talk[0];
	l->pid = proc_start(&p, &err);
	close(pair[1]);
	close(talk[1]);
	if (l->pid < 0) {
		l->pid = 0;
		return link_broke(l, "%s: install openssh-client", err.msg);
	}
	return 0;
}

static int
ssh_action(git_smart_subtransport_stream **out, git_smart_subtransport *t,
    const char *url, git_smart_service_t what)
{
	struct link *l = (struct link *)(void *)t;

	(void)url;
	if (what != GIT_SERVICE_UPLOADPACK_LS &&
	    (what != GIT_SERVICE_UPLOADPACK || l->pid == 0))
		return link_broke(l, "is only read from");
	l->stream.subtransport = t;
	l->stream.read = ssh_read;
	l->stream.write = ssh_write;
	l->stream.free = ssh_end;
	*out = &l->stream;
	if (what == GIT_SERVICE_UPLOADPACK)
		return 0;
	ssh_release(l);
	return start(l);
}

static int
ssh_close(git_smart_subtransport *t)
{
	ssh_release((struct link *)(void *)t);
	return 0;
}

static void
ssh_free(git_smart_subtransport *t)
{
	ssh_release((struct link *)(void *)t);
}

int
ssh_new(git_smart_subtransport **out, git_transport *owner, void *ctx)
{
	struct link *l = ctx;

	(void)owner;
	l->transport.action = ssh_action;
	l->transport.close = ssh_close;
	l->transport.free = ssh_free;
	*out = &l->transport;
	return 0;
}

void
ssh_release(struct link *l)
{
	if (l->fd >= 0)
		close(l->fd);
	if (l->errfd >= 0)
		close(l->errfd);
	l->fd = l->errfd = -1;
	if (l->pid <= 0)
		return;
	kill(l->pid, SIGKILL);
	while (waitpid(l->pid, NULL, 0) < 0 && errno == EINTR)
		;
	l->pid = 0;
}
