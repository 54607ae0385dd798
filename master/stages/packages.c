/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/stages/packages.h"
#include "base/buf.h"
#include "base/error.h"
#include "recipe/recipe.h"

#include <string.h>

const char *const manager_names[MANAGERS] = {
    "apk", "dpkg", "pacman", "portage", "rpm"};

/* Files that are read, wherever the managers keep them. */
static const struct {
	const char *path;
	enum package_manager manager;
} files[] = {
    {"var/lib/dpkg/status", MANAGER_DPKG},
    {"lib/apk/db/installed", MANAGER_APK},
    {"usr/lib/apk/db/installed", MANAGER_APK},
    {"var/lib/rpm/rpmdb.sqlite", MANAGER_RPM},
    {"usr/lib/sysimage/rpm/rpmdb.sqlite", MANAGER_RPM},
};

/* rpm's where it is Berkeley DB's or its own. */
static const char *const unreadable[] = {
    "var/lib/rpm/Packages",
    "var/lib/rpm/Packages.db",
    "usr/lib/sysimage/rpm/Packages",
    "usr/lib/sysimage/rpm/Packages.db",
};

/* Folders that have a file for each package, after whose folder it is. */
#define PACMAN_FOLDER  "var/lib/pacman/local/"
#define PORTAGE_FOLDER "var/db/pkg/"

/* Part of a text. */
struct part {
	const char *s;
	size_t n;
};

void
packages_init(struct packages *p, struct arena *a)
{
	memset(p, 0, sizeof(*p));
	p->arena = a;
	map_init(&p->seen, a);
}

static bool
is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z');
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* What REQUIRES can name. */
static bool
good_name(const char *s, size_t n)
{
	size_t i;

	if (n == 0 || n > PACKAGE_NAME_MAX || !is_alnum(*s))
		return false;
	for (i = 0; i < n; i++) {
		if (!s[i] || (!is_alnum(s[i]) && !strchr("+_-./", s[i])))
			return false;
	}
	return true;
}

static bool
good_version(const char *s, size_t n)
{
	size_t i;

	if (n == 0 || n > PACKAGE_VERSION_MAX)
		return false;
	for (i = 0; i < n; i++) {
		if (s[i] <= ' ' || s[i] > '~')
			return false;
	}
	return true;
}

void
packages_add(struct packages *p, const char *name, size_t namelen,
    const char *version, size_t versionlen)
{
	const char *key;
	struct package *x;

	if (p->full || !good_name(name, namelen) ||
	    !good_version(version, versionlen))
		return;
	key = arena_printf(p->arena, "%.*s %.*s", (int)namelen, name,
	    (int)versionlen, version);
	if (map_gets(&p->seen, key))
		return;
	p->full |= p->n == PACKAGES_MAX;
	if (p->full)
		return;
	p->items = arena_grow(p->arena, p->items, p->n, sizeof(*p->items));
	x = &p->items[p->n++];
	x->name = arena_strndup(p->arena, name, namelen);
	x->version = key + namelen + 1;
	*map_puts(&p->seen, key) = (void *)x->name;
}

/* ---- names of files -------------------------------------------------------
 */

/* The file's name and the folder it is in: "…/FOLDER/NAME". */
static bool
last_folder(const char *path, const char *name, struct part *folder)
{
	const char *end = strrchr(path, '/'), *s;

	if (!end || strcmp(end + 1, name) != 0)
		return false;
	for (s = end; s > path && s[-1] != '/';)
		s--;
	*folder = (struct part){s, (size_t)(end - s)};
	return s < end;
}

/* The last n bytes of s from a '-' on are its version. */
static void
add_at(struct packages *p, struct part all, const char *dash)
{
	packages_add(p, all.s, (size_t)(dash - all.s), dash + 1,
	    (size_t)(all.s + all.n - dash) - 1);
}

/* NAME-VERSION-RELEASE. */
static void
take_pacman(struct packages *p, const char *path)
{
	struct part f;
	const char *s;
	int dashes = 0;

	if (!last_folder(path, "desc", &f) ||
	    f.s != path + strlen(PACMAN_FOLDER))
		return;
	p->found[MANAGER_PACMAN] = true;
	for (s = f.s + f.n; s > f.s; s--) {
		if (s[-1] == '-' && ++dashes == 2) {
			add_at(p, f, s - 1);
			return;
		}
	}
}

/* CATEGORY/NAME-VERSION, where the version may have a "-rN". */
static void
take_portage(struct packages *p, const char *path)
{
	const char *start = path + strlen(PORTAGE_FOLDER), *s;
	struct part f;

	if (!last_folder(path, "CONTENTS", &f) || f.s <= start || f.s[0] == '-')
		return;
	if (memchr(start, '/', (size_t)(f.s - start)) != f.s - 1)
		return;
	p->found[MANAGER_PORTAGE] = true;
	for (s = f.s + f.n - 1; s > f.s; s--) {
		if (s[-1] == '-' && is_digit(*s)) {
			add_at(p,
			    (struct part){start, f.n + (size_t)(f.s - start)},
			    s - 1);
			return;
		}
	}
}

static const char *
plain(const char *path)
{
	while (strncmp(path, "./", 2) == 0)
		path += 2;
	while (*path == '/')
		path++;
	return path;
}

static bool
begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

enum packages_want
packages_wants(struct packages *p, const char *path)
{
	size_t i;

	path = plain(path);
	if (begins(path, PACMAN_FOLDER))
		take_pacman(p, path);
	else if (begins(path, PORTAGE_FOLDER))
		take_portage(p, path);
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (strcmp(path, files[i].path) == 0)
			return PACKAGES_TEXT;
	}
	for (i = 0; i < sizeof(unreadable) / sizeof(unreadable[0]); i++) {
		if (strcmp(path, unreadable[i]) == 0)
			p->unread = unreadable[i];
	}
	return PACKAGES_NOTHING;
}

/* ---- files ----------------------------------------------------------------
 */

static bool
next_line(struct part *text, struct part *line)
{
	const char *end;

	if (text->n == 0)
		return false;
	end = memchr(text->s, '\n', text->n);
	line->s = text->s;
	line->n = end ? (size_t)(end - text->s) : text->n;
	text->s += line->n + (end != NULL);
	text->n -= line->n + (end != NULL);
	return true;
}

/* The value when the line is of this field. */
static bool
field(struct part line, const char *name, struct part *value)
{
	size_t n = strlen(name);

	if (line.n < n || memcmp(line.s, name, n) != 0)
		return false;
	line.s += n;
	line.n -= n;
	while (line.n > 0 && (*line.s == ' ' || *line.s == '\t')) {
		line.s++;
		line.n--;
	}
	while (line.n > 0 && strchr(" \t\r", line.s[line.n - 1]))
		line.n--;
	*value = line;
	return true;
}

static bool
ends(struct part s, const char *with)
{
	size_t n = strlen(with);

	return s.n >= n && memcmp(s.s + s.n - n, with, n) == 0;
}

/* Paragraphs of "Field: value"; half installed is not installed. */
static void
take_dpkg(struct packages *p, struct part text)
{
	struct part line, name = {0}, version = {0}, status = {0};
	bool more;

	do {
		more = next_line(&text, &line);
		if (more && line.n > 0) {
			if (!field(line, "Package:", &name) &&
			    !field(line, "Version:", &version))
				(void)field(line, "Status:", &status);
			continue;
		}
		if (ends(status, " installed"))
			packages_add(p, name.s, name.n, version.s, version.n);
		name = version = status = (struct part){0};
	} while (more);
}

/* Paragraphs of "P:name", "V:version" and others. */
static void
take_apk(struct packages *p, struct part text)
{
	struct part line, name = {0}, version = {0};
	bool more;

	do {
		more = next_line(&text, &line);
		if (more && line.n > 0) {
			if (!field(line, "P:", &name))
				(void)field(line, "V:", &version);
			continue;
		}
		packages_add(p, name.s, name.n, version.s, version.n);
		name = version = (struct part){0};
	} while (more);
}

int
packages_take(struct packages *p, const char *path, const char *data,
    size_t len, struct error *err)
{
	enum package_manager manager = MANAGERS;
	struct part text = {data, len};
	size_t i;

	path = plain(path);
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (strcmp(path, files[i].path) == 0)
			manager = files[i].manager;
	}
	if (manager == MANAGERS)
		return 0;
	p->found[manager] = true;
	if (manager == MANAGER_RPM)
		return packages_take_rpm(p, data, len, err) < 0
		    ? fail_in(err, "%s", path)
		    : 0;
	if (manager == MANAGER_DPKG)
		take_dpkg(p, text);
	else
		take_apk(p, text);
	return 0;
}

/* ---- from one process to another ------------------------------------------
 */

const char *
packages_managers(const struct packages *p, struct arena *a)
{
	const char *out = "";
	size_t i;

	for (i = 0; i < MANAGERS; i++) {
		if (p->found[i])
			out = arena_printf(a, "%s%s%s", out, *out ? " " : "",
			    manager_names[i]);
	}
	return out;
}

int
packages_write(const struct packages *p, struct buf *out, struct error *err)
{
	size_t i;
	int rc = 0;

	if (p->unread && !p->found[MANAGER_RPM])
		return fail(err,
		    "%s: this database of rpm is not SQLite's; make it so "
		    "with rpmdb --rebuilddb in the stage",
		    p->unread);
	if (p->full)
		return fail(err, "more than %d packages", PACKAGES_MAX);
	for (i = 0; i < MANAGERS; i++) {
		if (p->found[i])
			rc |= buf_addf(out, "manager %s\n", manager_names[i]);
	}
	for (i = 0; i < p->n; i++)
		rc |= buf_addf(out, "package %s %s\n", p->items[i].name,
		    p->items[i].version);
	rc |= buf_addf(out, "end\n");
	return rc < 0 ? fail(err, "too many packages") : 0;
}

static bool
read_manager(struct packages *p, struct part name)
{
	size_t i;

	for (i = 0; i < MANAGERS; i++) {
		if (name.n == strlen(manager_names[i]) &&
		    memcmp(name.s, manager_names[i], name.n) == 0) {
			p->found[i] = true;
			return true;
		}
	}
	return false;
}

static bool
read_package(struct packages *p, struct part line)
{
	const char *blank = line.n ? memchr(line.s, ' ', line.n) : NULL;
	size_t n = p->n, name;

	if (!blank)
		return false;
	name = (size_t)(blank - line.s);
	packages_add(p, line.s, name, blank + 1, line.n - name - 1);
	return p->n > n;
}

int
packages_read(
    struct packages *p, const char *text, size_t len, struct error *err)
{
	struct part all = {text, len}, line, rest;

	while (next_line(&all, &line)) {
		if (field(line, "manager ", &rest)) {
			if (!read_manager(p, rest))
				break;
		} else if (field(line, "package ", &rest)) {
			if (!read_package(p, rest))
				break;
		} else if (line.n == 3 && memcmp(line.s, "end", 3) == 0 &&
		    all.n == 0) {
			return 0;
		} else {
			break;
		}
	}
	return fail(err, "what was read of the packages has no right end");
}
