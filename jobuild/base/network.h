/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which network phases have that ask for one (PROPERTIES=network). */
#ifndef BASE_NETWORK_H
#define BASE_NETWORK_H

enum network {
	NETWORK_NO,
	NETWORK_HOST,    /* the machine's own */
	NETWORK_PRIVATE, /* one of the phase's own, with a way out */
	NETWORKS         /* how many */
};
extern const char *const network_names[]; /* "no", "host", "private" */

/* What the word says; "yes" is host. -1: it is none of them. */
int network_parse(const char *word);

#endif
