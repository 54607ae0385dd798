/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slave/running.h"
#include "base/log.h"
#include "base/notify.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Why it takes nothing, or NULL. */
static const char *
refusal(const struct session *s)
{
	if (s->finishing)
		return "it is about to stop";
	if (*s->contract.closed)
		return s->contract.closed;
	if (s->unready)
		return "the machine has too little left";
	return s->draining ? "the master drains it" : NULL;
}

/* What it does, in one line. */
static void
describe(const struct session *s, char *text, size_t n)
{
	const char *why = refusal(s);
	const struct lease *l;
	int64_t busy = 0, all = 0;

	for (l = s->leases; l; l = l->next) {
		busy += lease_is_busy(l);
		all++;
	}
	snprintf(text, n, "%" PRId64 " of %" PRId64 " slots at work%s%s%s%s",
	    busy, s->conf->slots, all > busy ? "; results to deliver" : "",
	    s->greeted ? "" : "; the master wasn't reached yet",
	    why ? "; takes nothing: " : "", why ? why : "");
}

void
tell_ready(struct session *s)
{
	s->watchdog = notify_watchdog() / 1000;
	notify("READY=1");
}

void
tell_turn(struct session *s)
{
	char text[sizeof(s->told)];

	if (s->stopping) {
		if (!s->told_end)
			notify("STOPPING=1\nSTATUS=stopping");
		s->told_end = true;
	} else {
		describe(s, text, sizeof(text));
		if (strcmp(text, s->told) != 0)
			notify("STATUS=%s", text);
		memcpy(s->told, text, sizeof(text));
	}
	if (s->watchdog > 0 && s->host.now >= s->told_at + s->watchdog) {
		s->told_at = s->host.now;
		notify("WATCHDOG=1");
	}
}

int64_t
tell_due(const struct session *s)
{
	return s->watchdog > 0 ? s->told_at + s->watchdog : INT64_MAX;
}
