/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slave/contract.h"
#include "slave/conf.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "recipe/recipe.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define POWER_SUPPLIES "/sys/class/power_supply"
#define DAY_SECONDS    86400
#define SAVE_STEP      ((int64_t)1 << 20) /* bytes that a crash may forget */

static const char *const words[] = {[OWNER_OPEN] = "open\n",
    [OWNER_DRAIN] = "drain\n",
    [OWNER_PAUSE] = "pause\n"};

/* A small file's text into out; false: there is none. */
static bool
read_text(int dir, const char *name, char *out, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, out, size - 1);
	close(fd);
	out[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* ---- the owner's word ---------------------------------------------------- */

enum owner
contract_owner(int state)
{
	char text[32];
	size_t i;

	if (!read_text(state, "owner", text, sizeof(text)))
		return OWNER_OPEN;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(text, words[i]) == 0)
			return (enum owner)i;
	}
	/* whatever it means, it is no permission */
	return OWNER_PAUSE;
}

int
contract_set_owner(int state, enum owner owner, struct error *err)
{
	return file_write_at(
	    state, "owner", words[owner], strlen(words[owner]), 0644, err);
}

/* ---- jails ---------------------------------------------------------------
 */

void
contract_set_unfit(struct contract *c, const char *why)
{
	struct error err;

	if (!why)
		(void)unlinkat(c->state, "unfit", 0);
	else if (file_write_at(
		     c->state, "unfit", why, strlen(why), 0644, &err) < 0)
		log_warn("unfit: %s", err.msg);
}

/* ---- battery ------------------------------------------------------------- */

static bool
is_word(int dir, const char *supply, const char *file, const char *word)
{
	char path[300], text[32];

	snprintf(path, sizeof(path), "%s/%s", supply, file);
	if (!read_text(dir, path, text, sizeof(text)))
		return false;
	text[strcspn(text, "\n")] = '\0';
	return strcmp(text, word) == 0;
}

bool
contract_on_battery(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	bool drains = false, mains = false;
	struct dirent *e;

	while (dir && (e = readdir(dir)) != NULL) {
		/* a battery of a mouse says nothing about the machine */
		if (*e->d_name == '.' ||
		    is_word(fd, e->d_name, "scope", "Device"))
			continue;
		if (is_word(fd, e->d_name, "type", "Battery"))
			drains |=
			    is_word(fd, e->d_name, "status", "Discharging");
		else
			mains |= is_word(fd, e->d_name, "online", "1");
	}
	if (dir)
		closedir(dir);
	return drains && !mains;
}

/* ---- traffic ------------------------------------------------------------- */

static void
read_traffic(struct contract *c)
{
	char text[64];
	int64_t day, moved, waits = 0;

	if (read_text(c->state, "traffic", text, sizeof(text)) &&
	    sscanf(text, "%" SCNd64 " %" SCNd64 " %" SCNd64, &day, &moved,
		&waits) >= 2 &&
	    moved >= 0) {
		c->day = day;
		c->moved = c->saved = moved;
		c->waits = waits;
	}
}

/* The owner's day, not Greenwich's. */
static int64_t
day_of(time_t now)
{
	struct tm t;

	localtime_r(&now, &t);
	return (now + t.tm_gmtoff) / DAY_SECONDS;
}

void
contract_save(struct contract *c)
{
	struct error err;
	char text[64];
	int fd, n;

	if (c->saved == c->moved)
		return;
	n = snprintf(text, sizeof(text),
	    "%" PRId64 " %" PRId64 " %" PRId64 "\n", c->day, c->moved,
	    c->waits);
	fd = openat(c->state, "traffic.new",
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 || file_write_all(fd, text, (size_t)n, &err) < 0 ||
	    renameat(c->state, "traffic.new", c->state, "traffic") < 0)
		log_warn("traffic of today can't be written");
	else
		c->saved = c->moved;
	if (fd >= 0)
		close(fd);
}

static void
begin_day(struct contract *c, time_t now)
{
	if (c->day == day_of(now))
		return;
	c->day = day_of(now);
	c->moved = c->waits = 0;
}

void
contract_moved(struct contract *c, int64_t bytes, time_t now)
{
	if (bytes <= 0 || c->conf->traffic == 0)
		return;
	begin_day(c, now);
	c->moved += bytes;
	if (c->moved - c->saved >= SAVE_STEP || c->moved < c->saved)
		contract_save(c);
}

int64_t
contract_phases(const json_t *report)
{
	const json_t *phases = json_object_get(report, "phases"), *n;
	int64_t sum = 0;
	size_t i;

	for (i = 0; i < json_array_size(phases); i++) {
		n = json_object_get(json_array_get(phases, i), "net_bytes");
		sum += json_integer_value(n);
	}
	return sum;
}

int64_t
contract_left(const struct contract *c)
{
	if (c->conf->traffic == 0)
		return INT64_MAX;
	return c->moved < c->conf->traffic ? c->conf->traffic - c->moved : 0;
}

void
contract_wait(struct contract *c, int64_t bytes)
{
	if (bytes <= c->waits)
		return;
	c->waits = bytes;
	c->saved = -1;
	contract_save(c);
}

bool
contract_is_spent(const struct contract *c)
{
	int64_t left = contract_left(c);

	return left == 0 || left < c->waits;
}

/* ---- all of it ----------------------------------------------------------- */

void
contract_init(struct contract *c, const struct slave_conf *conf, int state)
{
	memset(c, 0, sizeof(*c));
	c->conf = conf;
	c->state = state;
	read_traffic(c);
}

/* false: the machine isn't lent at this time; until is set. */
static bool
look_hours(struct contract *c, time_t now, char why[CLOSED_MAX])
{
	const struct hours *lent = &c->conf->lent;
	struct tm t;

	localtime_r(&now, &t);
	if (hours_open(lent, t.tm_wday, t.tm_hour * 60 + t.tm_min))
		return true;
	c->until = now - t.tm_sec +
	    60 *
		(time_t)hours_change(
		    lent, t.tm_wday, t.tm_hour * 60 + t.tm_min);
	localtime_r(&c->until, &t);
	strftime(why, CLOSED_MAX, "outside its hours until %a %H:%M", &t);
	return false;
}

static bool
look_disk(const struct contract *c, char why[CLOSED_MAX])
{
	const char *path = c->conf->chroot_state;
	struct statvfs v;
	int64_t free;

	if (statvfs(path, &v) < 0 && statvfs(c->conf->state, &v) < 0)
		return true;
	free = (int64_t)(v.f_bavail * v.f_frsize);
	if (free >= c->conf->disk_reserve)
		return true;
	snprintf(why, CLOSED_MAX, "its disk has less than %" PRId64 " MiB free",
	    c->conf->disk_reserve >> 20);
	return false;
}

/* Does the owner want the machine for himself now? until is set for hours. */
static void
look_away(struct contract *c, time_t now, char why[CLOSED_MAX])
{
	if (look_hours(c, now, why) && !c->conf->on_battery &&
	    contract_on_battery(POWER_SUPPLIES))
		snprintf(why, CLOSED_MAX, "on battery");
}

/* Why nothing is taken: of several reasons the one that lasts longest. */
static void
judge(
    const struct contract *c, const char away[CLOSED_MAX], char why[CLOSED_MAX])
{
	if (c->owner != OWNER_OPEN) {
		snprintf(why, CLOSED_MAX, "%s by its owner",
		    c->owner == OWNER_PAUSE ? "paused" : "drained");
		return;
	}
	if (read_text(c->state, "unfit", why, CLOSED_MAX))
		return;
	memcpy(why, away, CLOSED_MAX);
	if (*why || !look_disk(c, why))
		return;
	if (contract_is_spent(c))
		snprintf(why, CLOSED_MAX, CONTRACT_SPENT);
}

/* What runs may have to end for another reason than why nothing is taken. */
static void
judge_running(
    const struct contract *c, const char away[CLOSED_MAX], char why[CLOSED_MAX])
{
	if (c->owner == OWNER_PAUSE)
		memcpy(why, c->closed, CLOSED_MAX);
	else if (!c->conf->finish)
		memcpy(why, away, CLOSED_MAX);
}

bool
contract_look(struct contract *c, time_t now)
{
	const struct contract old = *c;
	char away[CLOSED_MAX] = "";

	begin_day(c, now);
	c->owner = contract_owner(c->state);
	c->until = 0;
	*c->closed = *c->ends = '\0';
	look_away(c, now, away);
	judge(c, away, c->closed);
	judge_running(c, away, c->ends);
	/* the end of that opens it only if there is nothing else */
	if (strcmp(c->closed, away) != 0)
		c->until = 0;
	return strcmp(c->closed, old.closed) != 0 ||
	    strcmp(c->ends, old.ends) != 0;
}

/* More than the owner gives a jobuild isn't there for it. */
static int
is_given(const char *name, int64_t asked, int64_t given, struct error *err)
{
	if (given <= 0 || asked <= given)
		return 0;
	return fail(err,
	    "wants RESOURCES %s=%" PRId64 ", this slave's owner gives %" PRId64,
	    name, asked, given);
}

int
contract_allows(
    const struct slave_conf *c, const struct metadata *m, struct error *err)
{
	unsigned network = PROPERTY_NETWORK | PROPERTY_NETWORK_SETUP;
	const char *what = NULL;

	if (is_given("memory", m->resources.memory, c->memory, err) < 0 ||
	    is_given("disk", m->resources.disk, c->disk, err) < 0 ||
	    is_given("cpus", m->resources.cpus, c->cpus, err) < 0)
		return -1;
	if (m->properties & PROPERTY_NEST && !c->nest)
		what = "nest";
	else if (m->properties & network && !c->network)
		what = "network";
	if (!what)
		return 0;
	return fail(err,
	    "wants PROPERTIES=%s, which this slave's owner doesn't allow",
	    what);
}

int
contract_takes(const struct slave_conf *c, const char *tree, struct error *err)
{
	const struct conf_list *l = &c->trees;
	size_t i;

	for (i = 0; i < l->n; i++) {
		if (strcmp(l->items[i], tree) == 0)
			return 0;
	}
	if (l->n == 0)
		return 0;
	return fail(err,
	    "tree \"%s\" is none of those that this slave's owner takes", tree);
}
