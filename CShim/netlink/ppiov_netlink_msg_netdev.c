// SPDX-License-Identifier: GPL-2.0
/* Requests of the generic netlink families nlctrl and netdev. */
#include "ppiov_netlink.h"
#include "ppiov_netlink_build.h"
#include "ppiov_uapi.h"

/* Requests a family's number and groups, which the kernel assigns at boot. */
int ppiov_msg_family_get(void *buf, size_t size, uint32_t seq, const char *name)
{
	struct ppiov_build b = ppiov_build_genl(buf, size, GENL_ID_CTRL, seq,
						CTRL_CMD_GETFAMILY, PPIOV_DO);

	ppiov_build_str(&b, CTRL_ATTR_FAMILY_NAME, name);
	return ppiov_build_end(&b);
}

/* Requests the one object that a u32 or uint attribute names. */
static int get(void *buf, size_t size, uint16_t family, uint32_t seq,
	       uint8_t cmd, uint16_t attr, uint64_t id)
{
	struct ppiov_build b = ppiov_build_genl(buf, size, family, seq, cmd,
						PPIOV_DO);

	ppiov_build_uint(&b, attr, id);
	return ppiov_build_end(&b);
}

/* Requests all objects, or with an ifindex that is not 0 those of one device. */
static int dump(void *buf, size_t size, uint16_t family, uint32_t seq,
		uint8_t cmd, uint16_t attr, uint32_t ifindex)
{
	struct ppiov_build b = ppiov_build_genl(buf, size, family, seq, cmd,
						PPIOV_DUMP);

	if (ifindex)
		ppiov_build_u32(&b, attr, ifindex);
	return ppiov_build_end(&b);
}

/* Requests one device's features. */
int ppiov_msg_dev_get(void *buf, size_t size, uint16_t family, uint32_t seq,
		      uint32_t ifindex)
{
	return get(buf, size, family, seq, PPIOV_NETDEV_CMD_DEV_GET,
		   PPIOV_NETDEV_A_DEV_IFINDEX, ifindex);
}

/* Requests every device of the socket's network namespace. */
int ppiov_msg_dev_dump(void *buf, size_t size, uint16_t family, uint32_t seq)
{
	return dump(buf, size, family, seq, PPIOV_NETDEV_CMD_DEV_GET, 0, 0);
}

/* Requests one queue, with the memory provider that is bound to it. */
int ppiov_msg_queue_get(void *buf, size_t size, uint16_t family, uint32_t seq,
			uint32_t ifindex, uint32_t type, uint32_t queue)
{
	struct ppiov_build b = ppiov_build_genl(buf, size, family, seq,
						PPIOV_NETDEV_CMD_QUEUE_GET,
						PPIOV_DO);

	ppiov_build_u32(&b, PPIOV_NETDEV_A_QUEUE_IFINDEX, ifindex);
	ppiov_build_u32(&b, PPIOV_NETDEV_A_QUEUE_TYPE, type);
	ppiov_build_u32(&b, PPIOV_NETDEV_A_QUEUE_ID, queue);
	return ppiov_build_end(&b);
}

/* Requests all queues, of one device or (ifindex 0) of all. */
int ppiov_msg_queue_dump(void *buf, size_t size, uint16_t family, uint32_t seq,
			 uint32_t ifindex)
{
	return dump(buf, size, family, seq, PPIOV_NETDEV_CMD_QUEUE_GET,
		    PPIOV_NETDEV_A_QUEUE_IFINDEX, ifindex);
}

/* Requests one NAPI instance. */
int ppiov_msg_napi_get(void *buf, size_t size, uint16_t family, uint32_t seq,
		       uint32_t napi_id)
{
	return get(buf, size, family, seq, PPIOV_NETDEV_CMD_NAPI_GET,
		   PPIOV_NETDEV_A_NAPI_ID, napi_id);
}

/* Requests all NAPI instances, of one device or (ifindex 0) of all. */
int ppiov_msg_napi_dump(void *buf, size_t size, uint16_t family, uint32_t seq,
			uint32_t ifindex)
{
	return dump(buf, size, family, seq, PPIOV_NETDEV_CMD_NAPI_GET,
		    PPIOV_NETDEV_A_NAPI_IFINDEX, ifindex);
}

/* Requests one page pool's accounting. */
int ppiov_msg_page_pool_get(void *buf, size_t size, uint16_t family,
			    uint32_t seq, uint64_t id)
{
	return get(buf, size, family, seq, PPIOV_NETDEV_CMD_PAGE_POOL_GET,
		   PPIOV_NETDEV_A_PAGE_POOL_ID, id);
}

/* Requests every page pool.  Only the newest kernels can filter by ifindex. */
int ppiov_msg_page_pool_dump(void *buf, size_t size, uint16_t family,
			     uint32_t seq)
{
	return dump(buf, size, family, seq, PPIOV_NETDEV_CMD_PAGE_POOL_GET, 0,
		    0);
}

/* Requests one page pool's allocation and recycling counters. */
int ppiov_msg_page_pool_stats_get(void *buf, size_t size, uint16_t family,
				  uint32_t seq, uint64_t id)
{
	struct ppiov_build b =
		ppiov_build_genl(buf, size, family, seq,
				 PPIOV_NETDEV_CMD_PAGE_POOL_STATS_GET, PPIOV_DO);
	struct nlattr *info;

	info = ppiov_build_nest(&b, PPIOV_NETDEV_A_PAGE_POOL_STATS_INFO);
	ppiov_build_uint(&b, PPIOV_NETDEV_A_PAGE_POOL_ID, id);
	ppiov_build_nest_end(&b, info);
	return ppiov_build_end(&b);
}

/* Requests every page pool's counters. */
int ppiov_msg_page_pool_stats_dump(void *buf, size_t size, uint16_t family,
				   uint32_t seq)
{
	return dump(buf, size, family, seq,
		    PPIOV_NETDEV_CMD_PAGE_POOL_STATS_GET, 0, 0);
}

/* Begins a request to bind a dma-buf, until the socket is closed. */
static struct ppiov_build bind_start(void *buf, size_t size, uint16_t family,
				     uint32_t seq, uint8_t cmd,
				     uint32_t ifindex, int dmabuf_fd)
{
	struct ppiov_build b = ppiov_build_genl(buf, size, family, seq, cmd,
						PPIOV_DO);

	ppiov_build_u32(&b, PPIOV_NETDEV_A_DMABUF_IFINDEX, ifindex);
	ppiov_build_u32(&b, PPIOV_NETDEV_A_DMABUF_FD, (uint32_t)dmabuf_fd);
	return b;
}

/* Binds a dma-buf to receive queues. */
int ppiov_msg_bind_rx(void *buf, size_t size, uint16_t family, uint32_t seq,
		      uint32_t ifindex, int dmabuf_fd, const uint32_t *queues,
		      size_t queue_count, uint32_t rx_page_size)
{
	struct ppiov_build b = bind_start(buf, size, family, seq,
					  PPIOV_NETDEV_CMD_BIND_RX, ifindex,
					  dmabuf_fd);

	for (size_t i = 0; i < queue_count; i++) {
		struct nlattr *nest;

		nest = ppiov_build_nest(&b, PPIOV_NETDEV_A_DMABUF_QUEUES);
		ppiov_build_u32(&b, PPIOV_NETDEV_A_QUEUE_ID, queues[i]);
		ppiov_build_u32(&b, PPIOV_NETDEV_A_QUEUE_TYPE,
				PPIOV_NETDEV_QUEUE_RX);
		ppiov_build_nest_end(&b, nest);
	}
	if (rx_page_size)
		ppiov_build_u32(&b, PPIOV_NETDEV_A_DMABUF_RX_PAGE_SIZE,
				rx_page_size);
	return ppiov_build_end(&b);
}

/* Binds a dma-buf for sending. */
int ppiov_msg_bind_tx(void *buf, size_t size, uint16_t family, uint32_t seq,
		      uint32_t ifindex, int dmabuf_fd)
{
	struct ppiov_build b = bind_start(buf, size, family, seq,
					  PPIOV_NETDEV_CMD_BIND_TX, ifindex,
					  dmabuf_fd);

	return ppiov_build_end(&b);
}
