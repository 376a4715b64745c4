// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <zlib.h>
#include <zstd.h>

#include "ppiov_compression.h"

ssize_t ppiov_zstd_decompress(void *out, size_t size, const void *block,
			      size_t count)
{
	size_t written = ZSTD_decompress(out, size, block, count);

	return ZSTD_isError(written) ? -EINVAL : (ssize_t)written;
}

ssize_t ppiov_zlib_decompress(void *out, size_t size, const void *block,
			      size_t count)
{
	uLong consumed = count;
	uLongf written = size;

	if (uncompress2(out, &written, block, &consumed) != Z_OK)
		return -EINVAL;
	return consumed == count ? (ssize_t)written : -EINVAL;
}
