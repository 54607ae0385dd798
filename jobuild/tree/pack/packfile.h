/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Git's pack format, as far as tree_pack() and tree_open_pack() use it. */
#ifndef TREE_PACKFILE_H
#define TREE_PACKFILE_H

#define PACK_SIGNATURE   0x5041434b /* "PACK" */
#define PACK_VERSION     2
#define PACK_HEAD        12 /* bytes: both of these, number of objects */
#define PACK_OBJECT_HEAD 10 /* bytes in front of an object, at most */
#define PACK_SUM         20 /* bytes of the SHA-1 at the end */
#define PACK_INFLATED    (256 * 1024 * 1024) /* of all its objects */
#define PACK_OBJECT_MAX  (16 * 1024 * 1024)  /* of one object */
#define PACK_OBJECTS_MAX 100000

#endif
