/* SPDX-License-Identifier: GPL-2.0 */
/* nfnetlink: a table with one rule, a queue and a log, as ppiov_netlink.h. */
#ifndef PPIOV_NETLINK_NETFILTER_H
#define PPIOV_NETLINK_NETFILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ppiov_nft_kind {
	PPIOV_NFT_QUEUE,	/* to the reader of queue @number */
	PPIOV_NFT_LOG,		/* a copy to the reader of log group @number */
	PPIOV_NFT_DROP,
	PPIOV_NFT_WRITE,	/* writes @value at @offset of the IPv4 header */
};

/* What is done with each IPv4 packet that is received on an interface. */
struct ppiov_nft_rule {
	enum ppiov_nft_kind kind;
	uint32_t ifindex;
	uint16_t number;
	uint8_t offset;		/* even */
	uint8_t value[2];
};

/* A packet that a queue or a log has handed to its reader. */
struct ppiov_handed {
	bool present;		/* the message is one of those */
	bool has_length;	/* less than the packet is in @bytes */
	uint32_t id;
	uint32_t length;	/* of the packet, network header first */
	uint32_t count;
	const uint8_t *bytes;	/* inside the message */
};

int ppiov_msg_nft_table(void *buf, size_t size, uint32_t seq, const char *name,
			const struct ppiov_nft_rule *rule);
int ppiov_msg_queue_bind(void *buf, size_t size, uint32_t seq, uint16_t queue,
			 bool segments);
int ppiov_msg_queue_accept(void *buf, size_t size, uint32_t seq,
			   uint16_t queue, uint32_t id);
int ppiov_msg_log_bind(void *buf, size_t size, uint32_t seq, uint16_t group);
int ppiov_parse_handed(const void *buf, size_t len, struct ppiov_handed *out);

#endif
