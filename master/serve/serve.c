/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/api/api.h"
#include "master/commands.h"
#include "master/jobs/dispatch.h"
#include "master/http/httpd.h"
#include "master/store/pki.h"
#include "master/store/serving.h"
#include "master/admin/slaves.h"
#include "master/serve/turn.h"
#include "tree/sign/sign.h"
#include "tree/tree.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define TURN_MS    1000
#define PRUNE_TIME (900 * SECOND)
#define TELL_TIME  (10 * SECOND)
#define NONCE_LIFE (86400 * SECOND) /* longer than a request is good for */

/* A running serve: the master and what only the loop needs. */
struct service {
	struct state st;
	struct master m;
	struct watch http, signals;
	int lock;
	int64_t watchdog, told; /* notify.h */
	int64_t audited, noted; /* when, and which row */
	struct buf cert, key, ca;
};

static int
take_lock(struct service *s, struct error *err)
{
	int version, turn = serving_turn(&s->st, err);

	if (turn < 0)
		return -1;
	s->lock = serving_lock(&s->st, true, err);
	close(turn);
	if (s->lock < 0)
		return err->code == EWOULDBLOCK
		    ? fail(err, "%s: another autotua-master serves it",
			  s->st.path)
		    : -1;
	/* from here on nobody changes it */
	if (state_schema(&s->st, &version, err) < 0)
		return -1;
	return version == migrations_count
	    ? 0
	    : fail(err,
		  "%s: a newer autotua-master has changed the database "
		  "meanwhile",
		  s->st.path);
}

/* Halves of a former run; packs are made again when wanted. */
static int
empty_folders(const struct state *st, struct error *err)
{
	static const char *const names[] = {"tmp", "packs"};
	size_t i;

	for (i = 0; i < 2; i++) {
		if (file_remove_tree(st->dir, names[i], err) < 0)
			return fail_in(err, "%s", st->path);
		if (mkdirat(st->dir, names[i], 0700) < 0)
			return fail_errno(
			    err, "create %s/%s", st->path, names[i]);
	}
	return 0;
}

static int
read_certificates(struct service *s, struct error *err)
{
	const struct settings *set = &s->st.set;
	int dir = s->st.dir;

	if (pki_server_is_old(s->st.path, set->hosts.items, set->hosts.n)) {
		log_info("making a new server certificate");
		if (pki_server(s->st.path, set->name, set->hosts.items,
			set->hosts.n, err) < 0)
			return -1;
	}
	buf_init(&s->cert, PKI_PEM_MAX);
	buf_init(&s->key, PKI_PEM_MAX);
	buf_init(&s->ca, PKI_PEM_MAX);
	if (file_read_at(dir, "server.pem", &s->cert, err) < 0 ||
	    file_read_at(dir, "server.key", &s->key, err) < 0 ||
	    file_read_at(dir, "ca.pem", &s->ca, err) < 0)
		return fail_in(err, "%s", s->st.path);
	return 0;
}

/* Settings that are wrong change nothing: the old ones go on. */
static void
reload(struct service *s)
{
	struct master *m = &s->m;
	struct error err;

	notify_reloading();
	if (state_reload(&s->st, &err) < 0) {
		log_err("reload: %s; the former settings stay", err.msg);
	} else {
		m->reloads++;
		m->loop.max_children = m->set->children;
		m->sched.patience = 2 * m->set->lease * SECOND;
		reserve_look(m, now_us());
		log_info("settings read again");
	}
	notify("READY=1");
}

static void
on_signal(void *ctx)
{
	struct service *s = ctx;
	struct signalfd_siginfo info;

	if (read(s->signals.fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP) {
		reload(s);
		return;
	}
	notify("STOPPING=1");
	log_info("stopping signal=%u", info.ssi_signo);
	s->m.loop.stop = true;
}

/* The server library is run once a turn anyway. */
static void
on_http(void *ctx)
{
	(void)ctx;
}

static int
watch_signals(struct service *s, struct error *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	s->signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signals.fd < 0)
		return fail_errno(err, "signalfd");
	s->signals.ready = on_signal;
	s->signals.ctx = s;
	return loop_add(&s->m.loop, &s->signals, err);
}

static int
listen_now(struct service *s, struct error *err)
{
	struct httpd_conf conf = {.listen = s->st.set.listen,
	    .cert = s->cert.data,
	    .key = s->key.data,
	    .ca = s->ca.data,
	    .ctx = &s->m,
	    .per_address = (unsigned)s->st.set.connections,
	    .patience = s->st.set.patience,
	    .begin = api_begin,
	    .handle = api_handle,
	    .over = api_over,
	    .is_pending = turn_is_pending,
	    .settle = turn_settle};
	char port[16];

	if (httpd_open(&s->m.httpd, &conf, err) < 0)
		return -1;
	s->http = (struct watch){.fd = httpd_fd(s->m.httpd), .ready = on_http};
	if (loop_add(&s->m.loop, &s->http, err) < 0)
		return -1;
	snprintf(port, sizeof(port), "%u\n", httpd_port(s->m.httpd));
	return file_write_at(s->st.dir, "port", port, strlen(port), 0644, err);
}

static int
start(struct service *s, struct error *err)
{
	struct master *m = &s->m;
	struct error why;
	uint64_t seed;

	m->st = &s->st;
	m->db = &s->st.db;
	m->set = &s->st.set;
	m->started = now_us();
	m->pruned = clock_us();
	/* for the children, which inherit it: it takes milliseconds */
	sign_warm_up();
	if (tree_warm_up(err) < 0)
		return -1;
	m->events.epoch = m->started;
	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		return fail_errno(err, "random bytes");
	limit_init(&m->limit, seed);
	if (take_lock(s, err) < 0 || empty_folders(&s->st, err) < 0 ||
	    read_certificates(s, err) < 0 || turn_schedule(m, err) < 0)
		return -1;
	if (kept_restore(m, &why) < 0)
		log_err("logs that are kept: %s", why.msg);
	db_turns(m->db);
	m->loop.max_children = s->st.set.children;
	s->watchdog = notify_watchdog();
	reserve_look(m, m->started);
	m->loop.tmp = state_path(&s->st, &s->st.arena, "tmp");
	if (watch_signals(s, err) < 0 || listen_now(s, err) < 0)
		return -1;
	log_info("serving name=%s listen=%s port=%u version=%s", s->st.set.name,
	    s->st.set.listen, httpd_port(m->httpd), VERSION);
	notify("READY=1\nSTATUS=serving on port %u", httpd_port(m->httpd));
	return 0;
}

/* The audit's end into the log: a journal elsewhere can't be written anew. */
static void
note_audit(struct service *s)
{
	struct audit_head head;
	struct error err;

	if (audit_head(s->m.db, &head, &err) < 0)
		log_err("%s", err.msg);
	else if (head.id != s->noted)
		log_info("audit head=%" PRId64 ":%s", head.id, head.digest);
	s->noted = head.id;
}

/* What the service manager is told now and then. */
static void
tell_manager(struct service *s, int64_t clock)
{
	struct master *m = &s->m;

	if (s->told > 0 && clock - s->told < TELL_TIME &&
	    (!s->watchdog || clock - s->told < s->watchdog))
		return;
	s->told = clock;
	notify("WATCHDOG=1\nSTATUS=%zu units leased, %zu ready%s",
	    m->sched.nleased, m->sched.nready,
	    m->reserve.low ? "; disk is low: nothing is taken" : "");
}

/* Somebody set the wall clock: what runs has run no longer for it. */
static void
follow_clock(struct master *m)
{
	int64_t by = loop_moved(&m->loop);
	struct error err;

	if (by == 0)
		return;
	log_warn("the clock was set ms=%" PRId64, by / 1000);
	m->pruned = clock_us();
	sched_move(&m->sched, by);
	if (db_run(m->db, SQL_LEASE_MOVE, ARGS(INT(by)), &err) < 0)
		log_err("%s", err.msg);
}

static void
expire_leases(struct master *m, int64_t now)
{
	struct sched_unit *u;
	struct error err;

	while ((u = sched_expired(&m->sched, now)) != NULL) {
		if (dispatch_expired(m, u,
			arena_printf(&u->job->arena,
			    u->lease->slave->retired
				? "slave %s was retired"
				: "slave %s was not heard of any more",
			    u->lease->slave->name),
			now, &err) == 0)
			continue;
		log_err("%s", err.msg);
		sched_renew(&m->sched, u, now + m->set->lease * SECOND);
	}
}

/*
 * Now and then: what is kept for a time only, and when slaves were here. What
 * is old can only be told by a clock that nobody has set for longer than a
 * request is good: who forgets a nonce by a wrong one takes a request twice
 * when the clock is right again.
 */
static void
prune(struct master *m, int64_t clock)
{
	int64_t old = now_us() - NONCE_LIFE;
	struct sched_slave *sl;
	struct error err;

	if (clock - m->pruned < PRUNE_TIME)
		return;
	m->pruned = clock;
	if (db_begin(m->db, &err) < 0)
		goto failed;
	if (db_run(m->db, SQL_NONCE_PRUNE, ARGS(INT(old)), &err) < 0 ||
	    db_run(m->db, SQL_SESSION_PRUNE, ARGS(INT(old)), &err) < 0)
		goto failed;
	for (sl = m->sched.slaves; sl; sl = sl->next) {
		if (sl->seen > 0 &&
		    db_run(m->db, SQL_SLAVE_SEEN,
			ARGS(INT(sl->id), INT(sl->seen)), &err) < 0)
			goto failed;
	}
	if (db_commit(m->db, &err) == 0)
		return;
failed:
	db_rollback(m->db);
	log_err("%s", err.msg);
}

static void
run(struct service *s)
{
	struct master *m = &s->m;
	int64_t now, clock;

	while (!m->loop.stop) {
		/* what children's ends wrote since the last commit waits */
		loop_turn(&m->loop,
		    turn_is_pending(m) ? 0 : httpd_timeout(m->httpd, TURN_MS));
		follow_clock(m);
		httpd_run(m->httpd);
		now = loop_now(&m->loop);
		clock = clock_us();
		expire_leases(m, now);
		slaves_turn(m, clock);
		claims_turn(m, now);
		prune(m, clock);
		turn_end(m, now);
		sweep_turn(m, now);
		kept_turn(m, clock);
		streams_turn(m, clock);
		reserve_turn(m, now);
		httpd_sweep(m->httpd, clock);
		tell_manager(s, clock);
		if (s->audited == 0 || clock - s->audited >= PRUNE_TIME) {
			s->audited = clock;
			note_audit(s);
		}
		loop_children(&m->loop, clock);
	}
}

static void
stop(struct service *s)
{
	/* children first: what waits for them is answered by their end */
	loop_close(&s->m.loop);
	s->m.claims = s->m.last_claim = NULL;
	kept_release(&s->m);
	streams_close(&s->m);
	httpd_close(s->m.httpd);
	incoming_close(&s->m);
	free(s->m.events.ring);
	sched_release(&s->m.sched);
	plans_release(&s->m.plans);
	if (s->signals.fd >= 0)
		close(s->signals.fd);
	/* without the lock it is the port of another */
	if (s->lock >= 0) {
		(void)unlinkat(s->st.dir, "port", 0);
		close(s->lock);
	}
	buf_release(&s->cert);
	buf_release(&s->key);
	buf_release(&s->ca);
	state_close(&s->st);
}

int
cmd_serve(const char *path, int argc, char *argv[])
{
	struct service s = {.lock = -1, .signals = {.fd = -1}};
	struct error err;
	bool check = argc == 1 && strcmp(argv[0], "-n") == 0;
	int rc = 0;

	if (argc > 0 && !check)
		return cmd_usage("serve [-n]");
	if (state_open(&s.st, path, &err) < 0)
		return cmd_failed(&err);
	if (state_check_use(&s.st, &err) < 0 ||
	    tree_check_all(&s.st, &err) < 0) {
		state_close(&s.st);
		return cmd_failed(&err);
	}
	if (check) {
		state_close(&s.st);
		return 0;
	}
	if (loop_open(&s.m.loop, &err) < 0 || start(&s, &err) < 0) {
		state_full(path, &err);
		rc = cmd_failed(&err);
	} else {
		run(&s);
	}
	rc |= s.m.failed;
	stop(&s);
	return rc;
}
