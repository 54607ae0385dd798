/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a slave's lock tells commands of the configuration that it has read. */
#include "slave/conf.h"
#include "slave/control.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "tests/unit/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct arena arena;
static struct error err;
static char top[] = "/tmp/slave-control-XXXXXX";

/* So that its time is another one than the last: clocks of files are coarse. */
static void
edit(const char *path, const char *text)
{
	usleep(20000);
	if (file_write(path, text, strlen(text), 0600, &err) < 0)
		printf("# %s\n", err.msg);
	usleep(20000);
}

/* Does "status" point out that the file has changed? */
static bool
is_pointed_out(void)
{
	const char *path = arena_printf(&arena, "%s/status", top);
	int out = dup(STDOUT_FILENO), fd;
	struct slave_conf c;
	json_t *status;
	bool is;

	fflush(stdout);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	dup2(fd, STDOUT_FILENO);
	if (conf_load(&c, NULL, top, &arena, &err) == 0)
		(void)control_status(&c, true, &arena, &err);
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	close(out);
	close(fd);
	status = json_load_file(path, 0, NULL);
	is = json_is_true(json_object_get(status, "changed"));
	json_decref(status);
	return is;
}

static void
test_changed(int state)
{
	const char *file = arena_printf(&arena, "%s/slave.conf", top);
	struct slave_conf c;
	int lock;

	edit(file, "slots = 1\n");
	ok(conf_load(&c, NULL, top, &arena, &err) == 0, "a slave reads it");
	edit(file, "slots = 2\n");
	lock = control_lock(state, top, &err);
	ok(lock >= 0, "and is ready to run");
	control_read(lock, &c);
	ok(is_pointed_out(), "an edit between the two is pointed out");
	ok(conf_load(&c, NULL, top, &arena, &err) == 0, "it reads it again");
	control_read(lock, &c);
	ok(!is_pointed_out(), "and goes by it");
	unlink(file);
	ok(is_pointed_out(), "it is gone: the next read has other settings");
	ok(conf_load(&c, NULL, top, &arena, &err) == 0, "that is read");
	control_read(lock, &c);
	ok(!is_pointed_out(), "and gone by");
	edit(file, "slots = 3\n");
	ok(is_pointed_out(), "there is one again");
	is_int(control_lock(state, top, &err), -1, "one slave a folder");
	is_int(err.code, EWOULDBLOCK, "its code");
	close(lock);
}

int
main(void)
{
	int state;

	if (!mkdtemp(top))
		return 1;
	state = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	test_changed(state);
	close(state);
	file_remove_tree(AT_FDCWD, top, &err);
	arena_release(&arena);
	return tap_done();
}
