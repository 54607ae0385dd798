/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The compressions in which a tarball of a stage or layer may come: those that
 * libarchive reads by itself. For the others, and for those that it was built
 * without, it would start a program.
 */
#ifndef BASE_FILTERS_H
#define BASE_FILTERS_H

struct archive;

#define FILTERS_NAMES "gzip, bzip2, xz, zstd, lz4, lzma, lzip or compress"

/* Let the reader take them. */
void filters_allow(struct archive *a);

#endif
