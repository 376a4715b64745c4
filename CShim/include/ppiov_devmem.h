/* SPDX-License-Identifier: GPL-2.0 */
/* devmem TCP: dma-bufs made of a memfd, and the sockets that use them. */
#ifndef PPIOV_DEVMEM_H
#define PPIOV_DEVMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "ppiov_uapi.h"

struct ppiov_fragment {
	bool linear;		/* copied into the caller's buffer instead */
	uint64_t offset;	/* in the dma-buf */
	uint32_t size;
	uint32_t token;
	uint32_t dmabuf_id;
	uint32_t flags;
};

struct ppiov_received {
	size_t fragment_count;	/* may exceed the capacity: the rest is lost */
	bool control_truncated;
	bool malformed;		/* a devmem control message of a wrong size */
};

struct ppiov_zerocopy {
	uint32_t low, high;	/* inclusive range of completed sends */
	bool copied;
};

int ppiov_memfd(const char *name, uint64_t size, bool huge);
int ppiov_udmabuf(int memfd, uint64_t offset, uint64_t size);
int ppiov_map_shared(int fd, size_t size, void **out);
int ppiov_dmabuf_sync(int dmabuf, bool begin, bool read, bool write);

size_t ppiov_fragment_control_size(size_t fragments);
int64_t ppiov_recv_devmem(int socket, bool peek, void *buf, size_t len,
			  void *control, size_t control_len,
			  struct ppiov_fragment *fragments, size_t capacity,
			  struct ppiov_received *out);
size_t ppiov_walk_fragments(const void *control, size_t control_len,
			    struct ppiov_fragment *fragments, size_t capacity,
			    bool *malformed);
int ppiov_dontneed(int socket, const struct ppiov_dmabuf_token *tokens,
		   size_t count);
int64_t ppiov_send_devmem(int socket, uint32_t dmabuf_id,
			  const struct iovec *ranges, size_t count, bool more,
			  bool fast_open, bool zerocopy);
int ppiov_zerocopy_enable(int socket);
int ppiov_zerocopy_completion(int socket, struct ppiov_zerocopy *out);

#endif
