/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slave/heard.h"
#include "slave/call.h"
#include "slave/spool.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/show.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_NAME "heard"

void
heard_read(struct heard *h, int state)
{
	struct error none;
	json_t *o = spool_json(state, FILE_NAME, &none);
	json_int_t since = 0;
	const char *text = "";

	memset(h, 0, sizeof(*h));
	if (json_unpack(o, "{s:i, s:I, s:s}", "status", &h->status, "since",
		&since, "text", &text) < 0)
		h->status = -1;
	h->since = (time_t)since;
	snprintf(h->text, sizeof(h->text), "%s", text);
	json_decref(o);
}

static void
write_file(const struct heard *h, int state)
{
	json_t *o = heard_json(h);
	char *text = json_dumps(o, JSON_COMPACT);
	struct error err;

	if (text &&
	    file_write_at(state, FILE_NAME, text, strlen(text), 0644, &err) < 0)
		log_warn("what the master answered isn't kept: %s", err.msg);
	free(text);
	json_decref(o);
}

/* The words for one that isn't reached differ from try to try. */
void
heard_note(struct heard *h, int state, const struct answer *answer, time_t now)
{
	int status = answer->status;

	/* as one that was restarted says to whom it knows */
	if ((status >= 200 && status < 300) ||
	    strcmp(answer->code, "hello-again") == 0)
		status = HEARD_GOOD;
	if (status == h->status)
		return;
	h->status = status;
	h->since = now;
	snprintf(h->text, sizeof(h->text), "%s",
	    status == HEARD_GOOD ? "" : answer->text);
	h->text[utf8_valid(h->text, strlen(h->text))] = '\0';
	write_file(h, state);
}

bool
heard_refused(const struct heard *h)
{
	return h->status == 401 || h->status == 403 || h->status == 426;
}

json_t *
heard_json(const struct heard *h)
{
	if (h->status < 0)
		return json_null();
	return json_pack("{s:i, s:I, s:s}", "status", h->status, "since",
	    (json_int_t)h->since, "text", h->text);
}

void
heard_print(const struct heard *h)
{
	char since[32] = "";
	struct arena a = {0};
	const char *text = show(&a, h->text, strlen(h->text));
	struct tm t;

	if (localtime_r(&h->since, &t))
		strftime(since, sizeof(since), "%Y-%m-%d %H:%M:%S", &t);
	if (h->status < 0)
		puts("answer: none yet");
	else if (h->status == HEARD_GOOD)
		printf("answer: good, since %s\n", since);
	else if (h->status == HEARD_NOTHING)
		printf("answer: none, since %s: %s\n", since, text);
	else
		printf("answer: %s%s (status %d), since %s\n",
		    heard_refused(h) ? "this slave is refused: " : "", text,
		    h->status, since);
	arena_release(&a);
}
