/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests to the jailer: what passes is within every bound. */
#include "base/error.h"
#include "chroot/sys/id.h"
#include "chroot/request.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
hold(bool good)
{
	if (!good)
		abort();
}

static void
look_at_records(const struct request *q, const uint8_t *data, size_t size)
{
	size_t need = q->records * sizeof(struct request_record), i;
	struct request_record *r;
	struct error err = {0, ""};

	if (size < need || need == 0)
		return;
	r = malloc(need);
	if (!r)
		abort();
	memcpy(r, data, need);
	if (request_check_records(q, r, &err) < 0) {
		hold(err.msg[0] != '\0');
	} else {
		for (i = 0; i < q->records; i++) {
			hold(memchr(r[i].name, 0, sizeof(r[i].name)) != NULL);
			hold(r[i].kind != RECORD_LAYER || id_is_key(r[i].name));
			hold(r[i].kind != RECORD_SOURCE ||
			    !strchr(r[i].name, '/'));
			hold(!strchr(r[i].stored, '/'));
		}
	}
	free(r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = {0, ""};
	struct request q;

	if (size < sizeof(q)) {
		hold(request_check(data, size, &err) < 0);
		return 0;
	}
	memcpy(&q, data, sizeof(q));
	if (request_check(&q, sizeof(q), &err) < 0) {
		hold(err.msg[0] != '\0');
		return 0;
	}
	hold(q.records <= REQUEST_RECORDS);
	hold(request_count_fds(&q) <= REQUEST_FDS);
	hold(q.job[0] == '\0' || id_is_job(q.job));
	hold(q.id[0] == '\0' || id_is_key(q.id));
	hold(q.commit[0] == '\0' || id_is_key(q.commit));
	look_at_records(&q, data + sizeof(q), size - sizeof(q));
	return 0;
}
