/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What package managers leave in a stage, good and hostile. */
#include "tap.h"
#include "master/stages/packages.h"
#include "base/buf.h"
#include "base/error.h"

#include <sqlite3.h>
#include <string.h>

static struct arena arena;
static struct packages p;
static struct error err;

static void
begin(void)
{
	arena_release(&arena);
	packages_init(&p, &arena);
	err.msg[0] = '\0';
}

static int
take(const char *path, const char *text)
{
	if (packages_wants(&p, path) != PACKAGES_TEXT)
		return -1;
	return packages_take(&p, path, text, strlen(text), &err);
}

/* "zlib1g 1.2; libc6 2.36" */
static const char *
all(void)
{
	const char *out = "";
	size_t i;

	for (i = 0; i < p.n; i++)
		out = arena_printf(&arena, "%s%s%s %s", out, i ? "; " : "",
		    p.items[i].name, p.items[i].version);
	return out;
}

static void
test_dpkg(void)
{
	begin();
	ok(take("./var/lib/dpkg/status",
	       "Package: zlib1g\n"
	       "Status: install ok installed\n"
	       "Architecture: amd64\n"
	       "Description: compression\n"
	       " Version: 9 is not its version\n"
	       "Version: 1:1.2.13.dfsg-1\n"
	       "\n"
	       "Package: gone\n"
	       "Status: deinstall ok config-files\n"
	       "Version: 1.0\n"
	       "\n"
	       "Package: half\n"
	       "Status: install ok half-installed\n"
	       "Version: 1.0\n"
	       "\n\n"
	       "Package: libc6\n"
	       "Version:   2.36-9\r\n"
	       "Status: hold ok installed") == 0,
	    "dpkg's status");
	is(all(), "zlib1g 1:1.2.13.dfsg-1; libc6 2.36-9",
	    "what is installed, and nothing else");
	is(packages_managers(&p, &arena), "dpkg", "found");
	ok(take("var/lib/dpkg/status-old", "Package: a\n") < 0,
	    "another file is not asked for");
}

static void
test_dpkg_hostile(void)
{
	static char many[400000];
	size_t i;

	begin();
	ok(take("var/lib/dpkg/status",
	       "Package: a b\nStatus: x installed\nVersion: 1\n\n"
	       "Package: good\nStatus: x installed\nVersion: 1 2\n\n"
	       "Package: \nStatus: x installed\nVersion: 1\n\n"
	       "Package: ../x\nStatus: x installed\nVersion: 1\n\n"
	       "Package: e\033[31m\nStatus: x installed\nVersion: 1\n\n"
	       "Status: x installed\nVersion: 1\n\n"
	       "Package: twice\nStatus: x installed\nVersion: 1\n\n"
	       "Package: twice\nStatus: x installed\nVersion: 1\n\n"
	       "Package: twice\nStatus: x installed\nVersion: 2\n") == 0,
	    "odd paragraphs");
	is(all(), "twice 1; twice 2", "are passed over, each version once");
	begin();
	memset(many, 'a', sizeof(many) - 1);
	ok(take("var/lib/dpkg/status", many) == 0 && p.n == 0, "one line");
	for (i = 0; i < sizeof(many) - 1; i++)
		many[i] = '\n';
	ok(take("var/lib/dpkg/status", many) == 0 && p.n == 0, "empty lines");
	ok(packages_take(
	       &p, "var/lib/dpkg/status", "Package: a\0b\n", 13, &err) == 0 &&
		p.n == 0,
	    "a NUL");
}

static void
test_apk(void)
{
	begin();
	ok(take("lib/apk/db/installed",
	       "C:Q1x=\nP:zlib\nV:1.2.13-r0\nA:x86_64\nF:lib\nR:libz.so\n\n"
	       "P:.build-deps\nV:0\n\nP:musl\nV:1.2.3-r5\n\n") == 0,
	    "apk's list");
	is(all(), "zlib 1.2.13-r0; musl 1.2.3-r5", "its packages");
}

static void
test_folders(void)
{
	static const char *const paths[] = {
	    "./var/lib/pacman/local/zlib-1:1.3.1-2/desc",
	    "./var/lib/pacman/local/zlib-1:1.3.1-2/files",
	    "./var/lib/pacman/local/gcc-libs-13.2.1-3/desc",
	    "./var/lib/pacman/local/odd/desc",
	    "./var/lib/pacman/local/a/b-1-1/desc",
	    "./var/lib/pacman/local/desc",
	    "./var/db/pkg/sys-libs/zlib-1.2.13-r1/CONTENTS",
	    "./var/db/pkg/dev-libs/glib-utils-2-2.78.3/CONTENTS",
	    "./var/db/pkg/sys-libs/-MERGING-zlib-1.3/CONTENTS",
	    "./var/db/pkg/sys-libs/noversion/CONTENTS",
	    "./var/db/pkg/sys-libs/CONTENTS",
	    "./var/db/pkg/a/b/c-1/CONTENTS",
	    "./var/db/pkg/CONTENTS",
	};
	size_t i, wanted = 0;

	begin();
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		wanted += packages_wants(&p, paths[i]) == PACKAGES_TEXT;
	is_int((long long)wanted, 0, "names of folders tell all");
	is(all(),
	    "zlib 1:1.3.1-2; gcc-libs 13.2.1-3; sys-libs/zlib 1.2.13-r1; "
	    "dev-libs/glib-utils-2 2.78.3",
	    "pacman's and Portage's");
	is(packages_managers(&p, &arena), "pacman portage", "both are found");
}

/* ---- rpm ------------------------------------------------------------------
 */

static void
put_big(unsigned char *to, unsigned n)
{
	to[0] = (unsigned char)(n >> 24);
	to[1] = (unsigned char)(n >> 16);
	to[2] = (unsigned char)(n >> 8);
	to[3] = (unsigned char)n;
}

/* A header of name, version, release and epoch; its size. */
static int
header(unsigned char *to, const char *name, unsigned epoch)
{
	const char *texts[3] = {name, "1.2.13", "4.el9"};
	unsigned at = 0, i;
	unsigned char *data = to + 8 + 4 * 16;

	for (i = 0; i < 4; i++) {
		put_big(to + 8 + 16 * i, 1000 + i);
		put_big(to + 8 + 16 * i + 4, i == 3 ? 4 : 6);
		put_big(to + 8 + 16 * i + 8, at);
		put_big(to + 8 + 16 * i + 12, 1);
		if (i == 3) {
			put_big(data + at, epoch);
			at += 4;
		} else {
			memcpy(data + at, texts[i], strlen(texts[i]) + 1);
			at += (unsigned)strlen(texts[i]) + 1;
		}
	}
	put_big(to, 4);
	put_big(to + 4, at);
	return (int)(8 + 4 * 16 + at);
}

static sqlite3 *
rpm_database(const char *table)
{
	sqlite3 *db = NULL;

	if (sqlite3_open(":memory:", &db) != SQLITE_OK ||
	    sqlite3_exec(db, table, NULL, NULL, NULL) != SQLITE_OK)
		printf("# %s\n", sqlite3_errmsg(db));
	return db;
}

static void
rpm_add(sqlite3 *db, const unsigned char *blob, int n)
{
	sqlite3_stmt *s = NULL;

	sqlite3_prepare_v2(
	    db, "INSERT INTO Packages (blob) VALUES (?1)", -1, &s, NULL);
	sqlite3_bind_blob(s, 1, blob, n, SQLITE_TRANSIENT);
	sqlite3_step(s);
	sqlite3_finalize(s);
}

/* Take what the database is; it is closed. */
static int
rpm_take(sqlite3 *db, bool log)
{
	sqlite3_int64 n = 0;
	unsigned char *bytes = sqlite3_serialize(db, "main", &n, 0);
	int rc;

	if (log)
		bytes[18] = bytes[19] = 2;
	rc = packages_take(
	    &p, "var/lib/rpm/rpmdb.sqlite", (char *)bytes, (size_t)n, &err);
	sqlite3_free(bytes);
	sqlite3_close(db);
	return rc;
}

#define RPM_TABLE "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB)"

static void
test_rpm(void)
{
	unsigned char blob[256];
	sqlite3 *db = rpm_database(RPM_TABLE);
	int n;

	begin();
	n = header(blob, "zlib", 0);
	rpm_add(db, blob, n);
	n = header(blob, "bind", 32);
	rpm_add(db, blob, n);
	n = header(blob, "gpg-pubkey", 0);
	rpm_add(db, blob, n);
	ok(rpm_take(db, true) == 0, "rpm's database, as with a log: %s",
	    err.msg);
	is(all(), "zlib 1.2.13-4.el9; bind 32:1.2.13-4.el9", "its packages");
	is(packages_managers(&p, &arena), "rpm", "found");
}

static void
test_rpm_hostile(void)
{
	unsigned char blob[256];
	sqlite3 *db = rpm_database(RPM_TABLE);
	int n, i;

	begin();
	n = header(blob, "zlib", 0);
	for (i = 0; i < n; i++)
		rpm_add(db, blob, i);
	put_big(blob + 8 + 8, 0xffffffff);
	rpm_add(db, blob, n);
	n = header(blob, "zlib", 0);
	put_big(blob, 0x0fffffff);
	rpm_add(db, blob, n);
	memset(blob + 8 + 4 * 16, 'a', (size_t)n - 8 - 4 * 16);
	put_big(blob, 4);
	rpm_add(db, blob, n);
	ok(rpm_take(db, false) == 0 && p.n == 0, "broken headers: %s", err.msg);
	ok(rpm_take(rpm_database("CREATE TABLE Other (x)"), false) < 0,
	    "a database of others");
	ok(strstr(err.msg, "rpmdb.sqlite: not a database of rpm") != NULL,
	    "which is said: %s", err.msg);
	ok(rpm_take(rpm_database("CREATE VIEW Packages AS WITH RECURSIVE"
				 " c(blob) AS (SELECT 1 UNION ALL"
				 " SELECT blob + 1 FROM c)"
				 " SELECT blob FROM c"),
	       false) < 0,
	    "a view without end: %s", err.msg);
	ok(take("var/lib/rpm/rpmdb.sqlite", "short") < 0, "too short");
}

/* Could it be passed on? What it said stays in err. */
static bool
passes(void)
{
	struct buf text;
	int rc;

	buf_init(&text, PACKAGES_TEXT_MAX);
	rc = packages_write(&p, &text, &err);
	buf_release(&text);
	return rc == 0;
}

static void
test_rpm_old(void)
{
	static const char *const paths[] = {"./var/lib/rpm/Packages",
	    "var/lib/rpm/Packages.db", "usr/lib/sysimage/rpm/Packages",
	    "./usr/lib/sysimage/rpm/Packages.db"};
	sqlite3 *db = rpm_database(RPM_TABLE);
	unsigned char blob[256];
	size_t i, bad = 0;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		begin();
		bad += packages_wants(&p, paths[i]) != PACKAGES_NOTHING ||
		    passes() || !strstr(err.msg, "not SQLite's");
	}
	is_int((long long)bad, 0, "rpm's database of other kinds is unknown");
	is(err.msg,
	    "usr/lib/sysimage/rpm/Packages.db: this database of rpm is not "
	    "SQLite's; make it so with rpmdb --rebuilddb in the stage",
	    "which is said, with what to do");
	rpm_add(db, blob, header(blob, "zlib", 0));
	ok(rpm_take(db, false) == 0 && passes(),
	    "beside one of SQLite's it is of no account");
	begin();
	(void)packages_wants(&p, "opt/var/lib/rpm/Packages");
	ok(passes(), "nor elsewhere");
}

static void
test_many(void)
{
	char version[16];
	int i;

	begin();
	for (i = 0; i < PACKAGES_MAX; i++) {
		snprintf(version, sizeof(version), "%d", i);
		packages_add(&p, "a", 1, version, strlen(version));
	}
	packages_add(&p, "a", 1, "0", 1);
	ok(p.n == PACKAGES_MAX && passes(), "%d packages", PACKAGES_MAX);
	packages_add(&p, "b", 1, "1", 1);
	ok(!passes(), "one more: %s", err.msg);
}

/* ---- from one process to another ------------------------------------------
 */

static void
test_passing(void)
{
	static const char *const broken[] = {"", "end", "package a\nend\n",
	    "package a 1\n", "manager other\nend\n", "package ../a 1\nend\n",
	    "package a 1\npackage a 1\nend\n", "end\npackage a 1\n",
	    "package a 1\nend\nend\n", "other\nend\n"};
	struct buf text;
	size_t i, bad = 0;

	begin();
	take("var/lib/dpkg/status",
	    "Package: a\nStatus: x installed\nVersion: 1\n\n"
	    "Package: b\nStatus: x installed\nVersion: 2~rc1\n");
	buf_init(&text, PACKAGES_TEXT_MAX);
	ok(packages_write(&p, &text, &err) == 0, "written");
	packages_init(&p, &arena);
	ok(packages_read(&p, text.data, text.len, &err) == 0, "and read: %s",
	    err.msg);
	is(all(), "a 1; b 2~rc1", "the same packages");
	is(packages_managers(&p, &arena), "dpkg", "of the same manager");
	buf_release(&text);
	for (i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		begin();
		bad +=
		    packages_read(&p, broken[i], strlen(broken[i]), &err) < 0;
	}
	/* "end" without its line's end is whole too */
	is_int((long long)bad, sizeof(broken) / sizeof(broken[0]) - 1,
	    "nothing else is");
}

int
main(void)
{
	test_dpkg();
	test_dpkg_hostile();
	test_apk();
	test_folders();
	test_rpm();
	test_rpm_hostile();
	test_rpm_old();
	test_many();
	test_passing();
	arena_release(&arena);
	return tap_done();
}
