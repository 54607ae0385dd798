/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this machine offers: architecture, kernel, processors, memory,
 * programs and libraries with their versions. Programs are run to find out,
 * so this belongs in a child: see probe_start().
 */
#ifndef SLAVE_PROBE_H
#define SLAVE_PROBE_H

#include <jansson.h>
#include <stddef.h>
#include <sys/types.h>

struct error;
struct slave_conf;

#define PROBE_VERSION_MAX 64

/*
 * The first version (digits with at least one dot between) in text, as in
 * what programs print for --version; out is "" when there is none.
 */
void probe_version(const char *text, char out[PROBE_VERSION_MAX]);

/* Digits and dots at the start of text: "6.1.0-18-amd64" is 6.1.0. */
void probe_leading(const char *text, char out[PROBE_VERSION_MAX]);

/*
 * Split the option "probe": "MODULE" or "NAME MODULE"; -1 when it is neither.
 */
int probe_split(const char *option, char *name, size_t namelen,
    const char **module, struct error *err);

/*
 * {"arches":[...],"capabilities":{NAME:VERSION},"stages":[DIGEST]} (new
 * reference), and "unfit" with the reason if jails can hold no job here. Among
 * the capabilities are "network", host or private where jobs may have one,
 * "emulated-ARCH", and what jails tell of themselves: "jail-root" is overlay or
 * copy, "jail-lacks" what they do without. Takes up to some seconds; waits for
 * children.
 */
json_t *probe_all(const struct slave_conf *c, struct error *err);

/*
 * Do this in a child of its own, which writes the document to the pipe whose
 * reading end is *fd. Its pid, or -1.
 */
pid_t probe_start(const struct slave_conf *c, int *fd, struct error *err);

#endif
