/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Decompression of one block in memory with zstd and zlib. Here, so that Swift
 * needs no module of the two libraries.
 */
#ifndef PPIOV_COMPRESSION_H
#define PPIOV_COMPRESSION_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Both write at most size bytes to out. They return how many they wrote, or
 * -EINVAL where the block is damaged, is not the whole input, or has more than
 * size bytes in it.
 */
ssize_t ppiov_zstd_decompress(void *out, size_t size, const void *block,
			      size_t count);
ssize_t ppiov_zlib_decompress(void *out, size_t size, const void *block,
			      size_t count);

#endif
