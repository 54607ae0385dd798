/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/serve/histogram.h"
#include "base/buf.h"

#include <inttypes.h>

/* Microseconds, and what they are in seconds. */
static const struct {
	int64_t us;
	const char *text;
} bounds[HISTOGRAM_BOUNDS] = {
    {1000, "0.001"},
    {5000, "0.005"},
    {20000, "0.02"},
    {100000, "0.1"},
    {500000, "0.5"},
    {2000000, "2"},
    {10000000, "10"},
    {60000000, "60"},
    {300000000, "300"},
    {1800000000, "1800"},
    {7200000000, "7200"},
    {43200000000, "43200"},
};

void
histogram_add(struct histogram *h, int64_t us)
{
	int i = 0;

	if (us < 0)
		us = 0;
	while (i < HISTOGRAM_BOUNDS && us > bounds[i].us)
		i++;
	h->counts[i]++;
	h->sum += us;
}

void
histogram_write(const struct histogram *h, const char *name, struct buf *b)
{
	int64_t n = 0;
	int i;

	buf_addf(b, "# TYPE autotua_%s_seconds histogram\n", name);
	for (i = 0; i < HISTOGRAM_BOUNDS; i++) {
		n += h->counts[i];
		buf_addf(b,
		    "autotua_%s_seconds_bucket{le=\"%s\"} %" PRId64 "\n", name,
		    bounds[i].text, n);
	}
	n += h->counts[HISTOGRAM_BOUNDS];
	buf_addf(b,
	    "autotua_%s_seconds_bucket{le=\"+Inf\"} %" PRId64 "\n"
	    "autotua_%s_seconds_sum %.6f\n"
	    "autotua_%s_seconds_count %" PRId64 "\n",
	    name, n, name, (double)h->sum / 1e6, name, n);
}
