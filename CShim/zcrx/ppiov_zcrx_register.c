// SPDX-License-Identifier: GPL-2.0
/* io_uring registrations for which liburing 2.3 has no function. */
#include "ppiov_zcrx.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ppiov_zcrx_ring.h"

/* io_uring_register(2); the wrapper of liburing 2.3 does not return all values. */
int ppiov_uring_register(int fd, unsigned int op, void *arg, unsigned int nr)
{
	long ret = syscall(__NR_io_uring_register, fd, op, arg, nr);

	return ret < 0 ? -errno : (int)ret;
}

/* Makes one query; *has stays false where the kernel does not support it. */
static int query(uint32_t op, void *data, uint32_t size, bool *has)
{
	struct ppiov_query_hdr hdr = {
		.query_data = (uint64_t)(uintptr_t)data,
		.query_op = op,
		.size = size,
	};
	int err = ppiov_uring_register(-1, PPIOV_REGISTER_QUERY, &hdr, 0);

	if (err < 0)
		return err;
	*has = hdr.result == 0;
	return 0;
}

/* Queries the kernel's features, without a ring.  -EINVAL: it has no query. */
int ppiov_query_features(struct ppiov_features *out)
{
	int err;

	memset(out, 0, sizeof(*out));
	err = query(PPIOV_QUERY_OPCODES, &out->opcodes, sizeof(out->opcodes),
		    &out->has_opcodes);
	if (err)
		return err;
	err = query(PPIOV_QUERY_ZCRX, &out->zcrx, sizeof(out->zcrx),
		    &out->has_zcrx);
	if (err)
		return err;
	return query(PPIOV_QUERY_ZCRX_EVENT, &out->event, sizeof(out->event),
		     &out->has_event);
}

/* The highest request opcode, for kernels with zcrx and without query (6.15-6.17). */
int ppiov_probe_last_op(const struct ppiov_ring *ring)
{
	struct io_uring_probe *probe;
	int ret;

	probe = calloc(1, sizeof(*probe) + 256 * sizeof(probe->ops[0]));
	if (!probe)
		return -ENOMEM;
	ret = ppiov_uring_register(ring->uring.ring_fd, PPIOV_REGISTER_PROBE, probe,
			     256);
	if (ret >= 0)
		ret = probe->last_op;
	free(probe);
	return ret;
}

/* Registers an interface queue, its area and its refill ring; each may be NULL. */
int ppiov_zcrx_register(const struct ppiov_ring *ring,
			struct ppiov_zcrx_ifq_reg *reg,
			struct ppiov_zcrx_area_reg *area,
			struct ppiov_region_desc *region,
			struct ppiov_zcrx_event_desc *event)
{
	reg->area_ptr = (uint64_t)(uintptr_t)area;
	reg->region_ptr = (uint64_t)(uintptr_t)region;
	reg->event_desc = (uint64_t)(uintptr_t)event;
	return ppiov_uring_register(ring->uring.ring_fd, PPIOV_REGISTER_ZCRX_IFQ,
			      reg, 1);
}

/* Attaches an exported interface queue to a second ring. */
int ppiov_zcrx_import(const struct ppiov_ring *ring, int zcrx_fd,
		      struct ppiov_zcrx_ifq_reg *reg)
{
	reg->if_idx = (uint32_t)zcrx_fd;
	reg->flags |= PPIOV_ZCRX_REG_IMPORT;
	return ppiov_uring_register(ring->uring.ring_fd, PPIOV_REGISTER_ZCRX_IFQ,
			      reg, 1);
}

/* Maps a refill region that the kernel allocated. */
int ppiov_zcrx_map_region(const struct ppiov_ring *ring, uint64_t offset,
			  size_t size, void **out)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_POPULATE, ring->uring.ring_fd,
			(off_t)offset);

	*out = at == MAP_FAILED ? NULL : at;
	return *out ? 0 : -errno;
}

/* Maps the refill region of a queue by its number, as an importer must. */
int ppiov_zcrx_map_queue(const struct ppiov_ring *ring, uint32_t zcrx_id,
			 size_t size, void **out)
{
	return ppiov_zcrx_map_region(ring, PPIOV_MMAP_ZCRX_REGION |
				     (uint64_t)zcrx_id <<
				     PPIOV_MMAP_ZCRX_SHIFT, size, out);
}

/* Issues one control operation (IORING_REGISTER_ZCRX_CTRL). */
int ppiov_zcrx_ctrl(const struct ppiov_ring *ring, struct ppiov_zcrx_ctrl *ctrl)
{
	return ppiov_uring_register(ring->uring.ring_fd, PPIOV_REGISTER_ZCRX_CTRL,
			      ctrl, 0);
}

/* Makes the kernel read the refill ring now, and not at its next allocation. */
int ppiov_zcrx_flush(const struct ppiov_ring *ring, uint32_t zcrx_id)
{
	struct ppiov_zcrx_ctrl ctrl = {
		.zcrx_id = zcrx_id,
		.op = PPIOV_ZCRX_CTRL_FLUSH_RQ,
	};

	return ppiov_zcrx_ctrl(ring, &ctrl);
}

/* Exports an interface queue as a descriptor, which holds a reference to it. */
int ppiov_zcrx_export(const struct ppiov_ring *ring, uint32_t zcrx_id)
{
	struct ppiov_zcrx_ctrl ctrl = {
		.zcrx_id = zcrx_id,
		.op = PPIOV_ZCRX_CTRL_EXPORT,
	};
	int err = ppiov_zcrx_ctrl(ring, &ctrl);

	return err < 0 ? err : (int)ctrl.u.export_fd.zcrx_fd;
}

/* Arms a one-time event again once it has fired. */
int ppiov_zcrx_arm_event(const struct ppiov_ring *ring, uint32_t zcrx_id,
			 uint32_t event_type)
{
	struct ppiov_zcrx_ctrl ctrl = {
		.zcrx_id = zcrx_id,
		.op = PPIOV_ZCRX_CTRL_ARM_EVENT,
		.u.arm_event.event_type = event_type,
	};

	return ppiov_zcrx_ctrl(ring, &ctrl);
}

/* Adds an area to a registered interface queue; the kernel sets its token in @area. */
int ppiov_zcrx_add_area(const struct ppiov_ring *ring, uint32_t zcrx_id,
			struct ppiov_zcrx_area_reg *area)
{
	struct ppiov_zcrx_ctrl ctrl = {
		.zcrx_id = zcrx_id,
		.op = PPIOV_ZCRX_CTRL_ADD_AREA,
		.u.add_area.area_ptr = (uint64_t)(uintptr_t)area,
	};

	return ppiov_zcrx_ctrl(ring, &ctrl);
}
