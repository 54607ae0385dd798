/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which hosts are asked without a proxy. Proxies are taken from the
 * environment, as users expect it, but never for this machine itself, which
 * many set-ups forget to except.
 */
#ifndef BASE_NOPROXY_H
#define BASE_NOPROXY_H

#define NOPROXY_MAX 4096

/*
 * Write what no_proxy says and this machine's names into list. NULL when the
 * environment's own value must stay as it is: it excepts every host, or is too
 * long for the list.
 */
const char *noproxy_list(char list[NOPROXY_MAX]);

#endif
