// SPDX-License-Identifier: GPL-2.0
/* Replies and notifications of the generic netlink family netdev. */
#include "ppiov_netlink.h"
#include "ppiov_netlink_read.h"
#include "ppiov_uapi.h"

#include <string.h>

/* Reads the buffer size out of an io_uring provider's nest. */
static int read_io_uring(struct ppiov_span span, bool *has, uint64_t *len)
{
	struct ppiov_attr attr;
	int more, err = 0;

	while (!err && (more = ppiov_read_attr(&span, &attr)) != 0) {
		if (more < 0)
			return more;
		if (attr.type == PPIOV_NETDEV_A_IO_URING_RX_BUF_LEN)
			err = ppiov_read_flagged(ppiov_read_uint(&attr, len),
						 has);
	}
	return err;
}

/* Reads a device: whether the family answers for it at all. */
int ppiov_parse_dev(const void *buf, size_t len, struct ppiov_netdev *out)
{
	struct ppiov_span span;
	struct ppiov_attr attr;
	int more, err;

	memset(out, 0, sizeof(*out));
	err = ppiov_read_genl(buf, len, &span);
	while (!err && (more = ppiov_read_attr(&span, &attr)) != 0) {
		if (more < 0)
			return more;
		switch (attr.type) {
		case PPIOV_NETDEV_A_DEV_IFINDEX:
			err = ppiov_read_u32(&attr, &out->ifindex);
			break;
		case PPIOV_NETDEV_A_DEV_XDP_FEATURES:
			err = ppiov_read_u64(&attr, &out->xdp_features);
			break;
		case PPIOV_NETDEV_A_DEV_XDP_RX_METADATA_FEATURES:
			err = ppiov_read_u64(&attr,
					     &out->xdp_rx_metadata_features);
			break;
		case PPIOV_NETDEV_A_DEV_XSK_FEATURES:
			err = ppiov_read_u64(&attr, &out->xsk_features);
			break;
		case PPIOV_NETDEV_A_DEV_XDP_ZC_MAX_SEGS:
			err = ppiov_read_u32(&attr, &out->xdp_zc_max_segs);
			break;
		}
	}
	return err ? err : out->ifindex ? 0 : -EBADMSG;
}

/* Reads a queue: which provider holds it. */
int ppiov_parse_queue(const void *buf, size_t len, struct ppiov_queue *out)
{
	bool has_id = false, has_type = false;
	struct ppiov_span span;
	struct ppiov_attr attr;
	int more, err;

	memset(out, 0, sizeof(*out));
	err = ppiov_read_genl(buf, len, &span);
	while (!err && (more = ppiov_read_attr(&span, &attr)) != 0) {
		if (more < 0)
			return more;
		switch (attr.type) {
		case PPIOV_NETDEV_A_QUEUE_ID:
			err = ppiov_read_flagged(
				ppiov_read_u32(&attr, &out->id), &has_id);
			break;
		case PPIOV_NETDEV_A_QUEUE_IFINDEX:
			err = ppiov_read_u32(&attr, &out->ifindex);
			break;
		case PPIOV_NETDEV_A_QUEUE_TYPE:
			err = ppiov_read_flagged(
				ppiov_read_u32(&attr, &out->type), &has_type);
			break;
		case PPIOV_NETDEV_A_QUEUE_NAPI_ID:
			err = ppiov_read_flagged(
				ppiov_read_u32(&attr, &out->napi_id),
				&out->has_napi_id);
			break;
		case PPIOV_NETDEV_A_QUEUE_DMABUF:
			err = ppiov_read_flagged(
				ppiov_read_u32(&attr, &out->dmabuf),
				&out->has_dmabuf);
			break;
		case PPIOV_NETDEV_A_QUEUE_IO_URING:
			out->has_io_uring = true;
			err = read_io_uring(attr.payload, &out->has_rx_buf_len,
					    &out->rx_buf_len);
			break;
		case PPIOV_NETDEV_A_QUEUE_XSK:
			out->has_xsk = true;
			break;
		case PPIOV_NETDEV_A_QUEUE_LEASE:
			out->has_lease = true;
			break;
		}
	}
	return err ? err : has_id && has_type && out->ifindex ? 0 : -EBADMSG;
}

/* Reads a NAPI instance. */
int ppiov_parse_napi(const void *buf, size_t len, struct ppiov_napi *out)
{
	struct ppiov_span span;
	struct ppiov_attr attr;
	int more, err;

	memset(out, 0, sizeof(*out));
	err = ppiov_read_genl(buf, len, &span);
	while (!err && (more = ppiov_read_attr(&span, &attr)) != 0) {
		if (more < 0)
			return more;
		switch (attr.type) {
		case PPIOV_NETDEV_A_NAPI_ID:
			err = ppiov_read_u32(&attr, &out->id);
			break;
		case PPIOV_NETDEV_A_NAPI_IFINDEX:
			err = ppiov_read_u32(&attr, &out->ifindex);
			break;
		case PPIOV_NETDEV_A_NAPI_IRQ:
			err = ppiov_read_flagged(
				ppiov_read_u32(&attr, &out->irq),
				&out->has_irq);
			break;
		case PPIOV_NETDEV_A_NAPI_PID:
			err = ppiov_read_flagged(
				ppiov_read_u32(&attr, &out->pid),
				&out->has_pid);
			break;
		case PPIOV_NETDEV_A_NAPI_DEFER_HARD_IRQS:
			err = ppiov_read_u32(&attr, &out->defer_hard_irqs);
			break;
		case PPIOV_NETDEV_A_NAPI_GRO_FLUSH_TIMEOUT:
			err = ppiov_read_uint(&attr, &out->gro_flush_timeout);
			break;
		case PPIOV_NETDEV_A_NAPI_IRQ_SUSPEND_TIMEOUT:
			err = ppiov_read_uint(&attr,
					      &out->irq_suspend_timeout);
			break;
		case PPIOV_NETDEV_A_NAPI_THREADED:
			err = ppiov_read_uint(&attr, &out->threaded);
			break;
		}
	}
	return err ? err : out->id && out->ifindex ? 0 : -EBADMSG;
}

/* Reads the dma-buf id out of a bind reply: sends and fragments name it. */
int ppiov_parse_dmabuf_id(const void *buf, size_t len, uint32_t *out)
{
	struct ppiov_span span;
	struct ppiov_attr attr;
	bool has = false;
	int more, err;

	*out = 0;
	err = ppiov_read_genl(buf, len, &span);
	while (!err && (more = ppiov_read_attr(&span, &attr)) != 0) {
		if (more < 0)
			return more;
		if (attr.type == PPIOV_NETDEV_A_DMABUF_ID)
			err = ppiov_read_flagged(ppiov_read_u32(&attr, out),
						 &has);
	}
	return err ? err : has ? 0 : -EBADMSG;
}

/* Reads a page pool: the accounting that must return to zero. */
int ppiov_parse_page_pool(const void *buf, size_t len,
			  struct ppiov_page_pool *out)
{
	struct ppiov_span span;
	struct ppiov_attr attr;
	int more, err;

	memset(out, 0, sizeof(*out));
	err = ppiov_read_genl(buf, len, &span);
	while (!err && (more = ppiov_read_attr(&span, &attr)) != 0) {
		if (more < 0)
			return more;
		switch (attr.type) {
		case PPIOV_NETDEV_A_PAGE_POOL_ID:
			err = ppiov_read_uint(&attr, &out->id);
			break;
		case PPIOV_NETDEV_A_PAGE_POOL_IFINDEX:
			err = ppiov_read_flagged(
				ppiov_read_u32(&attr, &out->ifindex),
				&out->has_ifindex);
			break;
		case PPIOV_NETDEV_A_PAGE_POOL_NAPI_ID:
			err = ppiov_read_flagged(
				ppiov_read_uint(&attr, &out->napi_id),
				&out->has_napi_id);
			break;
		case PPIOV_NETDEV_A_PAGE_POOL_INFLIGHT:
			err = ppiov_read_flagged(
				ppiov_read_uint(&attr, &out->inflight),
				&out->has_inflight);
			break;
		case PPIOV_NETDEV_A_PAGE_POOL_INFLIGHT_MEM:
			err = ppiov_read_flagged(
				ppiov_read_uint(&attr, &out->inflight_mem),
				&out->has_inflight_mem);
			break;
		case PPIOV_NETDEV_A_PAGE_POOL_DETACH_TIME:
			err = ppiov_read_flagged(
				ppiov_read_uint(&attr, &out->detach_time),
				&out->has_detach_time);
			break;
		case PPIOV_NETDEV_A_PAGE_POOL_DMABUF:
			err = ppiov_read_flagged(
				ppiov_read_u32(&attr, &out->dmabuf),
				&out->has_dmabuf);
			break;
		case PPIOV_NETDEV_A_PAGE_POOL_IO_URING:
			out->has_io_uring = true;
			err = read_io_uring(attr.payload, &out->has_rx_buf_len,
					    &out->rx_buf_len);
			break;
		}
	}
	return err ? err : out->id ? 0 : -EBADMSG;
}

/* Reads which pool a set of counters belongs to. */
static int read_stats_info(struct ppiov_span span,
			   struct ppiov_page_pool_stats *out)
{
	struct ppiov_attr attr;
	int more, err = 0;

	while (!err && (more = ppiov_read_attr(&span, &attr)) != 0) {
		if (more < 0)
			return more;
		if (attr.type == PPIOV_NETDEV_A_PAGE_POOL_ID)
			err = ppiov_read_uint(&attr, &out->id);
		else if (attr.type == PPIOV_NETDEV_A_PAGE_POOL_IFINDEX)
			err = ppiov_read_flagged(
				ppiov_read_u32(&attr, &out->ifindex),
				&out->has_ifindex);
	}
	return err;
}

/* Reads a page pool's counters; the attributes follow each other in order. */
int ppiov_parse_page_pool_stats(const void *buf, size_t len,
				struct ppiov_page_pool_stats *out)
{
	uint64_t *const counters[] = {
		&out->alloc_fast, &out->alloc_slow,
		&out->alloc_slow_high_order, &out->alloc_empty,
		&out->alloc_refill, &out->alloc_waive,
		&out->recycle_cached, &out->recycle_cache_full,
		&out->recycle_ring, &out->recycle_ring_full,
		&out->recycle_released_refcnt,
	};
	struct ppiov_span span;
	struct ppiov_attr attr;
	int more, err;

	_Static_assert(sizeof(counters) / sizeof(counters[0]) ==
		       PPIOV_NETDEV_A_PAGE_POOL_STATS_LAST -
		       PPIOV_NETDEV_A_PAGE_POOL_STATS_FIRST + 1, "counters");
	memset(out, 0, sizeof(*out));
	err = ppiov_read_genl(buf, len, &span);
	while (!err && (more = ppiov_read_attr(&span, &attr)) != 0) {
		if (more < 0)
			return more;
		if (attr.type == PPIOV_NETDEV_A_PAGE_POOL_STATS_INFO)
			err = read_stats_info(attr.payload, out);
		else if (attr.type >= PPIOV_NETDEV_A_PAGE_POOL_STATS_FIRST &&
			 attr.type <= PPIOV_NETDEV_A_PAGE_POOL_STATS_LAST)
			err = ppiov_read_uint(&attr, counters[attr.type -
					      PPIOV_NETDEV_A_PAGE_POOL_STATS_FIRST]);
	}
	return err ? err : out->id ? 0 : -EBADMSG;
}
