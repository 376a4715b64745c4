// SPDX-License-Identifier: GPL-2.0
/* Invalid uses of the kernel's interface, for scenarios. */
#define _GNU_SOURCE
#include "ppiov_tricks.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/udmabuf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../zcrx/ppiov_zcrx_ring.h"

/* Copies a structure to read-only memory, which munmap() frees; NULL, and errno. */
static void *copy_read_only(const void *from, size_t size)
{
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return NULL;
	memcpy(page, from, size);
	mprotect(page, size, PROT_READ);
	return page;
}

/* Registers with one of the three structures in read-only memory. */
int ppiov_zcrx_register_read_only_argument(const struct ppiov_ring *ring,
					   struct ppiov_zcrx_ifq_reg *reg,
					   struct ppiov_zcrx_area_reg *area,
					   struct ppiov_region_desc *region,
					   enum ppiov_zcrx_argument argument)
{
	const struct { void *at; size_t size; } arguments[] = {
		[PPIOV_ZCRX_ARGUMENT_REGISTRATION] = { reg, sizeof(*reg) },
		[PPIOV_ZCRX_ARGUMENT_AREA] = { area, sizeof(*area) },
		[PPIOV_ZCRX_ARGUMENT_REGION] = { region, sizeof(*region) },
	};
	void *page, *arg = reg;
	int ret;

	reg->area_ptr = (uint64_t)(uintptr_t)area;
	reg->region_ptr = (uint64_t)(uintptr_t)region;
	page = copy_read_only(arguments[argument].at, arguments[argument].size);
	if (!page)
		return -errno;
	if (argument == PPIOV_ZCRX_ARGUMENT_AREA)
		reg->area_ptr = (uint64_t)(uintptr_t)page;
	else if (argument == PPIOV_ZCRX_ARGUMENT_REGION)
		reg->region_ptr = (uint64_t)(uintptr_t)page;
	else
		arg = page;
	ret = ppiov_uring_register(ring->uring.ring_fd,
				   PPIOV_REGISTER_ZCRX_IFQ, arg, 1);
	munmap(page, arguments[argument].size);
	return ret;
}

/* Imports with the registration in read-only memory. */
int ppiov_zcrx_import_read_only_argument(const struct ppiov_ring *ring,
					 int zcrx_fd,
					 struct ppiov_zcrx_ifq_reg *reg)
{
	void *page;
	int ret;

	reg->if_idx = (uint32_t)zcrx_fd;
	reg->flags |= PPIOV_ZCRX_REG_IMPORT;
	page = copy_read_only(reg, sizeof(*reg));
	if (!page)
		return -errno;
	ret = ppiov_uring_register(ring->uring.ring_fd,
				   PPIOV_REGISTER_ZCRX_IFQ, page, 1);
	munmap(page, sizeof(*reg));
	return ret;
}

/* Exports with the request in read-only memory. */
int ppiov_zcrx_export_read_only_argument(const struct ppiov_ring *ring,
					 uint32_t zcrx_id)
{
	struct ppiov_zcrx_ctrl ctrl = {
		.zcrx_id = zcrx_id,
		.op = PPIOV_ZCRX_CTRL_EXPORT,
	};
	void *page = copy_read_only(&ctrl, sizeof(ctrl));
	int ret;

	if (!page)
		return -errno;
	ret = ppiov_zcrx_ctrl(ring, page);
	munmap(page, sizeof(ctrl));
	return ret;
}

/* Adds an area whose description is in read-only memory. */
int ppiov_zcrx_add_area_read_only_argument(const struct ppiov_ring *ring,
					   uint32_t zcrx_id,
					   const struct ppiov_zcrx_area_reg *area)
{
	void *page = copy_read_only(area, sizeof(*area));
	int ret;

	if (!page)
		return -errno;
	ret = ppiov_zcrx_add_area(ring, zcrx_id, page);
	munmap(page, sizeof(*area));
	return ret;
}

/* The kernel's index. */
uint32_t ppiov_refill_head(const struct ppiov_refill *refill)
{
	return __atomic_load_n(refill->head, __ATOMIC_ACQUIRE);
}

/* The tail that the kernel reads, which may differ from the producer's own. */
uint32_t ppiov_refill_tail(const struct ppiov_refill *refill)
{
	return __atomic_load_n(refill->tail, __ATOMIC_ACQUIRE);
}

/* Overwrites the kernel's index. */
void ppiov_refill_set_head(const struct ppiov_refill *refill, uint32_t head)
{
	__atomic_store_n(refill->head, head, __ATOMIC_RELEASE);
}

/* Sets the tail that the kernel reads, and not the producer's own. */
void ppiov_refill_set_tail(const struct ppiov_refill *refill, uint32_t tail)
{
	__atomic_store_n(refill->tail, tail, __ATOMIC_RELEASE);
}

/* Writes an entry to any slot, between head and tail or not. */
void ppiov_refill_set_entry(const struct ppiov_refill *refill, uint32_t slot,
			    uint64_t off, uint32_t len, uint32_t pad)
{
	struct ppiov_zcrx_rqe *rqe;

	rqe = &refill->rqes[slot & (refill->entries - 1)];
	rqe->off = off;
	rqe->len = len;
	rqe->pad = pad;
}

int ppiov_dontneed_raw(int socket, const void *value, size_t size)
{
	int ret = setsockopt(socket, SOL_SOCKET, PPIOV_SO_DEVMEM_DONTNEED,
			     value, (socklen_t)size);

	return ret < 0 ? -errno : ret;
}

int ppiov_udmabuf_twice(int memfd, uint64_t size)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), i;
	uint64_t count = size / page * 2;
	struct udmabuf_create_list *list;
	int dev, fd;

	list = calloc(1, sizeof(*list) + count * sizeof(list->list[0]));
	if (!list)
		return -ENOMEM;
	list->flags = UDMABUF_FLAGS_CLOEXEC;
	list->count = (uint32_t)count;
	for (i = 0; i < count; i++) {
		list->list[i].memfd = (uint32_t)memfd;
		list->list[i].offset = i / 2 * page;
		list->list[i].size = page;
	}
	dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	if (dev < 0) {
		fd = -errno;
	} else {
		fd = ioctl(dev, UDMABUF_CREATE_LIST, list);
		if (fd < 0)
			fd = -errno;
		close(dev);
	}
	free(list);
	return fd;
}

int ppiov_map_repeatedly(int fd, size_t size, int times, void **out)
{
	size_t space = size * ((size_t)times + 1);
	char *base, *first;
	int i, err;

	*out = NULL;
	base = mmap(NULL, space, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED)
		return -errno;
	/* Huge pages are aligned to their size: unmap what is before and after. */
	first = base + (size - (uintptr_t)base % size) % size;
	for (i = 0; i < times; i++) {
		if (mmap(first + size * (size_t)i, size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) {
			err = -errno;
			munmap(base, space);
			return err;
		}
	}
	if (first > base)
		munmap(base, (size_t)(first - base));
	if (base + space > first + size * (size_t)times)
		munmap(first + size * (size_t)times,
		       (size_t)(base + space - first) - size * (size_t)times);
	*out = first;
	return 0;
}

/* A filter returns the new length of a packet, TCP header included. */
int ppiov_truncate_packets(int socket, uint32_t bytes)
{
	struct sock_filter truncate = BPF_STMT(BPF_RET | BPF_K, bytes);
	struct sock_fprog program = { .len = 1, .filter = &truncate };

	return setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program,
			  sizeof(program)) < 0 ? -errno : 0;
}

int ppiov_truncate_no_packets(int socket)
{
	int unused = 0;

	return setsockopt(socket, SOL_SOCKET, SO_DETACH_FILTER, &unused,
			  sizeof(unused)) < 0 ? -errno : 0;
}
