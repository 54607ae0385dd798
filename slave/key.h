/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Statements of maintainers about their keys, for the lender's own keyring. */
#ifndef SLAVE_KEY_H
#define SLAVE_KEY_H

struct error;
struct slave_conf;

/*
 * Change the keyring as the statement (or revoked key) in the file says;
 * prints what is done. A running slave reads the keyring for each unit.
 */
int key_accept(const struct slave_conf *c, const char *file, struct error *err);

#endif
