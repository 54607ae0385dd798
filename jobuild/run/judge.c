/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/unit.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define TIME_MAX    (6 * 3600)
#define SILENCE_MAX (30 * 60)
#define LOG_MAX     ((int64_t)256 << 20)

enum { EXIT_SKIP = 77, EXIT_MISMATCH = 78 }; /* of jobuild.sh */

static int64_t
ceiling(int64_t asked, int64_t conf, int64_t fallback)
{
	if (conf <= 0)
		conf = fallback;
	if (conf <= 0)
		return asked;
	return asked > 0 && asked < conf ? asked : conf;
}

struct ceilings
judge_ceilings(const struct run_conf *c, const struct metadata *m)
{
	struct ceilings out = {
	    .time = ceiling(m->resources.time, c->time, TIME_MAX),
	    .silence = ceiling(m->resources.silence, c->silence, SILENCE_MAX),
	    .log = ceiling(m->resources.log, c->log_max, LOG_MAX),
	    .memory = ceiling(m->resources.memory, c->memory, 0),
	    .disk = ceiling(m->resources.disk, c->disk, 0),
	    .cpus = ceiling(m->resources.cpus, c->cpus, 0),
	    .pids = ceiling(m->resources.pids, c->pids, RUN_PIDS),
	    .artifacts = c->artifacts,
	    .artifact_files = c->artifact_files,
	};

	return out;
}

enum run_result
judge_policy(
    const struct run_conf *c, const struct metadata *m, struct error *err)
{
	unsigned net = PROPERTY_NETWORK | PROPERTY_NETWORK_SETUP;

	if ((m->properties & net) && !c->network) {
		fail(err,
		    "policy: network: its phases ask for the network, "
		    "which this machine's configuration doesn't allow");
		return RUN_LIMIT;
	}
	if ((m->properties & PROPERTY_NEST) && !c->nest) {
		fail(err,
		    "PROPERTIES=nest: its phases make namespaces of their "
		    "own, which this machine's configuration doesn't allow");
		err->code = ENOTSUP;
		return RUN_INFRASTRUCTURE;
	}
	return RUN_PASSED;
}

static enum run_result
judge_limit(const struct jail_step *j, const struct metadata *m,
    const struct phase_figures *p, struct error *err)
{
	struct ceilings c = judge_ceilings(j->conf, m);

	if (strcmp(p->limit, "time") == 0)
		fail(err, "%s: limit: time: %" PRId64 " s", p->name, c.time);
	else if (strcmp(p->limit, "silence") == 0)
		fail(err, "%s: limit: silence: %" PRId64 " s without output",
		    p->name, c.silence);
	else if (strcmp(p->limit, "log") == 0)
		fail(err, "%s: limit: log: %" PRId64 " bytes", p->name, c.log);
	else if (strcmp(p->limit, "pids") == 0)
		fail(err, "%s: limit: pids: %" PRId64 " processes", p->name,
		    p->limit_value);
	else if (strcmp(p->limit, "artifacts-files") == 0)
		fail(err, "%s: limit: artifacts: %" PRId64 " files", p->name,
		    p->limit_value);
	else if (strcmp(p->limit, "disk") == 0 && p->limit_value == 0)
		fail(err, "%s: limit: disk: too many files", p->name);
	else if (p->limit_value > 0)
		fail(err, "%s: limit: %s: %" PRId64 " bytes", p->name, p->limit,
		    p->limit_value);
	else
		fail(err, "%s: limit: %s", p->name, p->limit);
	return RUN_LIMIT;
}

static enum run_result
judge_mismatch(
    const struct metadata *m, const struct outcome *o, struct error *err)
{
	const char *ours = metadata_get(m, o->mismatch);
	char more[40] = "";

	if (o->nmismatches > 1)
		snprintf(
		    more, sizeof(more), " (and %zu more)", o->nmismatches - 1);
	fail(err,
	    "metadata-mismatch: %s: bash has \"%.150s\", the planner "
	    "\"%.150s\"%s",
	    o->mismatch, o->bash_value, ours ? ours : "", more);
	return RUN_FAILED;
}

/* The status behind "job_run returned 2", jobuild.sh's own words; else 0. */
static int
returned(const char *phase, const char *die)
{
	size_t n = strlen(phase), end;
	int status = 0;

	if (strncmp(die, phase, n) != 0 ||
	    sscanf(die + n, " returned %3d", &status) != 1)
		return 0;
	end = n + strlen(" returned ") +
	    strspn(die + n + strlen(" returned "), "0123456789");
	return die[end] == '\0' || die[end] == '\n' ? status : 0;
}

/*
 * die and skip of a subshell kill everything, bash itself too: what they have
 * said is how the phase ends, as if bash had called them.
 */
static void
settle(const struct outcome *o, struct phase_figures *p)
{
	if (p->signal != SIGKILL || *p->limit || (!o->skip && !o->die))
		return;
	p->exit = o->skip ? EXIT_SKIP : 1;
	p->signal = 0;
}

/* What more there is to say of the phases that autotua-chroot adds. */
static const char *
own_reason(const char *phase)
{
	if (strcmp(phase, "portconf") == 0)
		return ": can't be unpacked, see the log";
	return strcmp(phase, "layer") == 0 ? ": can't be kept, see the log"
					   : "";
}

static enum run_result
judge_phase(const struct jail_step *j, const struct metadata *m,
    const struct outcome *o, const struct phase_figures *p, struct error *err)
{
	bool conf = strcmp(p->name, "portconf") == 0;
	const char *what = conf ? "PORTCONF_URI" : p->name;

	if (*p->limit)
		return judge_limit(j, m, p, err);
	if (o->skip) {
		fail(err, "%s", o->skip);
		return RUN_SKIPPED;
	}
	if (p->exit == EXIT_MISMATCH && o->mismatch)
		return judge_mismatch(m, o, err);
	if (p->signal > 0)
		fail(err, "%s: signal %d (%s)", what, p->signal,
		    strsignal(p->signal));
	else if (o->die && returned(what, o->die) > 0)
		fail(err, "%s: exit %d", what, returned(what, o->die));
	else if (o->die)
		fail(err, "%s: exit %d: %.*s", what, p->exit,
		    (int)strcspn(o->die, "\n"), o->die);
	else
		fail(err, "%s: exit %d%s", what, p->exit, own_reason(p->name));
	return RUN_FAILED;
}

enum run_result
judge(const struct metadata *m, const struct jail_step *j, struct outcome *o,
    enum jail_end end, struct error *err)
{
	struct phase_figures *p = outcome_phase(o);

	switch (end) {
	case JAIL_OK:
		if (!o->over)
			return RUN_PASSED;
		fail(err, "%s", o->over);
		return RUN_LIMIT;
	case JAIL_CANCELLED:
	case JAIL_TROUBLE:
		return RUN_INFRASTRUCTURE;
	case JAIL_FAILED:
		break;
	}
	/* it fails by itself, and what it leaves is not whole either */
	if (o->over)
		outcome_say(o, "warn", "%s: the rest left out", o->over);
	/* before any phase it is the configuration that can't be unpacked */
	if (!p || !p->ended ||
	    (p->exit == 0 && p->signal == 0 && *p->limit == '\0'))
		return RUN_FAILED;
	settle(o, p);
	return judge_phase(j, m, o, p, err);
}
