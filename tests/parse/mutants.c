/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parser against bash on damaged scripts (mutate.h): syntax_valid() must
 * say what the exit status of bash -O extglob -n says. A difference is made as
 * small as it gets and printed.
 *
 *	mutants SEED COUNT FILE...
 *
 * Prints TAP. A mutant at which bash itself crashes does not count.
 */
#include "recipe/parse.h"
#include "base/error.h"
#include "base/file.h"
#include "base/show.h"
#include "tests/parse/mutate.h"
#include "tests/unit/tap.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIECE_MAX 4096 /* bytes of a file in a mutant, about */
#define FLIGHT    3    /* processes at a time */
#define SHOWN     20   /* differences that are printed */

enum verdict { REFUSED, VALID, CRASHED };

/* A mutant that bash is looking at. */
struct flight {
	struct buf text;
	char path[64];
	pid_t pid;
	bool valid; /* says our parser */
};

static int null_fd;

static void
bail(const char *what)
{
	printf("Bail out! %s\n", what);
	exit(1);
}

static bool
valid_here(const struct buf *t)
{
	struct arena a = {0};
	struct diags d;
	bool valid;

	diags_init(&d, &a);
	valid = syntax_valid(
	    &a, "mutant", t->data ? t->data : "", t->len, PARSE_DEPTH_MAX, &d);
	arena_release(&a);
	return valid;
}

static pid_t
bash_start(const struct buf *t, char *path)
{
	char program[] = "bash", a1[] = "--norc", a2[] = "--noprofile",
	     a3[] = "-O", a4[] = "extglob", a5[] = "-n", lang[] = "LC_ALL=C";
	char *const argv[] = {program, a1, a2, a3, a4, a5, path, NULL};
	char *const env[] = {lang, NULL};
	posix_spawn_file_actions_t files;
	struct error err;
	pid_t pid;

	if (file_write(path, t->data ? t->data : "", t->len, 0600, &err) < 0)
		bail(err.msg);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, null_fd, 0);
	posix_spawn_file_actions_adddup2(&files, null_fd, 1);
	posix_spawn_file_actions_adddup2(&files, null_fd, 2);
	if (posix_spawnp(&pid, "bash", &files, NULL, argv, env) != 0)
		bail("can't start bash");
	posix_spawn_file_actions_destroy(&files);
	return pid;
}

static enum verdict
verdict(int status)
{
	if (!WIFEXITED(status))
		return CRASHED;
	return WEXITSTATUS(status) == 0 ? VALID : REFUSED;
}

static bool
differs(void *path, const struct buf *t)
{
	enum verdict bash;
	int status;
	pid_t pid = bash_start(t, path);

	waitpid(pid, &status, 0);
	bash = verdict(status);
	return bash != CRASHED && (bash == VALID) != valid_here(t);
}

static void
tell(struct flight *f)
{
	struct arena a = {0};
	bool valid;

	mutate_shrink(&f->text, differs, f->path);
	valid = valid_here(&f->text);
	printf("# %s: <%s>\n",
	    valid ? "accepted, bash refuses" : "refused, bash accepts",
	    show(&a, f->text.data, f->text.len));
	arena_release(&a);
}

/* Wait for any; how its verdict compares: 1 different, 0 the same. */
static int
land(struct flight *list, struct flight **which)
{
	enum verdict bash;
	int status, i = 0;
	pid_t pid = waitpid(-1, &status, 0);

	while (list[i].pid != pid)
		i++;
	*which = &list[i];
	list[i].pid = 0;
	bash = verdict(status);
	return bash != CRASHED && (bash == VALID) != list[i].valid;
}

static struct flight *
free_place(struct flight *list)
{
	int i;

	for (i = 0; i < FLIGHT; i++)
		if (list[i].pid == 0)
			return &list[i];
	return NULL;
}

static void
start(struct mutate *m, struct flight *f, size_t *valid)
{
	mutate_next(m, &f->text);
	f->valid = valid_here(&f->text);
	*valid += f->valid;
	f->pid = bash_start(&f->text, f->path);
}

static void
run(struct mutate *m, struct flight *list, size_t count)
{
	struct flight *f;
	size_t n = 0, landed = 0, valid = 0, bad = 0;

	while (landed < count) {
		while (n < count && (f = free_place(list))) {
			start(m, f, &valid);
			n++;
		}
		if (land(list, &f) && ++bad <= SHOWN)
			tell(f);
		landed++;
	}
	ok(bad == 0, "mutants: %zu, %zu valid, %zu verdicts differ", count,
	    valid, bad);
}

int
main(int argc, char **argv)
{
	const char *tmp = getenv("TMPDIR");
	struct flight list[FLIGHT] = {0};
	struct mutate m;
	int i;

	if (argc < 4)
		return 2;
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	mutate_init(&m, strtoull(argv[1], NULL, 10), PIECE_MAX);
	for (i = 3; i < argc; i++)
		mutate_add(&m, argv[i]);
	for (i = 0; i < FLIGHT; i++) {
		buf_init(&list[i].text, 1 << 20);
		snprintf(list[i].path, sizeof(list[i].path), "%s/mutant.XXXXXX",
		    tmp && strlen(tmp) < 40 ? tmp : "/tmp");
		close(mkstemp(list[i].path));
	}
	printf("# seed %s\n", argv[1]);
	run(&m, list, strtoul(argv[2], NULL, 10));
	for (i = 0; i < FLIGHT; i++) {
		unlink(list[i].path);
		buf_release(&list[i].text);
	}
	mutate_release(&m);
	return tap_done();
}
