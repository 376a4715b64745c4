// SPDX-License-Identifier: GPL-2.0
/* TCP counters, and ways to read other than recvmsg(2). */
#define _GNU_SOURCE
#include "ppiov_tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* Segments received out of order. */
int ppiov_out_of_order(int socket, uint32_t *out)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);

	if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
		return -errno;
	if (size < offsetof(struct tcp_info, tcpi_rcv_ooopack) +
		   sizeof(info.tcpi_rcv_ooopack))
		return -EOPNOTSUPP;
	*out = info.tcpi_rcv_ooopack;
	return 0;
}

/* Bytes in the send queue that the peer has not acknowledged (SIOCOUTQ). */
int ppiov_unacknowledged(int socket)
{
	int bytes;

	return ioctl(socket, SIOCOUTQ, &bytes) < 0 ? -errno : bytes;
}

/* Bytes in the send queue that were not sent yet (SIOCOUTQNSD). */
int ppiov_unsent(int socket)
{
	int bytes;

	return ioctl(socket, SIOCOUTQNSD, &bytes) < 0 ? -errno : bytes;
}

/* Splices received bytes into a pipe, which is closed: how many. */
int64_t ppiov_splice_out(int socket, size_t len)
{
	int ends[2];
	ssize_t moved;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	moved = splice(socket, NULL, ends[1], NULL, len, SPLICE_F_NONBLOCK);
	if (moved < 0)
		moved = -errno;
	close(ends[0]);
	close(ends[1]);
	return moved;
}

/* Maps received pages (TCP_ZEROCOPY_RECEIVE), and unmaps them: how many bytes. */
int64_t ppiov_map_received(int socket, size_t len)
{
	struct tcp_zerocopy_receive zc = { .length = (uint32_t)len };
	socklen_t size = sizeof(zc);
	int64_t mapped;
	void *at;

	at = mmap(NULL, len, PROT_READ, MAP_SHARED, socket, 0);
	if (at == MAP_FAILED)
		return -errno;
	zc.address = (uint64_t)(uintptr_t)at;
	if (getsockopt(socket, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &zc,
		       &size) < 0)
		mapped = -errno;
	else
		mapped = zc.length;
	munmap(at, len);
	return mapped;
}
