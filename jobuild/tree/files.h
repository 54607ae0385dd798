/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a package's files/ may have, for who checks it and who lists it. */
#ifndef TREE_FILES_H
#define TREE_FILES_H

#define FILE_MAX        (1024 * 1024) /* of files that aren't recipes */
#define FILES_DEPTH_MAX 8             /* folders below files/ */
#define FILES_MAX       1000          /* and files, in one files/ */

#endif
