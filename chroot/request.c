/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/request.h"
#include "chroot/sys/id.h"
#include "chroot/step/run.h"
#include "base/error.h"

#include <stdbool.h>
#include <string.h>

#define YEAR (366LL * 86400)

#define BIT(n) (1u << (n))

/* Of each kind: descriptors that must and that may be there, and flags. */
static const struct {
	uint32_t must, may, flags;
} shapes[REQUEST_KINDS] = {
    [REQUEST_RUN] = {BIT(REQUEST_ANSWER) | BIT(REQUEST_LISTS) |
	    BIT(REQUEST_LOG) | BIT(REQUEST_LEASH),
	BIT(REQUEST_STATUS) | BIT(REQUEST_REPORT) | BIT(REQUEST_RECIPE) |
	    BIT(REQUEST_STORE) | BIT(REQUEST_ARTIFACTS) | BIT(REQUEST_SHELL),
	REQUEST_NEST | REQUEST_LINUX32 | REQUEST_KEEP},
    [REQUEST_HAS] = {BIT(REQUEST_ANSWER), 0, REQUEST_LAYER},
    [REQUEST_LIST] = {BIT(REQUEST_ANSWER), 0, 0},
    [REQUEST_READY] = {BIT(REQUEST_ANSWER), 0, 0},
    [REQUEST_IMPORT] = {BIT(REQUEST_ANSWER) | BIT(REQUEST_TARBALL), 0, 0},
    [REQUEST_REMOVE] = {BIT(REQUEST_ANSWER), 0, 0},
    [REQUEST_RECOVER] = {BIT(REQUEST_ANSWER), 0, 0},
    [REQUEST_KILL] = {BIT(REQUEST_ANSWER), 0, 0},
    [REQUEST_CAPABILITIES] = {BIT(REQUEST_ANSWER), 0, 0},
};

/* Is it a text with nothing but NUL behind it? */
static bool
is_text(const char *field, size_t size)
{
	size_t n = strnlen(field, size);

	if (n == size)
		return false;
	for (; n < size; n++) {
		if (field[n] != '\0')
			return false;
	}
	return true;
}

static int
bad(struct error *err, const char *field, const char *want)
{
	return fail(err, "request: field %s: must be %s", field, want);
}

static int
check_head(const struct request *q, struct error *err)
{
	if (q->magic != REQUEST_MAGIC)
		return fail(err, "request: this is none: its magic is wrong");
	if (q->version != REQUEST_VERSION || q->size != sizeof(*q))
		return fail(err,
		    "request: version %u of %u bytes, not %u of %zu: install "
		    "autotua-chroot and its callers together",
		    (unsigned)q->version, (unsigned)q->size, REQUEST_VERSION,
		    sizeof(*q));
	if (q->kind == 0 || q->kind >= REQUEST_KINDS)
		return bad(err, "kind", "a known one");
	if ((q->fds & shapes[q->kind].must) != shapes[q->kind].must ||
	    (q->fds & ~(shapes[q->kind].must | shapes[q->kind].may)) != 0)
		return bad(err, "fds", "those of its kind");
	if ((q->flags & ~shapes[q->kind].flags) != 0)
		return bad(err, "flags", "those of its kind");
	if (q->zero != 0)
		return bad(err, "zero", "0");
	if (q->records > (q->kind == REQUEST_RUN ? REQUEST_RECORDS : 0))
		return bad(err, "records", "at most 8192, of a run");
	return 0;
}

/* Texts: those that the kind has are what they must be, others empty. */
static int
check_texts(const struct request *q, struct error *err)
{
	bool job = q->kind == REQUEST_RUN || q->kind == REQUEST_KILL;
	bool id = q->kind == REQUEST_RUN || q->kind == REQUEST_HAS ||
	    q->kind == REQUEST_IMPORT || q->kind == REQUEST_REMOVE;
	bool commit = q->kind == REQUEST_RUN && q->commit[0] != '\0';
	bool name = q->kind == REQUEST_IMPORT && q->name[0] != '\0';

	if (!is_text(q->job, sizeof(q->job)) ||
	    (job ? !id_is_job(q->job) : q->job[0] != '\0'))
		return bad(err, "job", "8 to 64 of a-z, 0-9 and -");
	if (!is_text(q->id, sizeof(q->id)) ||
	    (id ? !id_is_key(q->id) : q->id[0] != '\0'))
		return bad(err, "id", "64 hexadecimal digits");
	if (!is_text(q->commit, sizeof(q->commit)) ||
	    (commit ? !id_is_key(q->commit) : q->commit[0] != '\0'))
		return bad(err, "commit", "64 hexadecimal digits");
	if (!is_text(q->name, sizeof(q->name)) ||
	    (name ? !id_is_name(q->name) : q->name[0] != '\0'))
		return bad(err, "name",
		    "letters, digits and ._+-, not starting with . or -");
	return 0;
}

static int
check_numbers(const struct request *q, struct error *err)
{
	const struct {
		const char *name;
		int64_t value, min, max;
	} list[] = {
	    {"time", q->time, 0, YEAR},
	    {"silence", q->silence, 0, YEAR},
	    {"grace", q->grace, 0, YEAR},
	    {"log_max", q->log_max, 0, INT64_MAX / 1024},
	    {"memory", q->memory, 0, INT64_MAX / 1024},
	    {"pids", q->pids, 0, INT32_MAX},
	    {"cpus", q->cpus, 0, INT32_MAX},
	    {"disk", q->disk, 0, INT64_MAX / 1024},
	    {"artifact_bytes", q->artifact_bytes, 0, INT64_MAX / 1024},
	    {"artifact_files", q->artifact_files, 0, INT32_MAX},
	    {"reserve", q->reserve, -1, INT64_MAX / 1024},
	    {"pressure", q->pressure, 0, 100},
	};
	size_t i;

	for (i = 0; i < sizeof(list) / sizeof(*list); i++) {
		if (list[i].value < list[i].min || list[i].value > list[i].max)
			return fail(err,
			    "request: field %s: %lld is not "
			    "between %lld and %lld",
			    list[i].name, (long long)list[i].value,
			    (long long)list[i].min, (long long)list[i].max);
	}
	return 0;
}

int
request_check(const void *message, size_t n, struct error *err)
{
	const struct request *q = message;

	if (n != sizeof(*q))
		return fail(
		    err, "request: %zu bytes instead of %zu", n, sizeof(*q));
	if (check_head(q, err) < 0 || check_texts(q, err) < 0)
		return -1;
	return check_numbers(q, err);
}

/* ---- records ------------------------------------------------------------- */

static int
check_record(const struct request_record *r, struct error *err)
{
	bool stored = r->kind == RECORD_SOURCE || r->kind == RECORD_CONF;

	if (r->kind == 0 || r->kind >= RECORD_KINDS)
		return bad(err, "kind", "a known one");
	if (r->net > (r->kind == RECORD_PHASE ? 1 : 0))
		return bad(err, "net", "0, or 1 for a phase");
	if (!is_text(r->name, sizeof(r->name)))
		return bad(err, "name", "ended by NUL and nothing behind it");
	if (!is_text(r->stored, sizeof(r->stored)) ||
	    (stored ? !id_is_stored(r->stored) : r->stored[0] != '\0'))
		return bad(
		    err, "stored", "blake2b-HEX or sha512-HEX with 128 digits");
	switch ((enum record_kind)r->kind) {
	case RECORD_LAYER:
		return id_is_key(r->name)
		    ? 0
		    : bad(err, "name", "64 hexadecimal digits");
	case RECORD_SOURCE:
		return id_is_file(r->name) ? 0 : bad(err, "name", "a file's");
	case RECORD_CONF:
		return r->name[0] == '\0' ? 0 : bad(err, "name", "empty");
	case RECORD_PHASE:
		return id_is_phase(r->name) ? 0 : bad(err, "name", "a phase's");
	case RECORD_ARGUMENT:
	case RECORD_KINDS:
		break;
	}
	return 0;
}

static int
check_layer(const struct request_record *records, size_t i, struct error *err)
{
	size_t k, n = 1;

	for (k = 0; k < i; k++) {
		if (records[k].kind != RECORD_LAYER)
			continue;
		n++;
		if (strcmp(records[k].name, records[i].name) == 0)
			return fail(err, "request: a layer is given twice");
	}
	if (n > RUN_LAYERS_MAX)
		return fail(err, "request: more than 128 layers");
	return 0;
}

int
request_check_records(const struct request *q,
    const struct request_record *records, struct error *err)
{
	size_t i, phases = 0, arguments = 0;

	for (i = 0; i < q->records; i++) {
		if (check_record(&records[i], err) < 0)
			return fail_in(err, "record %zu", i);
		if (records[i].kind == RECORD_LAYER &&
		    check_layer(records, i, err) < 0)
			return -1;
		if (records[i].kind == RECORD_ARGUMENT && arguments++ == 0 &&
		    records[i].name[0] == '\0')
			return bad(err, "argument", "a command");
		phases += records[i].kind == RECORD_PHASE;
	}
	if (q->kind != REQUEST_RUN)
		return 0;
	if (arguments == 0 || arguments > 64)
		return fail(err,
		    "request: a command of 1 to 64 arguments is "
		    "needed");
	if (phases > 64)
		return fail(err, "request: more than 64 phases");
	return 0;
}

unsigned
request_count_fds(const struct request *q)
{
	return (unsigned)__builtin_popcount(q->fds);
}
