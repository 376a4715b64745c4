/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kernel interfaces that the headers of the build machine may not have, with a
 * prefix, so that newer system headers do not collide with them.  Each
 * block names the file of Linux 7.3 that it mirrors.  uapi/ asserts that they
 * are equal to the system's headers, where those have them.
 */
#ifndef PPIOV_UAPI_H
#define PPIOV_UAPI_H

#include <stddef.h>
#include <stdint.h>

#define PPIOV_SIZE(type, size) \
	_Static_assert(sizeof(type) == (size), "size of " #type)
#define PPIOV_AT(type, member, offset) \
	_Static_assert(offsetof(type, member) == (offset), #type "." #member)

/* include/uapi/linux/netdev.h */
#define PPIOV_NETDEV_FAMILY		"netdev"
#define PPIOV_NETDEV_GROUP_PAGE_POOL	"page-pool"

enum ppiov_netdev_cmd {
	PPIOV_NETDEV_CMD_DEV_GET = 1,
	PPIOV_NETDEV_CMD_PAGE_POOL_GET = 5,
	PPIOV_NETDEV_CMD_PAGE_POOL_ADD_NTF = 6,
	PPIOV_NETDEV_CMD_PAGE_POOL_DEL_NTF = 7,
	PPIOV_NETDEV_CMD_PAGE_POOL_CHANGE_NTF = 8,
	PPIOV_NETDEV_CMD_PAGE_POOL_STATS_GET = 9,
	PPIOV_NETDEV_CMD_QUEUE_GET = 10,
	PPIOV_NETDEV_CMD_NAPI_GET = 11,
	PPIOV_NETDEV_CMD_BIND_RX = 13,
	PPIOV_NETDEV_CMD_BIND_TX = 15,
};

enum ppiov_netdev_attr_dev {
	PPIOV_NETDEV_A_DEV_IFINDEX = 1,
	PPIOV_NETDEV_A_DEV_XDP_FEATURES = 3,
	PPIOV_NETDEV_A_DEV_XDP_ZC_MAX_SEGS = 4,
	PPIOV_NETDEV_A_DEV_XDP_RX_METADATA_FEATURES = 5,
	PPIOV_NETDEV_A_DEV_XSK_FEATURES = 6,
};

enum ppiov_netdev_attr_io_uring {
	PPIOV_NETDEV_A_IO_URING_PROVIDER_INFO_RX_BUF_LEN = 1,
};

enum ppiov_netdev_attr_page_pool {
	PPIOV_NETDEV_A_PAGE_POOL_ID = 1,
	PPIOV_NETDEV_A_PAGE_POOL_IFINDEX = 2,
	PPIOV_NETDEV_A_PAGE_POOL_NAPI_ID = 3,
	PPIOV_NETDEV_A_PAGE_POOL_INFLIGHT = 4,
	PPIOV_NETDEV_A_PAGE_POOL_INFLIGHT_MEM = 5,
	PPIOV_NETDEV_A_PAGE_POOL_DETACH_TIME = 6,
	PPIOV_NETDEV_A_PAGE_POOL_DMABUF = 7,
	PPIOV_NETDEV_A_PAGE_POOL_IO_URING = 8,
};

enum ppiov_netdev_attr_page_pool_stats {
	PPIOV_NETDEV_A_PAGE_POOL_STATS_INFO = 1,
	PPIOV_NETDEV_A_PAGE_POOL_STATS_ALLOC_FAST = 8,
	PPIOV_NETDEV_A_PAGE_POOL_STATS_ALLOC_SLOW = 9,
	PPIOV_NETDEV_A_PAGE_POOL_STATS_ALLOC_SLOW_HIGH_ORDER = 10,
	PPIOV_NETDEV_A_PAGE_POOL_STATS_ALLOC_EMPTY = 11,
	PPIOV_NETDEV_A_PAGE_POOL_STATS_ALLOC_REFILL = 12,
	PPIOV_NETDEV_A_PAGE_POOL_STATS_ALLOC_WAIVE = 13,
	PPIOV_NETDEV_A_PAGE_POOL_STATS_RECYCLE_CACHED = 14,
	PPIOV_NETDEV_A_PAGE_POOL_STATS_RECYCLE_CACHE_FULL = 15,
	PPIOV_NETDEV_A_PAGE_POOL_STATS_RECYCLE_RING = 16,
	PPIOV_NETDEV_A_PAGE_POOL_STATS_RECYCLE_RING_FULL = 17,
	PPIOV_NETDEV_A_PAGE_POOL_STATS_RECYCLE_RELEASED_REFCNT = 18,
};

enum ppiov_netdev_attr_napi {
	PPIOV_NETDEV_A_NAPI_IFINDEX = 1,
	PPIOV_NETDEV_A_NAPI_ID = 2,
	PPIOV_NETDEV_A_NAPI_IRQ = 3,
	PPIOV_NETDEV_A_NAPI_PID = 4,
	PPIOV_NETDEV_A_NAPI_DEFER_HARD_IRQS = 5,
	PPIOV_NETDEV_A_NAPI_GRO_FLUSH_TIMEOUT = 6,
	PPIOV_NETDEV_A_NAPI_IRQ_SUSPEND_TIMEOUT = 7,
	PPIOV_NETDEV_A_NAPI_THREADED = 8,
};

enum ppiov_netdev_attr_queue {
	PPIOV_NETDEV_A_QUEUE_ID = 1,
	PPIOV_NETDEV_A_QUEUE_IFINDEX = 2,
	PPIOV_NETDEV_A_QUEUE_TYPE = 3,
	PPIOV_NETDEV_A_QUEUE_NAPI_ID = 4,
	PPIOV_NETDEV_A_QUEUE_DMABUF = 5,
	PPIOV_NETDEV_A_QUEUE_IO_URING = 6,
	PPIOV_NETDEV_A_QUEUE_XSK = 7,
	PPIOV_NETDEV_A_QUEUE_LEASE = 8,
};

enum ppiov_netdev_queue_type {
	PPIOV_NETDEV_QUEUE_RX = 0,
	PPIOV_NETDEV_QUEUE_TX = 1,
};

enum ppiov_netdev_attr_dmabuf {
	PPIOV_NETDEV_A_DMABUF_IFINDEX = 1,
	PPIOV_NETDEV_A_DMABUF_QUEUES = 2,
	PPIOV_NETDEV_A_DMABUF_FD = 3,
	PPIOV_NETDEV_A_DMABUF_ID = 4,
	PPIOV_NETDEV_A_DMABUF_RX_PAGE_SIZE = 5,
};

/* include/uapi/linux/ethtool_netlink_generated.h */
#define PPIOV_ETHTOOL_FAMILY		"ethtool"

enum ppiov_ethtool_msg {
	PPIOV_ETHTOOL_MSG_RINGS_GET = 15,
	PPIOV_ETHTOOL_MSG_RINGS_SET = 16,
	PPIOV_ETHTOOL_MSG_CHANNELS_GET = 17,
	PPIOV_ETHTOOL_MSG_CHANNELS_SET = 18,
};

enum ppiov_ethtool_attr_header {
	PPIOV_ETHTOOL_A_HEADER_DEV_INDEX = 1,
	PPIOV_ETHTOOL_A_HEADER_DEV_NAME = 2,
};

enum ppiov_ethtool_attr_rings {
	PPIOV_ETHTOOL_A_RINGS_HEADER = 1,
	PPIOV_ETHTOOL_A_RINGS_RX_MAX = 2,
	PPIOV_ETHTOOL_A_RINGS_TX_MAX = 5,
	PPIOV_ETHTOOL_A_RINGS_RX = 6,
	PPIOV_ETHTOOL_A_RINGS_TX = 9,
	PPIOV_ETHTOOL_A_RINGS_RX_BUF_LEN = 10,
	PPIOV_ETHTOOL_A_RINGS_TCP_DATA_SPLIT = 11,
	PPIOV_ETHTOOL_A_RINGS_HDS_THRESH = 17,
	PPIOV_ETHTOOL_A_RINGS_HDS_THRESH_MAX = 18,
};

enum ppiov_ethtool_attr_channels {
	PPIOV_ETHTOOL_A_CHANNELS_HEADER = 1,
	PPIOV_ETHTOOL_A_CHANNELS_RX_MAX = 2,
	PPIOV_ETHTOOL_A_CHANNELS_TX_MAX = 3,
	PPIOV_ETHTOOL_A_CHANNELS_COMBINED_MAX = 5,
	PPIOV_ETHTOOL_A_CHANNELS_RX_COUNT = 6,
	PPIOV_ETHTOOL_A_CHANNELS_TX_COUNT = 7,
	PPIOV_ETHTOOL_A_CHANNELS_COMBINED_COUNT = 9,
};

/* include/uapi/linux/io_uring.h, io_uring/memmap.h */
enum {
	PPIOV_SETUP_CQSIZE = 1u << 3,
	PPIOV_SETUP_CLAMP = 1u << 4,
	PPIOV_SETUP_SUBMIT_ALL = 1u << 7,
	PPIOV_SETUP_COOP_TASKRUN = 1u << 8,
	PPIOV_SETUP_CQE32 = 1u << 11,
	PPIOV_SETUP_SINGLE_ISSUER = 1u << 12,
	PPIOV_SETUP_DEFER_TASKRUN = 1u << 13,
	PPIOV_SETUP_CQE_MIXED = 1u << 18,

	PPIOV_OP_RECV_ZC = 58,
	PPIOV_RECV_POLL_FIRST = 1u << 0,
	PPIOV_RECV_MULTISHOT = 1u << 1,
	PPIOV_CQE_F_MORE = 1u << 1,
	PPIOV_CQE_F_SKIP = 1u << 5,
	PPIOV_CQE_F_32 = 1u << 15,

	PPIOV_REGISTER_PROBE = 8,
	PPIOV_REGISTER_ZCRX_IFQ = 32,
	PPIOV_REGISTER_QUERY = 35,
	PPIOV_REGISTER_ZCRX_CTRL = 36,

	PPIOV_MEM_REGION_TYPE_USER = 1,
};

/* zcrx_ifq_idx of struct io_uring_sqe: a union with file_index */
#define PPIOV_SQE_ZCRX_IFQ_IDX		44
#define PPIOV_MMAP_ZCRX_REGION		0x30000000ull
#define PPIOV_MMAP_ZCRX_SHIFT		16

struct ppiov_region_desc {
	uint64_t user_addr;
	uint64_t size;
	uint32_t flags;
	uint32_t id;
	uint64_t mmap_offset;
	uint64_t resv[4];
};
PPIOV_SIZE(struct ppiov_region_desc, 64);
PPIOV_AT(struct ppiov_region_desc, mmap_offset, 24);

/* include/uapi/linux/io_uring/zcrx.h */
#define PPIOV_ZCRX_AREA_SHIFT		48

enum {
	PPIOV_ZCRX_AREA_DMABUF = 1,

	PPIOV_ZCRX_REG_IMPORT = 1,
	PPIOV_ZCRX_REG_NODEV = 2,

	PPIOV_ZCRX_FEATURE_RX_PAGE_SIZE = 1,
	PPIOV_ZCRX_FEATURE_EVENT = 2,

	PPIOV_ZCRX_EVENT_ALLOC_FAIL = 0,
	PPIOV_ZCRX_EVENT_COPY = 1,
	PPIOV_ZCRX_EVENT_DESC_STATS = 1,

	PPIOV_ZCRX_CTRL_FLUSH_RQ = 0,
	PPIOV_ZCRX_CTRL_EXPORT = 1,
	PPIOV_ZCRX_CTRL_ARM_EVENT = 2,
	PPIOV_ZCRX_CTRL_ADD_AREA = 3,
};

struct ppiov_zcrx_rqe {
	uint64_t off;
	uint32_t len;
	uint32_t pad;
};
PPIOV_SIZE(struct ppiov_zcrx_rqe, 16);

struct ppiov_zcrx_cqe {
	uint64_t off;
	uint64_t pad;
};
PPIOV_SIZE(struct ppiov_zcrx_cqe, 16);

struct ppiov_zcrx_offsets {
	uint32_t head;
	uint32_t tail;
	uint32_t rqes;
	uint32_t resv2;
	uint64_t resv[2];
};
PPIOV_SIZE(struct ppiov_zcrx_offsets, 32);

struct ppiov_zcrx_area_reg {
	uint64_t addr;
	uint64_t len;
	uint64_t rq_area_token;
	uint32_t flags;
	uint32_t dmabuf_fd;
	uint64_t resv2[2];
};
PPIOV_SIZE(struct ppiov_zcrx_area_reg, 48);
PPIOV_AT(struct ppiov_zcrx_area_reg, dmabuf_fd, 28);

struct ppiov_zcrx_stats {
	uint64_t copy_count;
	uint64_t copy_bytes;
};
PPIOV_SIZE(struct ppiov_zcrx_stats, 16);

struct ppiov_zcrx_event_desc {
	uint64_t user_data;
	uint32_t type_mask;
	uint32_t flags;
	uint64_t stats_offset;
	uint64_t resv2[9];
};
PPIOV_SIZE(struct ppiov_zcrx_event_desc, 96);
PPIOV_AT(struct ppiov_zcrx_event_desc, stats_offset, 16);

struct ppiov_zcrx_ifq_reg {
	uint32_t if_idx;
	uint32_t if_rxq;
	uint32_t rq_entries;
	uint32_t flags;
	uint64_t area_ptr;
	uint64_t region_ptr;
	struct ppiov_zcrx_offsets offsets;
	uint32_t zcrx_id;
	uint32_t rx_buf_len;
	uint64_t event_desc;
	uint64_t resv[2];
};
PPIOV_SIZE(struct ppiov_zcrx_ifq_reg, 96);
PPIOV_AT(struct ppiov_zcrx_ifq_reg, area_ptr, 16);
PPIOV_AT(struct ppiov_zcrx_ifq_reg, offsets, 32);
PPIOV_AT(struct ppiov_zcrx_ifq_reg, zcrx_id, 64);
PPIOV_AT(struct ppiov_zcrx_ifq_reg, event_desc, 72);

struct ppiov_zcrx_ctrl {
	uint32_t zcrx_id;
	uint32_t op;
	uint64_t resv[2];
	union {
		struct {
			uint32_t zcrx_fd;
			uint32_t resv[11];
		} export_fd;
		struct {
			uint64_t resv[6];
		} flush;
		struct {
			uint32_t event_type;
			uint32_t resv[11];
		} arm_event;
		struct {
			uint64_t area_ptr;
			uint64_t resv[5];
		} add_area;
	} u;
};
PPIOV_SIZE(struct ppiov_zcrx_ctrl, 72);
PPIOV_AT(struct ppiov_zcrx_ctrl, u, 24);

/* include/uapi/linux/io_uring/query.h */
enum {
	PPIOV_QUERY_OPCODES = 0,
	PPIOV_QUERY_ZCRX = 1,
	PPIOV_QUERY_ZCRX_EVENT = 3,
};

struct ppiov_query_hdr {
	uint64_t next_entry;
	uint64_t query_data;
	uint32_t query_op;
	uint32_t size;
	int32_t result;
	uint32_t resv[3];
};
PPIOV_SIZE(struct ppiov_query_hdr, 40);
PPIOV_AT(struct ppiov_query_hdr, result, 24);

struct ppiov_query_opcodes {
	uint32_t nr_request_opcodes;
	uint32_t nr_register_opcodes;
	uint64_t feature_flags;
	uint64_t ring_setup_flags;
	uint64_t enter_flags;
	uint64_t sqe_flags;
	uint32_t nr_query_opcodes;
	uint32_t pad;
};
PPIOV_SIZE(struct ppiov_query_opcodes, 48);

struct ppiov_query_zcrx {
	uint64_t register_flags;
	uint64_t area_flags;
	uint32_t nr_ctrl_opcodes;
	uint32_t features;
	uint32_t rq_hdr_size;
	uint32_t rq_hdr_alignment;
	uint64_t resv2;
};
PPIOV_SIZE(struct ppiov_query_zcrx, 40);

struct ppiov_query_zcrx_event {
	uint32_t event_flags;
	uint32_t stats_size;
	uint32_t stats_off_alignment;
	uint32_t resv1;
	uint64_t resv2[4];
};
PPIOV_SIZE(struct ppiov_query_zcrx_event, 48);

/* include/uapi/asm-generic/socket.h, include/linux/socket.h */
enum {
	PPIOV_SO_DEVMEM_LINEAR = 78,
	PPIOV_SO_DEVMEM_DMABUF = 79,
	PPIOV_SO_DEVMEM_DONTNEED = 80,
	PPIOV_MSG_SOCK_DEVMEM = 0x2000000,
};

/* include/uapi/linux/uio.h */
struct ppiov_dmabuf_cmsg {
	uint64_t frag_offset;
	uint32_t frag_size;
	uint32_t frag_token;
	uint32_t dmabuf_id;
	uint32_t flags;
};
PPIOV_SIZE(struct ppiov_dmabuf_cmsg, 24);
PPIOV_AT(struct ppiov_dmabuf_cmsg, dmabuf_id, 16);

struct ppiov_dmabuf_token {
	uint32_t token_start;
	uint32_t token_count;
};
PPIOV_SIZE(struct ppiov_dmabuf_token, 8);

#endif
