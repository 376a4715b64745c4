// SPDX-License-Identifier: GPL-2.0
/* Packet sockets; the Glibc module of Swift does not have struct sockaddr_ll. */
#define _GNU_SOURCE
#include "ppiov_packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/*
 * Opens a non-blocking packet socket that sends and receives the frames of one
 * interface, and copies the interface's address.
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
 * Opens a packet socket that only sends, each frame after a struct
 * virtio_net_hdr (PACKET_VNET_HDR).
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

/*
 * Sends a TCP segment over IPv4 without options whose checksum is left to the
 * device: @linear bytes of the frame, headers included, are in the skb's linear
 * part.  It is to be segmented with @segment bytes of payload in each segment,
 * or not at all where that is 0.
 */
int ppiov_packet_send_offload(int socket, const void *frame, size_t len,
			      uint16_t linear, uint16_t segment)
{
	struct virtio_net_hdr header = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = segment ? VIRTIO_NET_HDR_GSO_TCPV4 :
				      VIRTIO_NET_HDR_GSO_NONE,
		.hdr_len = linear,
		.gso_size = segment,
		.csum_start = sizeof(struct ethhdr) + sizeof(struct iphdr),
		.csum_offset = offsetof(struct tcphdr, check),
	};
	struct iovec parts[] = {
		{ .iov_base = &header, .iov_len = sizeof(header) },
		{ .iov_base = (void *)(uintptr_t)frame, .iov_len = len },
	};
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t sent;

	do {
		sent = sendmsg(socket, &msg, 0);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}
