/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lender's contract: hours, battery, traffic, the owner's word. */
#include "slave/conf.h"
#include "slave/contract.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "tests/unit/tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define AT(h, m) ((h)*60 + (m))
enum { SUN, MON, TUE, WED, THU, FRI, SAT };

static struct error err;

static void
test_hours(struct arena *a)
{
	static const struct {
		int day, minute;
		bool open;
	} table[] = {
	    {MON, AT(21, 59), false},
	    {MON, AT(22, 0), true},
	    {TUE, AT(6, 59), true},
	    {TUE, AT(7, 0), false},
	    /* Monday's night begins on Monday */
	    {MON, AT(3, 0), false},
	    {SAT, AT(3, 0), true},
	    {SAT, AT(12, 0), true},
	    {SUN, AT(23, 59), true},
	    {WED, AT(12, 0), false},
	};
	struct hours h;
	size_t i;

	ok(hours_parse(&h, "mon-fri 22:00-07:00, sat-sun", a, &err) == 0,
	    "days and times");
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		ok(hours_open(&h, table[i].day, table[i].minute) ==
			table[i].open,
		    "day %d minute %d", table[i].day, table[i].minute);
	is_int(hours_change(&h, MON, AT(21, 0)), 60, "opens in an hour");
	is_int(hours_change(&h, FRI, AT(22, 0)), 2 * 1440 + 120,
	    "night and weekend are one");
	ok(hours_parse(&h, "08:00-24:00", a, &err) == 0 &&
		hours_open(&h, WED, AT(23, 59)) && !hours_open(&h, THU, 0),
	    "every day until midnight");
	ok(hours_parse(&h, "fri-mon", a, &err) == 0 && hours_open(&h, SUN, 5) &&
		!hours_open(&h, TUE, 5),
	    "days over the week's end");
	ok(hours_parse(&h, "mon-sun", a, &err) == 0 &&
		hours_change(&h, SUN, 5) == 0,
	    "what is always open never closes");
}

static void
test_bad_hours(struct arena *a)
{
	static const char *const bad[] = {"", ",", "mon,", "monday", "mon-",
	    "mon 7:00-8:00", "mon 07:00", "mon 07:00-", "mon 07:60-08:00",
	    "mon 24:01-24:30", "24:00-08:00", "07:00-07:00",
	    "mon 07:00-08:00 x", "mon\n", "mon 0a:00-08:00", "-"};
	struct hours h;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(hours_parse(&h, bad[i], a, &err) < 0, "no hours: \"%s\"",
		    bad[i]);
}

static void
put(const char *dir, const char *name, const char *text)
{
	struct arena a = {0};
	const char *path = arena_printf(&a, "%s/%s", dir, name);
	char *slash = strrchr(path, '/');

	*slash = '\0';
	if (file_mkdirs(path, 0700, &err) < 0)
		printf("# %s\n", err.msg);
	*slash = '/';
	if (file_write(path, text, strlen(text), 0600, &err) < 0)
		printf("# %s\n", err.msg);
	arena_release(&a);
}

static void
test_battery(const char *dir)
{
	ok(!contract_on_battery(dir), "no supply at all is no battery");
	put(dir, "BAT0/type", "Battery\n");
	put(dir, "BAT0/status", "Full\n");
	ok(!contract_on_battery(dir), "a full battery is not used");
	put(dir, "BAT0/status", "Discharging\n");
	ok(contract_on_battery(dir), "one that is emptied is");
	put(dir, "AC/type", "Mains\n");
	put(dir, "AC/online", "1\n");
	ok(!contract_on_battery(dir), "not with the mains there");
	put(dir, "AC/online", "0\n");
	ok(contract_on_battery(dir), "the mains without power");
	put(dir, "BAT0/scope", "Device\n");
	ok(!contract_on_battery(dir), "a mouse's battery doesn't count");
}

static void
test_traffic(const char *dir, int state)
{
	struct slave_conf conf = {.state = dir,
	    .chroot_state = dir,
	    .traffic = 1000,
	    .on_battery = true};
	const time_t day = 1790000000;
	struct contract c, again;

	contract_init(&c, &conf, state);
	contract_look(&c, day);
	is(c.closed, "", "open");
	contract_moved(&c, 600, day);
	is_int(contract_left(&c), 400, "some is left");
	contract_moved(&c, 600, day);
	ok(contract_look(&c, day), "it changes");
	is(c.closed, "its traffic of today is used up", "and says why");
	ok(!*c.ends && !contract_look(&c, day), "what runs goes on");
	contract_save(&c);
	contract_init(&again, &conf, state);
	contract_look(&again, day);
	is(again.closed, c.closed, "a restart doesn't forget");
	ok(contract_look(&again, day + 86400), "the next day");
	is(again.closed, "", "is another one");
	is_int(contract_left(&again), 1000, "with all of it");
	conf.disk_reserve = INT64_MAX;
	contract_look(&again, day);
	ok(strstr(again.closed, "disk has less than") != NULL, "a full disk");
}

static void
test_owner(struct arena *a, const char *dir, int state)
{
	struct slave_conf conf = {
	    .state = dir, .chroot_state = dir, .on_battery = true};
	struct contract c;

	contract_init(&c, &conf, state);
	contract_look(&c, 0);
	is(c.closed, "", "nothing was said: open");
	contract_set_owner(state, OWNER_DRAIN, &err);
	contract_look(&c, 0);
	is(c.closed, "drained by its owner", "drained");
	ok(!*c.ends, "what runs is finished");
	contract_set_owner(state, OWNER_PAUSE, &err);
	contract_look(&c, 0);
	ok(strcmp(c.closed, "paused by its owner") == 0 && *c.ends,
	    "paused: what runs is given back");
	put(dir, "owner", "resume?\n");
	contract_look(&c, 0);
	ok(*c.ends && c.until == 0, "a word that isn't known is no permission");
	contract_set_owner(state, OWNER_OPEN, &err);
	ok(contract_look(&c, 0) && !*c.closed, "resumed");
	hours_parse(&conf.lent, "mon-sun 00:00-24:00", a, &err);
	ok(!contract_look(&c, 0), "within its hours");
	/* 1970 began on a Thursday, wherever that is */
	hours_parse(&conf.lent, "mon 12:00-13:00", a, &err);
	contract_look(&c, 43200);
	ok(strncmp(c.closed, "outside its hours until Mon 12:00", 33) == 0 &&
		strcmp(c.ends, c.closed) == 0,
	    "outside of them: %s", c.closed);
	ok(c.until > 43200 && c.until < 43200 + 8 * 86400 && c.until % 60 == 0,
	    "until then");
	conf.finish = true;
	contract_look(&c, 43200);
	ok(*c.closed && !*c.ends, "at-close = finish");
}

/* What takes nothing new may still have something that runs. */
static void
test_end_of_hours(struct arena *a, const char *dir, int state)
{
	struct slave_conf conf = {
	    .state = dir, .chroot_state = dir, .on_battery = true};
	struct contract c;

	hours_parse(&conf.lent, "mon 12:00-13:00", a, &err);
	contract_init(&c, &conf, state);
	contract_set_owner(state, OWNER_DRAIN, &err);
	contract_look(&c, 43200);
	is(c.closed, "drained by its owner", "drained outside its hours");
	ok(c.until == 0, "whose end opens nothing");
	ok(strncmp(c.ends, "outside its hours until Mon 12:00", 33) == 0,
	    "what runs is given back for them: %s", c.ends);
	contract_set_owner(state, OWNER_PAUSE, &err);
	contract_look(&c, 43200);
	is(c.ends, "paused by its owner", "the owner's word is nearer");
	contract_set_owner(state, OWNER_OPEN, &err);
	contract_set_unfit(&c, "no job can be run here");
	contract_look(&c, 43200);
	ok(strcmp(c.closed, "no job can be run here") == 0 && *c.ends &&
		c.until == 0,
	    "jails that hold nothing any more");
	contract_set_unfit(&c, NULL);
	conf.finish = true;
	contract_set_owner(state, OWNER_DRAIN, &err);
	contract_look(&c, 43200);
	ok(!*c.ends, "with at-close = finish it goes on");
	contract_set_owner(state, OWNER_OPEN, &err);
}

int
main(void)
{
	char dir[] = "/tmp/slave-contract.XXXXXX";
	struct arena a = {0};
	const char *supplies;
	int state;

	test_hours(&a);
	test_bad_hours(&a);
	if (!mkdtemp(dir))
		return 1;
	supplies = arena_printf(&a, "%s/supplies", dir);
	file_mkdirs(supplies, 0700, &err);
	test_battery(supplies);
	state = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	test_traffic(dir, state);
	test_owner(&a, dir, state);
	test_end_of_hours(&a, dir, state);
	close(state);
	file_remove_tree(AT_FDCWD, dir, &err);
	arena_release(&a);
	return tap_done();
}
