// SPDX-License-Identifier: GPL-2.0
/* Replies and notifications of the generic netlink family netdev. */
#include "ppiov_netlink.h"
#include "ppiov_netlink_read.h"
#include "ppiov_uapi.h"

static const struct ppiov_field dev_fields[] = {
	PPIOV_FIELD(PPIOV_EXACT, PPIOV_NETDEV_A_DEV_IFINDEX,
		    struct ppiov_netdev, ifindex),
	PPIOV_FIELD(PPIOV_EXACT, PPIOV_NETDEV_A_DEV_XDP_FEATURES,
		    struct ppiov_netdev, xdp_features),
	PPIOV_FIELD(PPIOV_EXACT, PPIOV_NETDEV_A_DEV_XDP_RX_METADATA_FEATURES,
		    struct ppiov_netdev, xdp_rx_metadata_features),
	PPIOV_FIELD(PPIOV_EXACT, PPIOV_NETDEV_A_DEV_XSK_FEATURES,
		    struct ppiov_netdev, xsk_features),
	PPIOV_FIELD(PPIOV_EXACT, PPIOV_NETDEV_A_DEV_XDP_ZC_MAX_SEGS,
		    struct ppiov_netdev, xdp_zc_max_segs),
};

static const struct ppiov_table dev_table = PPIOV_TABLE(dev_fields);

/* Reads a device. */
int ppiov_parse_dev(const void *buf, size_t len, struct ppiov_netdev *out)
{
	int err = ppiov_read_genl(buf, len, &dev_table, out, sizeof(*out));

	return err ? err : out->ifindex ? 0 : -EBADMSG;
}

static const struct ppiov_field queue_io_uring_fields[] = {
	PPIOV_OPTIONAL(PPIOV_UINT,
		       PPIOV_NETDEV_A_IO_URING_PROVIDER_INFO_RX_BUF_LEN,
		       struct ppiov_queue, rx_buf_len, has_rx_buf_len),
};

static const struct ppiov_table queue_io_uring_table =
	PPIOV_TABLE(queue_io_uring_fields);

static const struct ppiov_field queue_fields[] = {
	PPIOV_OPTIONAL(PPIOV_EXACT, PPIOV_NETDEV_A_QUEUE_ID,
		       struct ppiov_queue, id, has_id),
	PPIOV_FIELD(PPIOV_EXACT, PPIOV_NETDEV_A_QUEUE_IFINDEX,
		    struct ppiov_queue, ifindex),
	PPIOV_OPTIONAL(PPIOV_EXACT, PPIOV_NETDEV_A_QUEUE_TYPE,
		       struct ppiov_queue, type, has_type),
	PPIOV_OPTIONAL(PPIOV_EXACT, PPIOV_NETDEV_A_QUEUE_NAPI_ID,
		       struct ppiov_queue, napi_id, has_napi_id),
	PPIOV_OPTIONAL(PPIOV_EXACT, PPIOV_NETDEV_A_QUEUE_DMABUF,
		       struct ppiov_queue, dmabuf, has_dmabuf),
	{ .type = PPIOV_NETDEV_A_QUEUE_IO_URING, .kind = PPIOV_NEST,
	  .has = offsetof(struct ppiov_queue, has_io_uring),
	  .nest = &queue_io_uring_table },
	PPIOV_FLAG(PPIOV_NETDEV_A_QUEUE_XSK, struct ppiov_queue, has_xsk),
	PPIOV_FLAG(PPIOV_NETDEV_A_QUEUE_LEASE, struct ppiov_queue, has_lease),
};

static const struct ppiov_table queue_table = PPIOV_TABLE(queue_fields);

/* Reads a queue, with the memory provider that is bound to it. */
int ppiov_parse_queue(const void *buf, size_t len, struct ppiov_queue *out)
{
	int err = ppiov_read_genl(buf, len, &queue_table, out, sizeof(*out));

	if (err)
		return err;
	return out->has_id && out->has_type && out->ifindex ? 0 : -EBADMSG;
}

static const struct ppiov_field napi_fields[] = {
	PPIOV_FIELD(PPIOV_EXACT, PPIOV_NETDEV_A_NAPI_ID, struct ppiov_napi, id),
	PPIOV_FIELD(PPIOV_EXACT, PPIOV_NETDEV_A_NAPI_IFINDEX,
		    struct ppiov_napi, ifindex),
	PPIOV_OPTIONAL(PPIOV_EXACT, PPIOV_NETDEV_A_NAPI_IRQ,
		       struct ppiov_napi, irq, has_irq),
	PPIOV_OPTIONAL(PPIOV_EXACT, PPIOV_NETDEV_A_NAPI_PID,
		       struct ppiov_napi, pid, has_pid),
	PPIOV_FIELD(PPIOV_EXACT, PPIOV_NETDEV_A_NAPI_DEFER_HARD_IRQS,
		    struct ppiov_napi, defer_hard_irqs),
	PPIOV_FIELD(PPIOV_UINT, PPIOV_NETDEV_A_NAPI_GRO_FLUSH_TIMEOUT,
		    struct ppiov_napi, gro_flush_timeout),
	PPIOV_FIELD(PPIOV_UINT, PPIOV_NETDEV_A_NAPI_IRQ_SUSPEND_TIMEOUT,
		    struct ppiov_napi, irq_suspend_timeout),
	PPIOV_FIELD(PPIOV_UINT, PPIOV_NETDEV_A_NAPI_THREADED,
		    struct ppiov_napi, threaded),
};

static const struct ppiov_table napi_table = PPIOV_TABLE(napi_fields);

/* Reads a NAPI instance. */
int ppiov_parse_napi(const void *buf, size_t len, struct ppiov_napi *out)
{
	int err = ppiov_read_genl(buf, len, &napi_table, out, sizeof(*out));

	return err ? err : out->id && out->ifindex ? 0 : -EBADMSG;
}

struct binding {
	uint32_t dmabuf_id;
	bool has_dmabuf_id;
};

static const struct ppiov_field binding_fields[] = {
	PPIOV_OPTIONAL(PPIOV_EXACT, PPIOV_NETDEV_A_DMABUF_ID, struct binding,
		       dmabuf_id, has_dmabuf_id),
};

static const struct ppiov_table binding_table = PPIOV_TABLE(binding_fields);

/* Reads the dma-buf id out of a bind reply: sends and fragments name it. */
int ppiov_parse_dmabuf_id(const void *buf, size_t len, uint32_t *out)
{
	struct binding binding;
	int err = ppiov_read_genl(buf, len, &binding_table, &binding,
				  sizeof(binding));

	*out = binding.dmabuf_id;
	return err ? err : binding.has_dmabuf_id ? 0 : -EBADMSG;
}

static const struct ppiov_field pool_io_uring_fields[] = {
	PPIOV_OPTIONAL(PPIOV_UINT,
		       PPIOV_NETDEV_A_IO_URING_PROVIDER_INFO_RX_BUF_LEN,
		       struct ppiov_page_pool, rx_buf_len, has_rx_buf_len),
};

static const struct ppiov_table pool_io_uring_table =
	PPIOV_TABLE(pool_io_uring_fields);

static const struct ppiov_field pool_fields[] = {
	PPIOV_FIELD(PPIOV_UINT, PPIOV_NETDEV_A_PAGE_POOL_ID,
		    struct ppiov_page_pool, id),
	PPIOV_OPTIONAL(PPIOV_EXACT, PPIOV_NETDEV_A_PAGE_POOL_IFINDEX,
		       struct ppiov_page_pool, ifindex, has_ifindex),
	PPIOV_OPTIONAL(PPIOV_UINT, PPIOV_NETDEV_A_PAGE_POOL_NAPI_ID,
		       struct ppiov_page_pool, napi_id, has_napi_id),
	PPIOV_OPTIONAL(PPIOV_UINT, PPIOV_NETDEV_A_PAGE_POOL_INFLIGHT,
		       struct ppiov_page_pool, inflight, has_inflight),
	PPIOV_OPTIONAL(PPIOV_UINT, PPIOV_NETDEV_A_PAGE_POOL_INFLIGHT_MEM,
		       struct ppiov_page_pool, inflight_mem, has_inflight_mem),
	PPIOV_OPTIONAL(PPIOV_UINT, PPIOV_NETDEV_A_PAGE_POOL_DETACH_TIME,
		       struct ppiov_page_pool, detach_time, has_detach_time),
	PPIOV_OPTIONAL(PPIOV_EXACT, PPIOV_NETDEV_A_PAGE_POOL_DMABUF,
		       struct ppiov_page_pool, dmabuf, has_dmabuf),
	{ .type = PPIOV_NETDEV_A_PAGE_POOL_IO_URING, .kind = PPIOV_NEST,
	  .has = offsetof(struct ppiov_page_pool, has_io_uring),
	  .nest = &pool_io_uring_table },
};

static const struct ppiov_table pool_table = PPIOV_TABLE(pool_fields);

/* Reads a page pool, whose inflight must return to zero. */
int ppiov_parse_page_pool(const void *buf, size_t len,
			  struct ppiov_page_pool *out)
{
	int err = ppiov_read_genl(buf, len, &pool_table, out, sizeof(*out));

	return err ? err : out->id ? 0 : -EBADMSG;
}

static const struct ppiov_field stats_info_fields[] = {
	PPIOV_FIELD(PPIOV_UINT, PPIOV_NETDEV_A_PAGE_POOL_ID,
		    struct ppiov_page_pool_stats, id),
	PPIOV_OPTIONAL(PPIOV_EXACT, PPIOV_NETDEV_A_PAGE_POOL_IFINDEX,
		       struct ppiov_page_pool_stats, ifindex, has_ifindex),
};

static const struct ppiov_table stats_info_table =
	PPIOV_TABLE(stats_info_fields);

#define COUNTER(attr, member)						\
	PPIOV_FIELD(PPIOV_UINT, PPIOV_NETDEV_A_PAGE_POOL_STATS_##attr,	\
		    struct ppiov_page_pool_stats, member)

static const struct ppiov_field stats_fields[] = {
	{ .type = PPIOV_NETDEV_A_PAGE_POOL_STATS_INFO, .kind = PPIOV_NEST,
	  .nest = &stats_info_table },
	COUNTER(ALLOC_FAST, alloc_fast),
	COUNTER(ALLOC_SLOW, alloc_slow),
	COUNTER(ALLOC_SLOW_HIGH_ORDER, alloc_slow_high_order),
	COUNTER(ALLOC_EMPTY, alloc_empty),
	COUNTER(ALLOC_REFILL, alloc_refill),
	COUNTER(ALLOC_WAIVE, alloc_waive),
	COUNTER(RECYCLE_CACHED, recycle_cached),
	COUNTER(RECYCLE_CACHE_FULL, recycle_cache_full),
	COUNTER(RECYCLE_RING, recycle_ring),
	COUNTER(RECYCLE_RING_FULL, recycle_ring_full),
	COUNTER(RECYCLE_RELEASED_REFCNT, recycle_released_refcnt),
};

static const struct ppiov_table stats_table = PPIOV_TABLE(stats_fields);

/* Reads a page pool's counters. */
int ppiov_parse_page_pool_stats(const void *buf, size_t len,
				struct ppiov_page_pool_stats *out)
{
	int err = ppiov_read_genl(buf, len, &stats_table, out, sizeof(*out));

	return err ? err : out->id ? 0 : -EBADMSG;
}
