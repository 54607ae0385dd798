/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/fetch.h"
#include "net/store.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "tests/unit/server.h"
#include "tests/unit/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static struct arena arena;
static struct error err;
static struct server server;
static struct manifest_entry entry;
static char dir[] = "/tmp/fetch.XXXXXX";
static const char *mirrors[8];
static struct fetch_conf conf = {.mirrors.items = mirrors};
static int done, notes;

static void
server_api(struct client *c, const struct request *r)
{
	(void)r;
	server_head(c, 404, 0, "");
}

static const char *
url(const char *how)
{
	return arena_printf(
	    &arena, "http://127.0.0.1:%d/%s/f", server.port, how);
}

/* mirror://m has these ways to answer, in order; "dir" is file://. */
static void
set_mirrors(const char *a, const char *b)
{
	const char *const list[] = {a, b};
	size_t i;

	conf.mirrors.n = 0;
	for (i = 0; i < 2 && list[i]; i++) {
		if (strcmp(list[i], "dir") == 0)
			mirrors[conf.mirrors.n++] =
			    arena_printf(&arena, "m file://%s/pub/", dir);
		else
			mirrors[conf.mirrors.n++] = arena_printf(&arena,
			    "m http://127.0.0.1:%d/%s", server.port, list[i]);
	}
}

/* A store with nothing in it. */
static void
fresh(void)
{
	static int n;

	if (conf.store > 0)
		close(conf.store);
	conf.store =
	    store_open(arena_printf(&arena, "%s/store%d", dir, n++), &err);
	memset(server.seen, 0, sizeof(*server.seen));
	done = notes = 0;
}

static void
tell(void *ctx, const struct fetch_item *item, int64_t bytes, bool is_done)
{
	(void)ctx;
	done += is_done;
	if (bytes > item->entry->size)
		ok(false, "more than there can be");
}

static void
note(void *ctx, const struct fetch_item *item, const char *text)
{
	(void)ctx, (void)item;
	notes++;
	printf("# %s\n", text);
}

static int
get(const char *uri)
{
	static const struct fetch_progress progress = {
	    .tell = tell, .note = note};
	struct source s = {.uri = uri, .name = "f"};
	struct fetch_item item = {&s, &entry};

	return fetch_all(&conf, &item, 1, &progress, &err);
}

static bool
is_in(void)
{
	char name[STORE_NAME_MAX], hex[DIGEST_HEX_MAX];
	int fd;

	if (!store_find(conf.store, &entry, name))
		return false;
	fd = openat(conf.store, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || digest_of_fd(DIGEST_BLAKE2B, fd, hex, &err) < 0)
		return false;
	close(fd);
	return strcmp(hex, entry.blake2b) == 0;
}

/* A part with the first n bytes of the content. */
static void
leave_part(size_t n, char spoil)
{
	char *name = arena_printf(&arena, "part/blake2b-%s", entry.blake2b);
	char *data = arena_array(&arena, n + 1, char);

	memcpy(data, server_content(), n);
	data[0] ^= spoil;
	file_write_at(conf.store, name, data, n, 0600, &err);
}

static void
test_plain(void)
{
	fresh();
	is_int(get(url("ok")), 0, "one file");
	ok(is_in(), "it is in the store");
	is_int(done, 1, "told once");
	is_int(server.seen->requests, 1, "one request");
	is_int(get(url("404")), 0, "again: found by digest");
	is_int(server.seen->requests, 1, "nothing was asked");
	fresh();
	is_int(get(url("norange")), 0, "a server without ranges");
	ok(is_in(), "it is in the store");
}

static void
test_wrong(void)
{
	fresh();
	is_int(get(url("wrong")), -1, "wrong content");
	is_int(err.code, EILSEQ, "its code");
	ok(strstr(err.msg, "f: http://") && strstr(err.msg, "wrong content"),
	    "names file, URL and reason: %s", err.msg);
	is_int(server.seen->requests, 1, "not asked again");
	ok(!is_in(), "nothing visible");
	is_int(get(url("long")), -1, "too long");
	is_int(err.code, EILSEQ, "its code");
	ok(strstr(err.msg, "has 3145729 bytes, the Manifest says 3145728") !=
		NULL,
	    "both sizes: %s", err.msg);
	is_int(get(url("chunked")), -1, "too long without saying so");
	is_int(err.code, EILSEQ, "its code");
	ok(!is_in(), "nothing visible");
}

static void
test_mirrors(void)
{
	fresh();
	set_mirrors("404", "ok");
	is_int(get("mirror://m/a/f"), 0, "first 404, second has it");
	ok(is_in(), "it is in the store");
	is_int(notes, 1, "one note");
	fresh();
	set_mirrors("wrong", "ok");
	is_int(get("mirror://m/f"), 0, "first wrong, second right");
	ok(is_in(), "it is in the store");
	fresh();
	set_mirrors("wrong", "404");
	is_int(get("mirror://m/f"), -1, "first wrong, second 404");
	is_int(err.code, ENOENT, "may be had elsewhere");
	ok(strstr(err.msg, "/wrong/f: wrong content") &&
		strstr(err.msg, "/404/f: HTTP 404"),
	    "both reasons: %s", err.msg);
	set_mirrors("404", "cut");
	is_int(get("mirror://m/f"), -1, "first 404, second breaks off");
	is_int(err.code, EAGAIN, "may be had another time");
	set_mirrors("wrong", "long");
	is_int(get("mirror://m/f"), -1, "all wrong");
	is_int(err.code, EILSEQ, "no use elsewhere");
}

static void
test_resume(void)
{
	fresh();
	leave_part(1000000, 0);
	is_int(get(url("ok")), 0, "a half is there");
	ok(is_in(), "it is in the store");
	is(server.seen->last_range, "bytes=1000000-", "only the rest asked");
	fresh();
	leave_part(1000000, 1);
	is_int(get(url("ok")), 0, "a spoiled half is there");
	ok(is_in(), "it is in the store");
	is_int(server.seen->requests, 2, "all was asked anew");
	fresh();
	leave_part(1000000, 0);
	is_int(get(url("norange")), 0, "a half, but no ranges");
	ok(is_in(), "it is in the store");
	is_int(server.seen->requests, 1, "what came was taken from its start");
	fresh();
	leave_part(1000000, 0);
	is_int(get(url("badrange")), 0, "another range than asked for");
	ok(is_in(), "it is in the store");
	fresh();
	leave_part(CONTENT_SIZE, 0);
	is_int(get(url("ok")), 0, "all of it is there");
	is_int(server.seen->requests, 0, "nothing was asked");
	fresh();
	leave_part(CONTENT_SIZE, 1);
	is_int(get(url("ok")), 0, "all of it, but spoiled");
	ok(is_in(), "it is in the store");
}

static void
test_cut(void)
{
	fresh();
	set_mirrors("cut", "ok");
	is_int(get("mirror://m/f"), 0, "first breaks off, second goes on");
	ok(is_in(), "it is in the store");
	is(server.seen->last_range, "bytes=1572864-", "from where it broke");
	fresh();
	set_mirrors("cut", NULL);
	is_int(get("mirror://m/f"), -1, "always breaks off");
	is_int(err.code, EAGAIN, "may be had another time");
	is_int(server.seen->requests, 3, "asked three times");
	is_int(server.seen->ranges, 2, "twice for the rest");
	is_int(server.seen->if_ranges, 2, "if it is still the same");
	ok(!is_in(), "nothing visible");
	fresh();
	is_int(get(url("flaky")), 0, "503 once, then fine");
	ok(is_in(), "it is in the store");
}

static void
test_refused(void)
{
	static const struct {
		const char *uri;
		int code;
		const char *text;
	} list[] = {
	    {"git+https://h/r#commit=0", ENOTSUP, "git sources"},
	    {"file:///etc/passwd", ENOTSUP, "can't name files"},
	    {"gopher://h/f", ENOTSUP, "write https://"},
	    {"f", ENOTSUP, "write https://"},
	    {"mirror://other/f", ENOENT, "no mirror of that name"},
	    {"mirror://m/a/../f", ENOTSUP, "without . or .."},
	    {"mirror://m/a/%2e%2E/f", ENOTSUP, "without . or .."},
	    {"mirror://m", ENOTSUP, "mirror://NAME/path"},
	};
	size_t i;

	fresh();
	set_mirrors("dir", NULL);
	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		is_int(get(list[i].uri), -1, list[i].uri);
		is_int(err.code, list[i].code, "its code");
		ok(strstr(err.msg, list[i].text) != NULL, "%s", err.msg);
	}
	is_int(get(url("to-http")), -1, "redirected to http");
	ok(strstr(err.msg, "something else than https") != NULL, "%s", err.msg);
	is_int(get(url("to-file")), -1, "redirected to a file");
	ok(strstr(err.msg, "something else than https") != NULL, "%s", err.msg);
}

static void
test_files(void)
{
	char path[200];

	fresh();
	set_mirrors("dir", NULL);
	snprintf(path, sizeof(path), "%s/pub", dir);
	mkdir(path, 0755);
	is_int(get("mirror://m/f"), -1, "a mirror in a folder: missing");
	is_int(err.code, ENOENT, "its code");
	snprintf(path, sizeof(path), "%s/pub/f", dir);
	file_write(path, server_content(), CONTENT_SIZE, 0644, &err);
	is_int(get("mirror://m/f"), 0, "a mirror in a folder: there");
	ok(is_in(), "it is in the store");
	fresh();
	leave_part(5000, 0);
	is_int(get("mirror://m/f"), 0, "resumed there");
	ok(is_in(), "it is in the store");
	fresh();
	file_write(path, server_content(), 100, 0644, &err);
	is_int(get("mirror://m/f"), -1, "too short there");
	is_int(err.code, EILSEQ, "its code");
}

/* Many at once: some the same file, one that can't be had. */
static void
test_many(void)
{
	enum { N = 12 };
	struct manifest_entry e[N];
	struct source s[N];
	struct fetch_item items[N];
	char name[STORE_NAME_MAX];
	int i, there = 0;

	fresh();
	for (i = 0; i < N; i++) {
		e[i] = entry;
		e[i].name = arena_printf(&arena, "f%d", i);
		s[i].name = e[i].name;
		s[i].uri = url(i % 3 == 0 ? "404" : "ok");
		items[i].source = &s[i];
		items[i].entry = &e[i];
	}
	e[5].name = "bad";
	e[5].blake2b[0] = e[5].blake2b[0] == '0' ? '1' : '0';
	is_int(fetch_all(&conf, items, N, NULL, &err), -1, "one of many");
	is_int(err.code, EILSEQ, "its code");
	ok(strncmp(err.msg, "bad: ", 5) == 0, "its name: %s", err.msg);
	for (i = 0; i < N; i++)
		there += store_find(conf.store, &e[i], name);
	is_int(there, N - 1, "the others are there");
	ok(server.seen->requests <= 3, "the same file is fetched once");
}

static bool
always(void *ctx)
{
	(void)ctx;
	return true;
}

static void
test_cancelled(void)
{
	struct fetch_progress p = {.cancelled = always};
	struct source s = {.uri = url("ok"), .name = "f"};
	struct fetch_item item = {&s, &entry};

	fresh();
	is_int(fetch_all(&conf, &item, 1, &p, &err), -1, "cancelled");
	is_int(err.code, ECANCELED, "its code");
}

/* Killed while the file comes: what is left is no visible file. */
static void
test_killed(void)
{
	int pipefd[2], i;
	char c = 0;
	pid_t pid;

	fresh();
	if (pipe(pipefd) < 0)
		return;
	set_mirrors("cut", NULL);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		/* after the first half arrived it waits a second to retry */
		dup2(open("/dev/null", O_WRONLY), 1);
		close(pipefd[0]);
		get("mirror://m/f");
		_exit(0);
	}
	close(pipefd[1]);
	for (i = 0; i < 1000 && server.seen->requests == 0; i++)
		usleep(10000);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	is_int(read(pipefd[0], &c, 1), 0, "it is dead");
	close(pipefd[0]);
	ok(!is_in(), "nothing visible");
	set_mirrors("ok", NULL);
	is_int(get("mirror://m/f"), 0, "the next one goes on");
	ok(is_in(), "it is in the store");
}

static void
test_unknown(void)
{
	struct source s = {.uri = "mirror://m/f", .name = "f"};
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	struct stat st;

	set_mirrors("404", "ok");
	is_int(fetch_unknown(&conf, &s, fd, CONTENT_SIZE, &err), 0, "unknown");
	fstat(fd, &st);
	is_int(st.st_size, CONTENT_SIZE, "all of it");
	is_int(fetch_unknown(&conf, &s, fd, CONTENT_SIZE - 1, &err), -1,
	    "more than the limit");
	ok(strstr(err.msg, "/404/f: HTTP 404") &&
		strstr(err.msg, "is larger than 3145727 bytes"),
	    "both reasons: %s", err.msg);
	close(fd);
}

int
main(void)
{
	if (!mkdtemp(dir))
		return 1;
	server_start(&server);
	entry.name = "f";
	entry.size = CONTENT_SIZE;
	digest_of(
	    DIGEST_BLAKE2B, server_content(), CONTENT_SIZE, entry.blake2b);
	digest_of(DIGEST_SHA512, server_content(), CONTENT_SIZE, entry.sha512);
	test_plain();
	test_wrong();
	test_mirrors();
	test_resume();
	test_cut();
	test_refused();
	test_files();
	test_many();
	test_cancelled();
	test_killed();
	test_unknown();
	server_stop(&server);
	close(conf.store);
	file_remove_tree(AT_FDCWD, dir, &err);
	arena_release(&arena);
	return tap_done();
}
