/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where this project's other programs and files are: beside the running
 * program when that is in a build folder (or was installed elsewhere than it
 * was built for), else where "make install" puts them.
 */
#ifndef RUN_WHERE_H
#define RUN_WHERE_H

struct arena;

/*
 * Path of another program of ours, as in "autotua-chroot": in the folder of
 * the running program or its sister sbin/. NULL when there is none.
 */
const char *where_program(struct arena *a, const char *name);

/* The folder that has jobuild.sh and helpers.sh; NULL when there is none. */
const char *where_helpers(struct arena *a);

/* Which of these files the folder lacks; NULL: none. */
const char *where_lacks(struct arena *a, const char *folder);

#endif
