// SPDX-License-Identifier: GPL-2.0
/* dma-bufs made of a memfd by udmabuf: the CPU can read this device memory. */
#define _GNU_SOURCE
#include "ppiov_devmem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/memfd.h>
#include <linux/udmabuf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* Makes a memfd of a given size that cannot shrink, as udmabuf requires. */
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

/* Makes a dma-buf of a memfd's pages (UDMABUF_CREATE). */
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

/* Maps a memfd, shared. */
int ppiov_map_shared(int fd, size_t size, void **out)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	*out = at == MAP_FAILED ? NULL : at;
	return *out ? 0 : -errno;
}

/* Begins or ends CPU access to a dma-buf.  Without it caches may hold older bytes. */
int ppiov_dmabuf_sync(int dmabuf, bool begin, bool read, bool write)
{
	struct dma_buf_sync sync = {
		.flags = (begin ? DMA_BUF_SYNC_START : DMA_BUF_SYNC_END) |
			 (read ? DMA_BUF_SYNC_READ : 0) |
			 (write ? DMA_BUF_SYNC_WRITE : 0),
	};

	return ioctl(dmabuf, DMA_BUF_IOCTL_SYNC, &sync) < 0 ? -errno : 0;
}
