/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stages and layers that are here, as the jailer tells. */
#ifndef SLAVE_IMAGES_H
#define SLAVE_IMAGES_H

#include <jansson.h>
#include <stddef.h>

/* The ids of both kinds, last used first, at most so many of each. */
void images_list(int jailer, json_t **stages, size_t stages_max,
    json_t **layers, size_t layers_max);

#endif
