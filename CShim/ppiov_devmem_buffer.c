// SPDX-License-Identifier: GPL-2.0
/* dma-bufs made of a memfd: device memory that the CPU can read. */
#define _GNU_SOURCE
#include "ppiov_devmem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/memfd.h>
#include <linux/udmabuf.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* Makes a memfd of a given size that cannot shrink, as udmabuf demands. */
int ppiov_memfd(const char *name, uint64_t size, bool huge)
{
	unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd, err;

	if (huge)
		flags |= MFD_HUGETLB | MFD_HUGE_2MB;
	fd = memfd_create(name, flags);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

/* Makes a dma-buf of a memfd's pages; udmabuf is a misc device, hence the open. */
int ppiov_udmabuf(int memfd, uint64_t offset, uint64_t size)
{
	struct udmabuf_create create = {
		.memfd = (uint32_t)memfd,
		.flags = UDMABUF_FLAGS_CLOEXEC,
		.offset = offset,
		.size = size,
	};
	int dev, fd;

	dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	if (dev < 0)
		return -errno;
	fd = ioctl(dev, UDMABUF_CREATE, &create);
	if (fd < 0)
		fd = -errno;
	close(dev);
	return fd;
}

/* The same of a list, in which each page of the memfd is twice in a row. */
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

/* Maps a memfd, so that what the device wrote can be compared. */
int ppiov_map_shared(int fd, size_t size, void **out)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	*out = at == MAP_FAILED ? NULL : at;
	return *out ? 0 : -errno;
}

/* Maps a memfd over and over, each time right behind the time before. */
int ppiov_map_repeatedly(int fd, size_t size, int times, void **out)
{
	size_t room = size * ((size_t)times + 1);
	char *base, *first;
	int i, err;

	*out = NULL;
	base = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED)
		return -errno;
	/* Huge pages want their own alignment: what is before goes again. */
	first = base + (size - (uintptr_t)base % size) % size;
	for (i = 0; i < times; i++) {
		if (mmap(first + size * (size_t)i, size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) {
			err = -errno;
			munmap(base, room);
			return err;
		}
	}
	if (first > base)
		munmap(base, (size_t)(first - base));
	if (base + room > first + size * (size_t)times)
		munmap(first + size * (size_t)times,
		       (size_t)(base + room - first) - size * (size_t)times);
	*out = first;
	return 0;
}

/* Brackets CPU access to a dma-buf; without it caches may show older bytes. */
int ppiov_dmabuf_sync(int dmabuf, bool begin, bool read, bool write)
{
	struct dma_buf_sync sync = {
		.flags = (begin ? DMA_BUF_SYNC_START : DMA_BUF_SYNC_END) |
			 (read ? DMA_BUF_SYNC_READ : 0) |
			 (write ? DMA_BUF_SYNC_WRITE : 0),
	};

	return ioctl(dmabuf, DMA_BUF_IOCTL_SYNC, &sync) < 0 ? -errno : 0;
}
