/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One loop over six descriptors. Output goes through one buffer: it is read
 * only when the buffer is empty, so memory is constant and a slow reader
 * slows the job and nothing else. To stop a job means: the byte BOX_TERM,
 * after the grace period the end of the leash (process 1 kills everything),
 * and if process 1 doesn't end then, SIGKILL for it. The timer is set to the
 * next moment at which anything could be due; what is due is worked out when
 * it fires.
 */
#include "chroot/jail/jail.h"
#include "chroot/jail/cgroup.h"
#include "chroot/jail/disk.h"
#include "chroot/jail/spill.h"
#include "chroot/sys/sys.h"
#include "base/arena.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND   1000000000LL
#define PATIENCE (5 * SECOND) /* for process 1 after the leash's end */
#define TICK     (SECOND / 2) /* how often limits are looked at */
#define FLOOD    16           /* times the limit of the log end the job */
#define DATA     ((size_t)65536)

enum force { RUNNING, ASKED, KILLED, FORCED };

struct jail {
	struct jail_watch *w;
	struct jail_result *r;
	enum force force;
	struct seed seed;
	int timer;
	int64_t last; /* time of the last output */
	int64_t due;  /* when more force is used, if ASKED or KILLED */
	int64_t tick; /* when the limits are looked at */
	struct spill spill;
	uint64_t head; /* bytes of output before the spill begins */
	uint64_t seen; /* bytes of output */
	struct arena arena;
	char *data;       /* DATA bytes from the first output on */
	size_t len, done; /* data[done..len) is to be written */
	size_t chunk;     /* what a write to the output may take */
	bool log_end;
	int lost; /* errno of a failed write to the output */
};

int64_t
jail_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

bool
jail_stopped(struct jail_watch *w)
{
	struct pollfd p[2] = {{.fd = w->leash, .events = POLLIN},
	    {.fd = w->signals, .events = POLLIN}};
	char drop[256];
	ssize_t n;

	if (poll(p, 2, 0) > 0) {
		/* bytes on the leash say nothing; its end does */
		if (p[0].revents != 0) {
			n = read(w->leash, drop, sizeof(drop));
			if (n == 0 ||
			    (n < 0 && errno != EINTR && errno != EAGAIN))
				w->stopped = true;
		}
		if (p[1].revents != 0)
			w->stopped = true;
	}
	return w->stopped;
}

/* When must be looked at the clock next? 0: never. */
static int64_t
next_time(const struct jail *j)
{
	int64_t t = j->w->end;

	switch (j->force) {
	case RUNNING:
		if (j->w->silence > 0 &&
		    (t == 0 || j->last + j->w->silence < t))
			t = j->last + j->w->silence;
		return t == 0 || j->tick < t ? j->tick : t;
	case ASKED:
	case KILLED:
		return j->due;
	case FORCED:
		break;
	}
	return 0;
}

static void
set_timer(struct jail *j)
{
	int64_t t = next_time(j);
	struct itimerspec it = {
	    .it_value = {.tv_sec = t / SECOND, .tv_nsec = t % SECOND}};

	timerfd_settime(j->timer, TFD_TIMER_ABSTIME, &it, NULL);
}

/* The end of the leash: process 1 kills everything. */
static void
kill_jail(struct jail *j)
{
	if (j->force >= KILLED)
		return;
	close(j->seed.leash);
	j->seed.leash = -1;
	j->force = KILLED;
	j->due = jail_now() + PATIENCE;
	set_timer(j);
}

/* A time limit: the command may end by itself within the grace period. */
static void
ask(struct jail *j, enum limit limit)
{
	static const char term = BOX_TERM;

	j->r->limit = limit;
	if (j->w->grace == 0 || write(j->seed.leash, &term, 1) < 0) {
		kill_jail(j);
		return;
	}
	j->force = ASKED;
	j->due = jail_now() + j->w->grace;
	set_timer(j);
}

/* Has the job more of the machine than it may have? */
static enum limit
exceeded(struct jail *j, bool final)
{
	enum limit limit = cgroup_exceeded(j->w->groups);

	if (limit == LIMIT_NONE && disk_exceeded(j->w->disk, final))
		limit = LIMIT_DISK;
	return limit;
}

static void
on_tick(struct jail *j, int64_t now)
{
	j->tick = now + TICK;
	j->r->limit = exceeded(j, false);
	if (j->r->limit != LIMIT_NONE)
		kill_jail(j);
	else
		set_timer(j);
}

/* The timer fired; is anything due? */
static void
on_time(struct jail *j)
{
	int64_t now = jail_now();
	uint64_t fired;

	if (read(j->timer, &fired, sizeof(fired)) < 0 && errno == EAGAIN)
		return;
	/* it isn't the job that is silent when our reader is slow */
	if (j->done < j->len)
		j->last = now;
	switch (j->force) {
	case RUNNING:
		if (j->w->end > 0 && now >= j->w->end)
			ask(j, LIMIT_TIME);
		else if (j->w->silence > 0 && now >= j->last + j->w->silence)
			ask(j, LIMIT_SILENCE);
		else if (now >= j->tick)
			on_tick(j, now);
		else
			set_timer(j);
		break;
	case ASKED:
		kill_jail(j);
		break;
	case KILLED:
		sys_pidfd_kill(j->seed.pidfd);
		j->force = FORCED;
		break;
	case FORCED:
		break;
	}
}

/*
 * How this phase's share of the log is divided. Every phase after it is
 * sure of a sixteenth, so that its errors can be seen.
 */
static void
divide_log(struct jail *j)
{
	const struct jail_watch *w = j->w;
	uint64_t taken = w->log_bytes, share = 0;

	j->spill = (struct spill){.dir = w->spill, .fd = -1};
	j->head = UINT64_MAX;
	if (w->log_max == 0)
		return;
	if (w->phases_left > 1)
		taken += w->log_max / 16 * (w->phases_left - 1);
	if (taken < w->log_max)
		share = w->log_max - taken;
	j->spill.size = share / 4;
	j->head = share - j->spill.size;
}

/* For output, which not every job has. */
static char *
buffer(struct jail *j)
{
	if (!j->data)
		j->data = arena_alloc(&j->arena, DATA, 1);
	return j->data;
}

/* Take output into the empty buffer, or to the tail if the head is full. */
static void
read_log(struct jail *j)
{
	size_t head;
	ssize_t n;

	n = read(j->seed.log, buffer(j), DATA);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		j->log_end = true;
	if (n <= 0)
		return;
	j->last = jail_now();
	j->seen += (uint64_t)n;
	if (j->w->log_max > 0 && j->seen / FLOOD > j->w->log_max &&
	    j->r->limit == LIMIT_NONE) {
		j->r->limit = LIMIT_LOG;
		kill_jail(j);
	}
	head = (uint64_t)n < j->head ? (size_t)n : (size_t)j->head;
	if (j->head != UINT64_MAX)
		j->head -= head;
	if (head < (size_t)n)
		spill_add(&j->spill, j->data + head, (size_t)n - head);
	j->w->log_bytes += head;
	j->len = head;
	j->done = 0;
}

/* Take of the tail into the empty buffer; false at its end. */
static bool
read_spill(struct jail *j)
{
	if (j->spill.total == 0)
		return false;
	j->len = spill_read(&j->spill, buffer(j), DATA);
	j->done = 0;
	j->w->log_bytes += j->len;
	return j->len > 0;
}

static void
write_log(struct jail *j)
{
	size_t n = j->len - j->done;
	ssize_t w;

	/* behind what is missing nothing may come, if there is room again */
	if (j->lost != 0) {
		j->done = j->len;
		return;
	}
	w = write(j->w->out, j->data + j->done, n < j->chunk ? n : j->chunk);
	if (w < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (w < 0) {
		j->lost = errno;
		j->done = j->len;
		kill_jail(j);
		return;
	}
	j->done += (size_t)w;
}

enum { ON_LOG, ON_OUT, ON_PID, ON_TIMER, ON_SIGNALS, ON_LEASH, NPOLL };

/* One turn of the loop; false when process 1 has ended. */
static bool
turn(struct jail *j)
{
	bool full = j->done < j->len;
	struct pollfd p[NPOLL] = {
	    [ON_LOG] = {.fd = full || j->log_end ? -1 : j->seed.log},
	    [ON_OUT] = {.fd = full ? j->w->out : -1},
	    [ON_PID] = {.fd = j->seed.pidfd},
	    [ON_TIMER] = {.fd = j->timer},
	    [ON_SIGNALS] = {.fd = j->w->stopped ? -1 : j->w->signals},
	    [ON_LEASH] = {.fd = j->w->stopped ? -1 : j->w->leash},
	};
	int i;

	for (i = 0; i < NPOLL; i++)
		p[i].events = i == ON_OUT ? POLLOUT : POLLIN;
	if (poll(p, NPOLL, -1) < 0)
		return true;
	if (p[ON_OUT].revents != 0)
		write_log(j);
	if ((p[ON_LOG].revents & POLLIN) != 0)
		read_log(j);
	else if (p[ON_LOG].revents != 0)
		j->log_end = true;
	if (p[ON_TIMER].revents != 0)
		on_time(j);
	if ((p[ON_SIGNALS].revents != 0 || p[ON_LEASH].revents != 0) &&
	    jail_stopped(j->w))
		kill_jail(j);
	return p[ON_PID].revents == 0;
}

/* The next bytes after the job's death; false at the end. */
static bool
refill(struct jail *j, uint64_t stop)
{
	while (j->done == j->len && !j->log_end && j->seen < stop) {
		uint64_t before = j->seen;

		read_log(j);
		if (j->seen == before)
			j->log_end = true;
	}
	return j->done < j->len || read_spill(j);
}

/*
 * What is in the pipe after the last writer's death, at most a pipeful, and
 * the tail.
 */
static void
drain(struct jail *j)
{
	struct pollfd p = {.fd = j->w->out, .events = POLLOUT};
	uint64_t stop = j->seen + SEED_LOG_PIPE;

	while (j->lost == 0 && refill(j, stop)) {
		/* a reader that is gone must not hold us for ever */
		if (jail_stopped(j->w) && poll(&p, 1, 0) <= 0)
			break;
		if (poll(&p, 1, 1000) > 0)
			write_log(j);
	}
}

static int
prepare(struct jail *j, struct error *err)
{
	struct stat st;

	j->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (j->timer < 0)
		return fail_errno(err, "timer");
	/* a pipe that poll() calls writable has room for this much */
	j->chunk =
	    fstat(j->w->out, &st) == 0 && S_ISREG(st.st_mode) ? DATA : PIPE_BUF;
	return 0;
}

void
jail_drop_view(struct jail_watch *w)
{
	parts_close(&w->parts);
	if (w->view >= 0)
		close(w->view);
	w->view = -1;
}

/* Process 1 that is there ahead, or else a new one, is told what to run. */
static int
start(struct jail *j, struct box *b, struct error *err)
{
	struct jail_watch *w = j->w;

	jail_drop_view(w);
	if (!seed_fits(&w->ahead, b)) {
		seed_drop(&w->ahead);
		if (seed_start(&j->seed, b, err) < 0)
			return -1;
	} else {
		j->seed = w->ahead;
		w->ahead = SEED_NONE;
	}
	w->view = j->seed.view;
	j->seed.view = -1;
	if (parts_open(&w->parts, b, err) < 0 ||
	    order_send(j->seed.order, b, &w->parts, err) < 0) {
		seed_drop(&j->seed);
		return -1;
	}
	return 0;
}

/* The kernel has ended it for a file of more than twice the disk limit. */
static bool
was_file_too_large(const struct jail *j, int status)
{
	if (j->w->disk->limit == 0)
		return false;
	/* of the command itself, or as shells tell of theirs */
	return WIFSIGNALED(status) ? WTERMSIG(status) == SIGXFSZ
				   : WEXITSTATUS(status) == 128 + SIGXFSZ;
}

/* The last word of process 1, and the accounts. */
static int
conclude(struct jail *j, struct error *err)
{
	struct answer a = {.kind = ANSWER_NONE};
	int status;

	while (waitpid(j->seed.pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (j->r->limit == LIMIT_DISK)
		disk_settle(j->w->disk);
	drain(j);
	if (read(j->seed.answer, &a, sizeof(a)) != sizeof(a))
		a = (struct answer){.kind = ANSWER_NONE};
	j->r->lacks = a.lacks;
	if (j->lost != 0) {
		errno = j->lost;
		return fail_errno(err, "write the log");
	}
	/* who was ended before it was ready says so, and that's no trouble */
	if (a.kind == ANSWER_BROKEN && j->force == RUNNING && !j->w->stopped)
		return fail(err, "%s", a.text);
	/* a group of version 2 is killed as a whole, process 1 with it */
	if (a.kind == ANSWER_NONE && j->force == RUNNING) {
		j->r->limit = cgroup_exceeded(j->w->groups);
		if (j->r->limit == LIMIT_NONE)
			return fail(err, "process 1 of the jail died");
	}
	j->r->usage = a.usage;
	j->r->left_out = spill_left_out(&j->spill);
	if (j->r->limit == LIMIT_NONE)
		j->r->limit = a.limit;
	if (j->r->limit == LIMIT_NONE && !j->w->stopped)
		j->r->limit = exceeded(j, true);
	j->r->exit = -1;
	j->r->signal = SIGKILL;
	if (j->force != RUNNING || a.kind != ANSWER_ENDED)
		return 0;
	if (WIFSIGNALED(a.status)) {
		j->r->signal = WTERMSIG(a.status);
	} else {
		j->r->exit = WEXITSTATUS(a.status);
		j->r->signal = 0;
	}
	if (j->r->limit == LIMIT_NONE && was_file_too_large(j, a.status))
		j->r->limit = LIMIT_DISK;
	return 0;
}

int
jail_run(struct box *b, struct jail_watch *w, struct jail_result *r,
    struct error *err)
{
	struct jail j = {.w = w, .r = r, .seed = SEED_NONE, .timer = -1};
	int64_t begin = jail_now();
	int rc = -1;

	*r = (struct jail_result){.limit = LIMIT_NONE};
	j.last = begin;
	j.tick = begin + TICK;
	divide_log(&j);
	b->groups = w->groups;
	if (prepare(&j, err) < 0 || start(&j, b, err) < 0)
		goto out;
	set_timer(&j);
	if (jail_stopped(w))
		kill_jail(&j);
	while (turn(&j))
		continue;
	rc = conclude(&j, err);
	r->wall = jail_now() - begin;
out:
	spill_close(&j.spill);
	if (j.timer >= 0)
		close(j.timer);
	seed_close(&j.seed);
	arena_release(&j.arena);
	return rc;
}
