/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Invalid uses of the kernel's interface, for scenarios: arguments in read-only
 * memory, refill rings and token lists with wrong content, dma-bufs with a page
 * twice, packets truncated by a filter.  Everything else in this target uses the
 * interface as it is documented.
 */
#ifndef PPIOV_TRICKS_H
#define PPIOV_TRICKS_H

#include <stddef.h>
#include <stdint.h>

#include "ppiov_zcrx.h"

/* The structures of a registration that the kernel writes its results to */
enum ppiov_zcrx_argument {
	PPIOV_ZCRX_ARGUMENT_REGISTRATION,
	PPIOV_ZCRX_ARGUMENT_AREA,
	PPIOV_ZCRX_ARGUMENT_REGION,
};

/* Requests with one argument in read-only memory: -EFAULT is expected. */
int ppiov_zcrx_register_read_only_argument(const struct ppiov_ring *ring,
					   struct ppiov_zcrx_ifq_reg *reg,
					   struct ppiov_zcrx_area_reg *area,
					   struct ppiov_region_desc *region,
					   enum ppiov_zcrx_argument argument);
int ppiov_zcrx_import_read_only_argument(const struct ppiov_ring *ring,
					 int zcrx_fd,
					 struct ppiov_zcrx_ifq_reg *reg);
int ppiov_zcrx_export_read_only_argument(const struct ppiov_ring *ring,
					 uint32_t zcrx_id);
int ppiov_zcrx_add_area_read_only_argument(const struct ppiov_ring *ring,
					   uint32_t zcrx_id,
					   const struct ppiov_zcrx_area_reg *area);

/* The head, tail and entries of a refill ring in the shared memory */
uint32_t ppiov_refill_head(const struct ppiov_refill *refill);
uint32_t ppiov_refill_tail(const struct ppiov_refill *refill);
void ppiov_refill_set_head(const struct ppiov_refill *refill, uint32_t head);
void ppiov_refill_set_tail(const struct ppiov_refill *refill, uint32_t tail);
void ppiov_refill_set_entry(const struct ppiov_refill *refill, uint32_t slot,
			    uint64_t off, uint32_t len, uint32_t pad);

/* SO_DEVMEM_DONTNEED with any bytes, at any address */
int ppiov_dontneed_raw(int socket, const void *value, size_t size);
/* A dma-buf that has each page of a memfd twice in a row */
int ppiov_udmabuf_twice(int memfd, uint64_t size);
/* A memfd mapped several times, at consecutive addresses */
int ppiov_map_repeatedly(int fd, size_t size, int times, void **out);

/* A filter that truncates every packet, and its removal */
int ppiov_truncate_packets(int socket, uint32_t bytes);
int ppiov_truncate_no_packets(int socket);

#endif
