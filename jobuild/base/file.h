/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whole files and folders. The _at forms take a directory descriptor and a
 * name below it; the others a path.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct buf;
struct error;
struct stat;

/*
 * Is it a name below a folder that can be shown? Relative, UTF-8 without
 * control characters, no part of it empty, "." or "..".
 */
bool file_is_below(const char *path);

/* Append the file's bytes, up to the buffer's limit. */
int file_read(const char *path, struct buf *b, struct error *err);
int file_read_at(int dirfd, const char *name, struct buf *b, struct error *err);

/* The same of what a command's argument names: "-" is standard input. */
int file_read_argument(const char *arg, struct buf *b, struct error *err);

/* What messages call it. */
const char *file_argument(const char *arg);

/*
 * The begin of a small file as text, such as one of the kernel's; "" if it
 * can't be read.
 */
void file_read_text(int dirfd, const char *name, char *text, size_t size);

/*
 * Replace the file by these bytes, all or nothing: written beside it, synced,
 * renamed over it, folder synced. mode is exact whatever the umask.
 */
int file_write(
    const char *path, const void *p, size_t n, mode_t mode, struct error *err);
int file_write_at(int dirfd, const char *name, const void *p, size_t n,
    mode_t mode, struct error *err);

/*
 * The same of the file that is there, whose mode, owner, group and access list
 * stay: -1 if they can't. A link is not followed.
 */
int file_rewrite(const char *path, const void *p, size_t n, struct error *err);

/*
 * As file_write_at() without any sync: all or nothing, but not after a power
 * cut.
 */
int file_replace_at(int dirfd, const char *name, const void *p, size_t n,
    mode_t mode, struct error *err);

/* Sync the folder that holds name, so that a rename in it is durable. */
int file_sync_parent(int dirfd, const char *name, struct error *err);

/* Sync a folder itself: what names are in it. */
int file_sync_folder(int dirfd, const char *dir, struct error *err);

/* Make a new file with these bytes; not synced: for what needn't last. */
int file_create(
    const char *path, const void *p, size_t n, mode_t mode, struct error *err);

/* Write all n bytes to fd. */
int file_write_all(int fd, const void *p, size_t n, struct error *err);

/* -1 when not all that was printed so far is taken; at a program's end too. */
int file_end_output(struct error *err);

/* Make the folder and its parents (new ones with this mode); 0 if it is. */
int file_mkdirs(const char *path, mode_t mode, struct error *err);

/*
 * Delete name below dirfd and all that it holds: descriptor-relative, no link
 * is followed, no mount point is entered, any depth. 0 when it isn't there.
 */
int file_remove_tree(int dirfd, const char *name, struct error *err);

/*
 * Has the folder's file system room for so many bytes more? -1: not at this
 * moment; err goes on after the folder's name ("has no room for ...").
 */
int file_room(int dirfd, int64_t bytes, struct error *err);

/* Are both of one file, which nobody has changed in between? */
bool file_is_same(const struct stat *a, const struct stat *b);

/* Is there nothing in the folder? false too when it can't be read. */
bool file_is_empty(int folder);

#endif
