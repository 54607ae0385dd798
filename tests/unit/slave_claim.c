/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a slave does with what a claim has brought. */
#include "slave/running.h"
#include "base/file.h"
#include "tests/unit/tap.h"

#include <fcntl.h>
#include <stdlib.h>

static char top[] = "/tmp/autotua-claim-XXXXXX";

/*
 * A master that was restored from a backup may count leases again: the result
 * of the first must not become that of the second.
 */
static void
test_twice(struct session *s)
{
	json_t *answer = json_pack("{s:[{s:i, s:i}], s:[]}", "capsules",
	    "lease", 7, "attempt", 1, "events");
	json_t *capsule =
	    json_array_get(json_object_get(answer, "capsules"), 0);
	struct error err;

	spool_add(s->host.spool, 7, capsule, &err);
	s->leases = lease_recover(&s->host, 7, &err);
	ok(s->leases && s->leases->state == LEASE_ENDED,
	    "a lease of before has ended");
	claim_given(s, answer);
	ok(s->leases && !s->leases->next && s->leases->state == LEASE_OVER,
	    "its number is given to another: it is dropped");
	ok(spool_lease(s->host.spool, 7, &err) < 0, "with its results");
	ok(s->hello_due, "and the other goes back by the next hello");
	lease_free(s->leases);
	json_decref(answer);
}

int
main(void)
{
	struct session s = {.hello_wait = {0}};
	struct error err;

	s.host.spool = spool_open(mkdtemp(top), &err);
	s.host.calls = &s.calls;
	s.host.contract = &s.contract;
	s.host.session = &s;
	test_twice(&s);
	file_remove_tree(AT_FDCWD, top, &err);
	return tap_done();
}
