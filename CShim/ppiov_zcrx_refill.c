// SPDX-License-Identifier: GPL-2.0
/* The producing end of a refill ring: how user space gives buffers back. */
#include "ppiov_zcrx.h"

#include <errno.h>
#include <string.h>

/* Whether @size bytes at @offset lie inside the region, aligned to @align. */
static bool inside(size_t region, uint64_t offset, uint64_t size, size_t align)
{
	return offset % align == 0 && offset <= region &&
	       size <= region - offset;
}

/* Lays the producer over a region, refusing offsets that leave it. */
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

/* Free slots.  The kernel's head is trusted no further than the ring's size. */
uint32_t ppiov_refill_free(const struct ppiov_refill *refill)
{
	uint32_t head = __atomic_load_n(refill->head, __ATOMIC_ACQUIRE);
	uint32_t used = refill->local_tail - head;

	return used > refill->entries ? 0 : refill->entries - used;
}

/*
 * Gives one buffer back: 1 given, 0 where the ring is full.  The release store
 * makes the entry visible before the tail that covers it.  @pad is 0 but in
 * tests of what the kernel does with a bad entry.
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

/*
 * What follows is for tests of what the kernel does with a user who means ill:
 * head and tail as they stand in the shared memory, and entries by their slot.
 */
uint32_t ppiov_refill_head(const struct ppiov_refill *refill)
{
	return __atomic_load_n(refill->head, __ATOMIC_ACQUIRE);
}

/* The tail that the kernel reads, which the producer's own need not be. */
uint32_t ppiov_refill_tail(const struct ppiov_refill *refill)
{
	return __atomic_load_n(refill->tail, __ATOMIC_ACQUIRE);
}

/* Overwrites the kernel's own side. */
void ppiov_refill_set_head(const struct ppiov_refill *refill, uint32_t head)
{
	__atomic_store_n(refill->head, head, __ATOMIC_RELEASE);
}

/* Moves the tail and leaves the producer's own where it is. */
void ppiov_refill_set_tail(const struct ppiov_refill *refill, uint32_t tail)
{
	__atomic_store_n(refill->tail, tail, __ATOMIC_RELEASE);
}

/* Writes an entry into a slot, whether the kernel owns it or not. */
void ppiov_refill_set_entry(const struct ppiov_refill *refill, uint32_t slot,
			    uint64_t off, uint32_t len, uint32_t pad)
{
	struct ppiov_zcrx_rqe *rqe;

	rqe = &refill->rqes[slot & (refill->entries - 1)];
	rqe->off = off;
	rqe->len = len;
	rqe->pad = pad;
}

/* Goes on producing where the tail now stands. */
void ppiov_refill_resume(struct ppiov_refill *refill)
{
	refill->local_tail = ppiov_refill_tail(refill);
}
