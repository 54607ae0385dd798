/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/run/machine.h"
#include "base/arch.h"
#include "cli/cli.h"
#include "run/jailer.h"

int
machine_runs(struct cli *c, const char *arch, struct error *err)
{
	const struct jailer_conf conf = {
	    .program = c->conf.chroot, .state = c->conf.state};
	struct jailer j;
	int rc;

	if (arch_is_own(arch))
		return 0;
	if (jailer_start(&j, &conf, err) < 0)
		return -1;
	rc = jailer_runs(j.socket, arch, err);
	jailer_end(&j);
	return rc;
}
