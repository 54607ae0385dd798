/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/filters.h"

#include <archive.h>

void
filters_allow(struct archive *a)
{
	archive_read_support_filter_compress(a);
	if (archive_zlib_version())
		archive_read_support_filter_gzip(a);
	if (archive_bzlib_version())
		archive_read_support_filter_bzip2(a);
	if (archive_libzstd_version())
		archive_read_support_filter_zstd(a);
	if (archive_liblz4_version())
		archive_read_support_filter_lz4(a);
	if (!archive_liblzma_version())
		return;
	archive_read_support_filter_xz(a);
	archive_read_support_filter_lzma(a);
	archive_read_support_filter_lzip(a);
}
