/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slave/images.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "run/jailer.h"

void
images_list(int jailer, json_t **stages, size_t stages_max, json_t **layers,
    size_t layers_max)
{
	struct request_item *items = NULL;
	struct arena a = {0};
	struct error err;
	json_t *list;
	size_t i, n = 0;

	*stages = json_array();
	*layers = json_array();
	if (jailer_list(jailer, &a, &items, &n, &err) < 0)
		log_warn("stages: %s", err.msg);
	for (i = 0; i < n; i++) {
		list = items[i].kind == 0 ? *stages : *layers;
		if (json_array_size(list) <
		    (items[i].kind == 0 ? stages_max : layers_max))
			json_array_append_new(list, json_string(items[i].id));
	}
	arena_release(&a);
}
