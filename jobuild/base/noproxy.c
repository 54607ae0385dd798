/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "noproxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *
noproxy_list(char list[NOPROXY_MAX])
{
	static const char local[] = "localhost,127.0.0.1,::1";
	const char *env = getenv("no_proxy");

	if (!env)
		env = getenv("NO_PROXY");
	if (env && strcmp(env, "*") == 0)
		return NULL;
	if (env && strlen(env) + sizeof(local) + 1 > NOPROXY_MAX)
		return NULL;
	snprintf(list, NOPROXY_MAX, "%s%s%s", env ? env : "",
	    env && *env ? "," : "", local);
	return list;
}
