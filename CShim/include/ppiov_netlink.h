/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Netlink messages as pure functions over byte buffers.
 *
 * Builders (ppiov_msg_*) write one request into @buf, which must be aligned to
 * 4 bytes, and return its length, -EMSGSIZE where it does not fit, or -EINVAL.
 * Parsers (ppiov_parse_*) read one whole message (netlink header included) at
 * any alignment, check every length in it, and return 0 or -EBADMSG.
 */
#ifndef PPIOV_NETLINK_H
#define PPIOV_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PPIOV_TEXT_MAX		256
#define PPIOV_NAME_MAX		16
#define PPIOV_GROUPS_MAX	16

/* One netlink message inside a datagram. */
struct ppiov_message {
	uint16_t type;
	uint16_t flags;
	uint32_t seq;
	uint32_t portid;
	uint32_t length;	/* header and payload, without padding */
	uint32_t stride;	/* bytes to the next message in the datagram */
};

/* The content of NLMSG_ERROR and NLMSG_DONE, with extack. */
struct ppiov_ack {
	int32_t error;		/* 0 or -errno */
	bool has_text;
	bool has_offset;
	bool has_missing_type;
	uint32_t offset;	/* of the bad attribute in the request */
	uint32_t missing_type;
	char text[PPIOV_TEXT_MAX];
};

struct ppiov_group {
	char name[PPIOV_NAME_MAX];
	uint32_t id;
};

struct ppiov_family {
	uint16_t id;
	uint32_t group_count;
	struct ppiov_group groups[PPIOV_GROUPS_MAX];
};

struct ppiov_netdev {
	uint32_t ifindex;
	uint64_t xdp_features;
	uint64_t xdp_rx_metadata_features;
	uint64_t xsk_features;
	uint32_t xdp_zc_max_segs;
};

struct ppiov_queue {
	uint32_t id;
	uint32_t ifindex;
	uint32_t type;
	bool has_id, has_type;
	bool has_napi_id, has_dmabuf, has_io_uring, has_rx_buf_len;
	bool has_xsk, has_lease;
	uint32_t napi_id;
	uint32_t dmabuf;
	uint64_t rx_buf_len;
};

struct ppiov_napi {
	uint32_t id;
	uint32_t ifindex;
	bool has_irq, has_pid;
	uint32_t irq;
	uint32_t pid;
	uint32_t defer_hard_irqs;
	uint64_t gro_flush_timeout;
	uint64_t irq_suspend_timeout;
	uint64_t threaded;
};

struct ppiov_page_pool {
	uint64_t id;
	bool has_ifindex, has_napi_id, has_inflight, has_inflight_mem;
	bool has_detach_time, has_dmabuf, has_io_uring, has_rx_buf_len;
	uint32_t ifindex;
	uint64_t napi_id;
	uint64_t inflight;
	uint64_t inflight_mem;
	uint64_t detach_time;
	uint32_t dmabuf;
	uint64_t rx_buf_len;
};

struct ppiov_page_pool_stats {
	uint64_t id;
	bool has_ifindex;
	uint32_t ifindex;
	uint64_t alloc_fast;
	uint64_t alloc_slow;
	uint64_t alloc_slow_high_order;
	uint64_t alloc_empty;
	uint64_t alloc_refill;
	uint64_t alloc_waive;
	uint64_t recycle_cached;
	uint64_t recycle_cache_full;
	uint64_t recycle_ring;
	uint64_t recycle_ring_full;
	uint64_t recycle_released_refcnt;
};

enum ppiov_rings_has {
	PPIOV_RINGS_RX_MAX = 1u << 0,
	PPIOV_RINGS_TX_MAX = 1u << 1,
	PPIOV_RINGS_RX = 1u << 2,
	PPIOV_RINGS_TX = 1u << 3,
	PPIOV_RINGS_RX_BUF_LEN = 1u << 4,
	PPIOV_RINGS_TCP_DATA_SPLIT = 1u << 5,
	PPIOV_RINGS_HDS_THRESH = 1u << 6,
	PPIOV_RINGS_HDS_THRESH_MAX = 1u << 7,
};

struct ppiov_rings {
	uint32_t ifindex;
	uint32_t has;		/* enum ppiov_rings_has */
	uint32_t rx_max, tx_max, rx, tx;
	uint32_t rx_buf_len;
	uint8_t tcp_data_split;
	uint32_t hds_thresh, hds_thresh_max;
};

enum ppiov_channels_has {
	PPIOV_CHANNELS_RX_MAX = 1u << 0,
	PPIOV_CHANNELS_TX_MAX = 1u << 1,
	PPIOV_CHANNELS_COMBINED_MAX = 1u << 2,
	PPIOV_CHANNELS_RX = 1u << 3,
	PPIOV_CHANNELS_TX = 1u << 4,
	PPIOV_CHANNELS_COMBINED = 1u << 5,
};

struct ppiov_channels {
	uint32_t ifindex;
	uint32_t has;		/* enum ppiov_channels_has */
	uint32_t rx_max, tx_max, combined_max;
	uint32_t rx, tx, combined;
};

struct ppiov_link {
	uint32_t ifindex;
	uint32_t flags;		/* IFF_* */
	uint32_t mtu;
	char name[PPIOV_NAME_MAX];
};

/* Messages of any family. */
int ppiov_parse_message(const void *buf, size_t len, struct ppiov_message *out);
int ppiov_parse_ack(const void *buf, size_t len, struct ppiov_ack *out);
int ppiov_parse_command(const void *buf, size_t len);

/* Family nlctrl. */
int ppiov_msg_family_get(void *buf, size_t size, uint32_t seq, const char *name);
int ppiov_parse_family(const void *buf, size_t len, struct ppiov_family *out);

/* Family netdev. */
int ppiov_msg_dev_get(void *buf, size_t size, uint16_t family, uint32_t seq,
		      uint32_t ifindex);
int ppiov_msg_dev_dump(void *buf, size_t size, uint16_t family, uint32_t seq);
int ppiov_msg_queue_get(void *buf, size_t size, uint16_t family, uint32_t seq,
			uint32_t ifindex, uint32_t type, uint32_t queue);
int ppiov_msg_queue_dump(void *buf, size_t size, uint16_t family, uint32_t seq,
			 uint32_t ifindex);
int ppiov_msg_napi_get(void *buf, size_t size, uint16_t family, uint32_t seq,
		       uint32_t napi_id);
int ppiov_msg_napi_dump(void *buf, size_t size, uint16_t family, uint32_t seq,
			uint32_t ifindex);
int ppiov_msg_page_pool_get(void *buf, size_t size, uint16_t family,
			    uint32_t seq, uint64_t id);
int ppiov_msg_page_pool_dump(void *buf, size_t size, uint16_t family,
			     uint32_t seq);
int ppiov_msg_page_pool_stats_get(void *buf, size_t size, uint16_t family,
				  uint32_t seq, uint64_t id);
int ppiov_msg_page_pool_stats_dump(void *buf, size_t size, uint16_t family,
				   uint32_t seq);
int ppiov_msg_bind_rx(void *buf, size_t size, uint16_t family, uint32_t seq,
		      uint32_t ifindex, int dmabuf_fd, const uint32_t *queues,
		      size_t queue_count, uint32_t rx_page_size);
int ppiov_msg_bind_tx(void *buf, size_t size, uint16_t family, uint32_t seq,
		      uint32_t ifindex, int dmabuf_fd);

int ppiov_parse_dev(const void *buf, size_t len, struct ppiov_netdev *out);
int ppiov_parse_queue(const void *buf, size_t len, struct ppiov_queue *out);
int ppiov_parse_napi(const void *buf, size_t len, struct ppiov_napi *out);
int ppiov_parse_page_pool(const void *buf, size_t len,
			  struct ppiov_page_pool *out);
int ppiov_parse_page_pool_stats(const void *buf, size_t len,
				struct ppiov_page_pool_stats *out);
int ppiov_parse_dmabuf_id(const void *buf, size_t len, uint32_t *out);

/* Family ethtool. */
int ppiov_msg_rings_get(void *buf, size_t size, uint16_t family, uint32_t seq,
			uint32_t ifindex);
int ppiov_msg_rings_set(void *buf, size_t size, uint16_t family, uint32_t seq,
			uint32_t ifindex, const struct ppiov_rings *settings);
int ppiov_msg_channels_get(void *buf, size_t size, uint16_t family,
			   uint32_t seq, uint32_t ifindex);
int ppiov_msg_channels_set(void *buf, size_t size, uint16_t family,
			   uint32_t seq, uint32_t ifindex,
			   const struct ppiov_channels *settings);
int ppiov_parse_rings(const void *buf, size_t len, struct ppiov_rings *out);
int ppiov_parse_channels(const void *buf, size_t len,
			 struct ppiov_channels *out);

/* rtnetlink. */
int ppiov_msg_link_get(void *buf, size_t size, uint32_t seq, const char *name);
int ppiov_msg_link_dump(void *buf, size_t size, uint32_t seq);
int ppiov_msg_link_up(void *buf, size_t size, uint32_t seq, uint32_t ifindex,
		      bool up);
int ppiov_msg_link_netns(void *buf, size_t size, uint32_t seq,
			 uint32_t ifindex, int netns_fd);
int ppiov_msg_link_mtu(void *buf, size_t size, uint32_t seq, uint32_t ifindex,
		       uint32_t mtu);
int ppiov_msg_link_delete(void *buf, size_t size, uint32_t seq,
			  uint32_t ifindex);
int ppiov_msg_address_add(void *buf, size_t size, uint32_t seq,
			  uint32_t ifindex, const void *address,
			  size_t address_len, uint8_t prefix_len);
int ppiov_parse_link(const void *buf, size_t len, struct ppiov_link *out);

#endif
