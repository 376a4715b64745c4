// SPDX-License-Identifier: GPL-2.0
/* The producer side of a refill ring, through which user space returns buffers. */
#include "ppiov_zcrx.h"

#include <errno.h>
#include <string.h>

/* Whether @size bytes at @offset are inside the region, aligned to @align. */
static bool inside(size_t region, uint64_t offset, uint64_t size, size_t align)
{
	return offset % align == 0 && offset <= region &&
	       size <= region - offset;
}

/* Sets a producer up over a region.  Offsets outside of it are -ERANGE. */
int ppiov_refill_init(struct ppiov_refill *refill, void *region, size_t size,
		      const struct ppiov_zcrx_offsets *offsets,
		      uint32_t entries)
{
	uint8_t *base = region;

	memset(refill, 0, sizeof(*refill));
	if (!region || (uintptr_t)region % sizeof(uint64_t))
		return -EINVAL;
	if (!entries || entries & (entries - 1))
		return -EINVAL;
	if (!inside(size, offsets->head, sizeof(uint32_t), sizeof(uint32_t)) ||
	    !inside(size, offsets->tail, sizeof(uint32_t), sizeof(uint32_t)) ||
	    !inside(size, offsets->rqes,
		    (uint64_t)entries * sizeof(struct ppiov_zcrx_rqe),
		    sizeof(uint64_t)))
		return -ERANGE;
	refill->head = (uint32_t *)(void *)(base + offsets->head);
	refill->tail = (uint32_t *)(void *)(base + offsets->tail);
	refill->rqes = (struct ppiov_zcrx_rqe *)(void *)(base + offsets->rqes);
	refill->entries = entries;
	refill->local_tail = __atomic_load_n(refill->tail, __ATOMIC_ACQUIRE);
	return 0;
}

/* Free slots: 0 where head and tail are further apart than the ring is long. */
uint32_t ppiov_refill_free(const struct ppiov_refill *refill)
{
	uint32_t head = __atomic_load_n(refill->head, __ATOMIC_ACQUIRE);
	uint32_t used = refill->local_tail - head;

	return used > refill->entries ? 0 : refill->entries - used;
}

/*
 * Returns one buffer: 1, or 0 where the ring is full.  The release store makes
 * the entry visible before the tail that covers it.  A @pad that is not 0 makes
 * the entry malformed.
 */
int ppiov_refill_push(struct ppiov_refill *refill, uint64_t off, uint32_t len,
		      uint32_t pad)
{
	struct ppiov_zcrx_rqe *rqe;

	if (!ppiov_refill_free(refill))
		return 0;
	rqe = &refill->rqes[refill->local_tail & (refill->entries - 1)];
	rqe->off = off;
	rqe->len = len;
	rqe->pad = pad;
	__atomic_store_n(refill->tail, ++refill->local_tail, __ATOMIC_RELEASE);
	return 1;
}

/* Continues at the tail in the shared memory, after another producer used the ring. */
void ppiov_refill_resume(struct ppiov_refill *refill)
{
	refill->local_tail = __atomic_load_n(refill->tail, __ATOMIC_ACQUIRE);
}
