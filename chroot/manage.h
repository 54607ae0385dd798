/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands for who looks after stages and layers. Each gets the path of the
 * state folder and its arguments, argv[0] being its name, and returns the
 * exit status.
 */
#ifndef CHROOT_MANAGE_H
#define CHROOT_MANAGE_H

int manage_import(const char *path, int argc, char **argv);
int manage_export(const char *path, int argc, char **argv);
int manage_verify(const char *path, int argc, char **argv);
int manage_gc(const char *path, int argc, char **argv);

/* Offer the stages and layers of the state folder to a shell. */
struct usage_asked;
void manage_names(const struct usage_asked *asked);

#endif
