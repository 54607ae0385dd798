/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries of a Manifest made from files: fetched ones and those of files/. */
#ifndef CLI_DISTFILE_H
#define CLI_DISTFILE_H

#include "net/fetch.h"
#include "tree/manifest.h"

struct arena;
struct error;

#define DISTFILE_MAX ((int64_t)64 << 30) /* bytes of one source */

/* Size and hashes of the file at fd, from its start. */
int distfile_measure(int fd, struct manifest_entry *out, struct error *err);

/* Fetch s, whose digest nobody knows yet, into the store and measure it. */
int distfile_fetch(const struct fetch_conf *f, const struct source *s,
    struct manifest_entry *out, struct error *err);

/* Append AUX entries for all that is in the folder path, if it is there. */
int distfile_folder(
    struct arena *a, const char *path, struct manifest *m, struct error *err);

#endif
