/* SPDX-License-Identifier: GPL-2.0 */
/* Traffic control at the ingress hook of an interface, as ppiov_netlink.h. */
#ifndef PPIOV_NETLINK_TC_H
#define PPIOV_NETLINK_TC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ppiov_tc_kind {
	PPIOV_TC_PEDIT,		/* writes 4 bytes, from the network header on */
	PPIOV_TC_CSUM_IPV4,	/* updates the checksum of the IPv4 header */
	PPIOV_TC_MIRROR,	/* sends a copy to the egress of @ifindex */
	PPIOV_TC_REDIRECT,	/* moves the packet to the ingress of @ifindex */
};

/* An action.  @keep and @value have the bytes in the order of the packet. */
struct ppiov_tc_action {
	enum ppiov_tc_kind kind;
	uint32_t offset;
	uint8_t keep[4];	/* bits that stay as they are */
	uint8_t value[4];
	uint32_t ifindex;
};

int ppiov_msg_clsact_add(void *buf, size_t size, uint32_t seq,
			 uint32_t ifindex);
int ppiov_msg_clsact_delete(void *buf, size_t size, uint32_t seq,
			    uint32_t ifindex);
int ppiov_msg_ingress_add(void *buf, size_t size, uint32_t seq,
			  uint32_t ifindex,
			  const struct ppiov_tc_action *actions, size_t count);
int ppiov_msg_action_get(void *buf, size_t size, uint32_t seq,
			 const char *kind);

#endif
