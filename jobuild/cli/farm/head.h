/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the repository around the current folder has checked out. */
#ifndef CLI_HEAD_H
#define CLI_HEAD_H

#include "tree/tree.h"

#include <stdbool.h>

struct head {
	char commit[OBJECT_HEX];
	bool dirty;    /* tracked or new files differ from it */
	bool unpushed; /* the branch has an upstream that lacks it */
};

/* False when there is no repository here whose HEAD has the folder. */
bool head_read(const char *folder, struct head *h);

#endif
