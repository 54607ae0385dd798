/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which reports of steps survive a power cut. */
#include "run/unit.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "tests/unit/syncs.h"
#include "tests/unit/tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

static struct arena arena;
static struct error err;
static const char *folder;

static void
write_step(struct unit_run *r, size_t step)
{
	struct step_end e = {.result = RUN_PASSED, .reason = ""};

	syncs[0] = '\0';
	report_log(r, step, "step %zu", step);
	ok(report_write(r, step, &e, &err) == 0, "the report of step %zu",
	    step);
}

/* begun: so many milliseconds ago. */
static struct unit_run
begin(const struct run_conf *c, const struct plan_unit *u, int64_t ago)
{
	struct unit_run r = {.arena = &arena,
	    .conf = c,
	    .unit = u,
	    .dirfd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
	    .begun = clock_ms() - ago};

	return r;
}

static void
test_moment(const struct plan_unit *u)
{
	const struct run_conf c = {.moment = 60000};
	struct unit_run r = begin(&c, u, 0);

	write_step(&r, 0);
	is(syncs, "", "of what took less than a moment nothing is synced");
	/* the lease took long before anything ran */
	r.begun -= 60000;
	write_step(&r, 1);
	ok(is_synced(folder, "1.log"), "beyond it the log is");
	ok(strstr(syncs, "/1.json"), "and the report");
	ok(is_synced(folder, ""), "and their folder");
	ok(is_synced(folder, "0.log") && is_synced(folder, "0.json"),
	    "and what the steps before have left");
	close(r.dirfd);
}

static void
test_always(const struct plan_unit *u)
{
	const struct run_conf c = {0};
	struct unit_run r = begin(&c, u, 0);

	write_step(&r, 0);
	ok(is_synced(folder, "0.log") && strstr(syncs, "/0.json"),
	    "without a moment all is synced");
	close(r.dirfd);
}

int
main(void)
{
	char path[] = "/tmp/run-report.XXXXXX";
	struct metadata m = {
	    .id = {.user = "alpha", .name = "app"}, .stage = ""};
	struct plan_step steps[2] = {{.meta = &m}, {.meta = &m}};
	const struct plan_unit u = {.steps = steps, .nsteps = 2};

	folder = mkdtemp(path);
	if (!folder)
		return 1;
	test_moment(&u);
	test_always(&u);
	ok(file_remove_tree(AT_FDCWD, path, &err) == 0, "all is removed");
	arena_release(&arena);
	return tap_done();
}
