/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/progress.h"
#include "cli/cli.h"

bool
progress_terminal(const struct cli *c)
{
	return !c->quiet && !c->json && progress_redraws();
}

void
progress_begin(
    struct progress *p, struct cli *c, const char *what, size_t total)
{
	progress_start(
	    p, &c->bar, cli_show(c, what), total, c->quiet || c->json);
}

void
progress_tick(struct cli *c)
{
	progress_pass(c->bar.innermost);
}

void
progress_hide(struct cli *c)
{
	progress_clear(c->bar.innermost);
}
