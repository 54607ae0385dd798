/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A plan as a picture, on standard output. */
#ifndef CLI_DRAWING_H
#define CLI_DRAWING_H

struct cli;
struct plan;

/*
 * Units as a tree below the root's, each once; what is deeper than a screen is
 * wide follows as a tree of its own.
 */
void drawing_text(struct cli *c, const struct plan *p);

/* For Graphviz: steps and what they need, units as clusters. */
void drawing_dot(struct cli *c, const struct plan *p);

/*
 * A box for each unit with its steps in order, in columns: what is needed
 * stands to the left of who needs it.
 */
void drawing_svg(struct cli *c, const struct plan *p);

#endif
