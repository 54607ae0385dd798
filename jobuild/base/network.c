/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/network.h"

#include <string.h>

const char *const network_names[] = {"no", "host", "private"};

int
network_parse(const char *word)
{
	int i;

	for (i = 0; i < NETWORKS; i++) {
		if (strcmp(word, network_names[i]) == 0)
			return i;
	}
	return strcmp(word, "yes") == 0 ? NETWORK_HOST : -1;
}
