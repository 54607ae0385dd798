/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A tree once more: owners, modes, times, links of both kinds, holes, and the
 * attributes that are part of an image (content.h) as they are in the other.
 * Who isn't root can copy what is its own and can be read; the copy's group is
 * its own, too.
 * Files share their blocks with it where the file system can do that.
 */
#ifndef CHROOT_COPY_H
#define CHROOT_COPY_H

struct error;

/*
 * Fill the folder to, which is empty, with what is in from; to becomes like
 * from itself. Nobody else writes in either.
 */
int copy_tree(int from, int to, struct error *err);

#endif
