// SPDX-License-Identifier: GPL-2.0
/* Packet sockets: their address structure is one that Swift's Glibc lacks. */
#include "ppiov_packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * Opens a non-blocking packet socket that sends and receives the whole frames
 * of one interface, and tells that interface's address.
 */
int ppiov_packet_open(uint32_t ifindex, uint8_t mac[6])
{
	struct sockaddr_ll where = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)ifindex,
	};
	socklen_t size = sizeof(where);
	int fd, err;

	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&where, sizeof(where)) ||
	    getsockname(fd, (struct sockaddr *)&where, &size)) {
		err = errno;
		close(fd);
		return -err;
	}
	memcpy(mac, where.sll_addr, 6);
	return fd;
}

/*
 * Opens a packet socket that only sends, each frame behind a struct
 * virtio_net_hdr that says how the stack should take it (PACKET_VNET_HDR).
 */
int ppiov_packet_open_offload(uint32_t ifindex)
{
	struct sockaddr_ll where = {
		.sll_family = AF_PACKET,
		.sll_ifindex = (int)ifindex,
	};
	int fd, err, on = 1;

	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&where, sizeof(where))) {
		err = errno;
		close(fd);
		return -err;
	}
	return fd;
}
