/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/run/machine.h"
#include "base/arch.h"
#include "cli/cli.h"
#include "run/jailer.h"

#include <string.h>
#include <sys/utsname.h>

static bool
is_own(const char *arch)
{
	struct utsname u;
	const char *own;

	own = uname(&u) == 0 ? arch_of_machine(u.machine) : NULL;
	return own && strcmp(own, arch) == 0;
}

static json_t *
ask_jailer(struct cli *c, struct error *err)
{
	const struct jailer_conf conf = {
	    .program = c->conf.chroot, .state = c->conf.state};
	struct jailer j;
	json_t *can;

	if (jailer_start(&j, &conf, err) < 0)
		return NULL;
	can = jailer_capabilities(j.socket, err);
	jailer_end(&j);
	return can;
}

/* Is it in the list? Those that are there go to names, as "amd64, i386". */
static bool
look_in(
    struct arena *a, const json_t *list, const char *arch, const char **names)
{
	bool found = false;
	json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
	{
		if (!json_is_string(v))
			continue;
		found = found || strcmp(json_string_value(v), arch) == 0;
		*names = arena_printf(a, "%s%s%s", *names, **names ? ", " : "",
		    json_string_value(v));
	}
	return found;
}

int
machine_runs(struct cli *c, const char *arch, struct error *err)
{
	const char *names = "";
	json_t *can;
	bool runs;

	if (is_own(arch))
		return 0;
	can = ask_jailer(c, err);
	if (!can)
		return -1;
	runs = look_in(&c->arena, json_object_get(can, "arches"), arch, &names);
	runs |=
	    look_in(&c->arena, json_object_get(can, "emulated"), arch, &names);
	json_decref(can);
	if (runs)
		return 0;
	return fail(err,
	    "arch %s: programs of that don't run here, but of %s; "
	    "\"autotua-chroot doctor\" tells of emulators",
	    arch, names);
}
