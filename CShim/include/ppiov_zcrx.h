/* SPDX-License-Identifier: GPL-2.0 */
/*
 * io_uring zero-copy receive: rings and requests over liburing, and, as system
 * calls, the registrations for which liburing 2.3 has no function.
 */
#ifndef PPIOV_ZCRX_H
#define PPIOV_ZCRX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ppiov_uapi.h"

struct ppiov_ring;

/* One completion, copied from the ring */
struct ppiov_completion {
	uint64_t user_data;
	int32_t result;
	uint32_t flags;
	bool has_zcrx;		/* it is a 32-byte completion */
	uint64_t zcrx_off;	/* area token and offset */
};

/* The kernel's features; has_* is false where the kernel does not support the query. */
struct ppiov_features {
	bool has_opcodes, has_zcrx, has_event;
	struct ppiov_query_opcodes opcodes;
	struct ppiov_query_zcrx zcrx;
	struct ppiov_query_zcrx_event event;
};

/* The producer side of a refill ring, in memory shared with the kernel */
struct ppiov_refill {
	uint32_t *head;
	uint32_t *tail;
	struct ppiov_zcrx_rqe *rqes;
	uint32_t entries;
	uint32_t local_tail;
};

/* Rings and requests. */
int ppiov_ring_open(uint32_t entries, uint32_t cq_entries, uint32_t flags,
		    struct ppiov_ring **out);
void ppiov_ring_close(struct ppiov_ring *ring);
int ppiov_ring_hold_file(struct ppiov_ring *ring, int fd);
int ppiov_ring_fd(const struct ppiov_ring *ring);
int ppiov_ring_features(const struct ppiov_ring *ring);
uint32_t ppiov_ring_overflow(const struct ppiov_ring *ring);
int ppiov_ring_recv_zc(struct ppiov_ring *ring, int socket, uint32_t zcrx_id,
		       uint32_t len, bool multishot, bool poll_first,
		       uint64_t user_data);
int ppiov_ring_cancel(struct ppiov_ring *ring, uint64_t target,
		      uint64_t user_data);
int ppiov_ring_wait(struct ppiov_ring *ring, uint64_t timeout_ns,
		    struct ppiov_completion *out);
int ppiov_ring_peek(struct ppiov_ring *ring, struct ppiov_completion *out);

/* Registrations. */
int ppiov_query_features(struct ppiov_features *out);
int ppiov_probe_last_op(const struct ppiov_ring *ring);
int ppiov_zcrx_register(const struct ppiov_ring *ring,
			struct ppiov_zcrx_ifq_reg *reg,
			struct ppiov_zcrx_area_reg *area,
			struct ppiov_region_desc *region,
			struct ppiov_zcrx_event_desc *event);
int ppiov_zcrx_import(const struct ppiov_ring *ring, int zcrx_fd,
		      struct ppiov_zcrx_ifq_reg *reg);
int ppiov_zcrx_map_region(const struct ppiov_ring *ring, uint64_t offset,
			  size_t size, void **out);
int ppiov_zcrx_map_queue(const struct ppiov_ring *ring, uint32_t zcrx_id,
			 size_t size, void **out);
int ppiov_zcrx_flush(const struct ppiov_ring *ring, uint32_t zcrx_id);
int ppiov_zcrx_export(const struct ppiov_ring *ring, uint32_t zcrx_id);
int ppiov_zcrx_arm_event(const struct ppiov_ring *ring, uint32_t zcrx_id,
			 uint32_t event_type);
int ppiov_zcrx_add_area(const struct ppiov_ring *ring, uint32_t zcrx_id,
			struct ppiov_zcrx_area_reg *area);

/* Refill ring producer. */
int ppiov_refill_init(struct ppiov_refill *refill, void *region, size_t size,
		      const struct ppiov_zcrx_offsets *offsets,
		      uint32_t entries);
uint32_t ppiov_refill_free(const struct ppiov_refill *refill);
int ppiov_refill_push(struct ppiov_refill *refill, uint64_t off, uint32_t len,
		      uint32_t pad);
void ppiov_refill_resume(struct ppiov_refill *refill);

#endif
