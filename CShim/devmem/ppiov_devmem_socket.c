// SPDX-License-Identifier: GPL-2.0
/* devmem TCP: sockets whose payload stays in a dma-buf. */
#define _GNU_SOURCE
#include "ppiov_devmem.h"

#include <errno.h>
#include <time.h>

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* Bytes that @fragments control messages need; CMSG_SPACE is a C macro. */
size_t ppiov_fragment_control_size(size_t fragments)
{
	return fragments * CMSG_SPACE(sizeof(struct ppiov_dmabuf_cmsg));
}

/*
 * Lists the fragments in a control buffer.  Returns how many there are, and
 * copies the first @capacity.  A pure function, so that it can be tested with
 * recorded and malformed bytes.
 */
size_t ppiov_walk_fragments(const void *control, size_t control_len,
			    struct ppiov_fragment *fragments, size_t capacity,
			    bool *malformed)
{
	const uint8_t *at = control;
	size_t count = 0;

	*malformed = false;
	while (control_len >= sizeof(struct cmsghdr)) {
		struct ppiov_dmabuf_cmsg frag;
		struct cmsghdr cmsg;
		size_t stride;

		memcpy(&cmsg, at, sizeof(cmsg));
		if (cmsg.cmsg_len < sizeof(cmsg) ||
		    cmsg.cmsg_len > control_len) {
			*malformed = true;
			break;
		}
		if (cmsg.cmsg_level == SOL_SOCKET &&
		    (cmsg.cmsg_type == PPIOV_SO_DEVMEM_LINEAR ||
		     cmsg.cmsg_type == PPIOV_SO_DEVMEM_DMABUF)) {
			if (cmsg.cmsg_len != CMSG_LEN(sizeof(frag))) {
				*malformed = true;
			} else {
				memcpy(&frag, at + CMSG_LEN(0), sizeof(frag));
				if (count < capacity)
					fragments[count] = (struct ppiov_fragment){
						.linear = cmsg.cmsg_type ==
							PPIOV_SO_DEVMEM_LINEAR,
						.offset = frag.frag_offset,
						.size = frag.frag_size,
						.token = frag.frag_token,
						.dmabuf_id = frag.dmabuf_id,
						.flags = frag.flags,
					};
				count++;
			}
		}
		stride = CMSG_ALIGN(cmsg.cmsg_len);
		if (stride > control_len)
			stride = control_len;
		at += stride;
		control_len -= stride;
	}
	return count;
}

/* Receives: bytes in total, 0 at the end of the stream, or -errno. */
int64_t ppiov_recv_devmem(int socket, bool peek, void *buf, size_t len,
			  void *control, size_t control_len,
			  struct ppiov_fragment *fragments, size_t capacity,
			  struct ppiov_received *out)
{
	struct iovec iov = { .iov_base = buf, .iov_len = len };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = control_len,
	};
	ssize_t got;

	memset(out, 0, sizeof(*out));
	do {
		got = recvmsg(socket, &msg, PPIOV_MSG_SOCK_DEVMEM |
			      (peek ? MSG_PEEK : 0));
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	out->control_truncated = msg.msg_flags & MSG_CTRUNC;
	out->fragment_count = ppiov_walk_fragments(msg.msg_control,
						   msg.msg_controllen,
						   fragments, capacity,
						   &out->malformed);
	return got;
}

/* Returns fragments to the page pool: how many the kernel took. */
int ppiov_dontneed(int socket, const struct ppiov_dmabuf_token *tokens,
		   size_t count)
{
	int ret = setsockopt(socket, SOL_SOCKET, PPIOV_SO_DEVMEM_DONTNEED,
			     tokens, (socklen_t)(count * sizeof(*tokens)));

	return ret < 0 ? -errno : ret;
}

/*
 * Sends bytes of a bound dma-buf; addresses are offsets into it.  The kernel
 * requires MSG_ZEROCOPY: without @zerocopy it returns -EINVAL.
 */
int64_t ppiov_send_devmem(int socket, uint32_t dmabuf_id,
			  const struct iovec *ranges, size_t count, bool more,
			  bool fast_open, bool zerocopy)
{
	union {
		char bytes[CMSG_SPACE(sizeof(uint32_t))];
		struct cmsghdr align;
	} control = { .bytes = { 0 } };
	struct msghdr msg = {
		.msg_iov = (struct iovec *)ranges, .msg_iovlen = count,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	ssize_t sent;

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = PPIOV_SO_DEVMEM_DMABUF;
	cmsg->cmsg_len = CMSG_LEN(sizeof(dmabuf_id));
	memcpy(CMSG_DATA(cmsg), &dmabuf_id, sizeof(dmabuf_id));
	do {
		sent = sendmsg(socket, &msg, MSG_NOSIGNAL |
			       (zerocopy ? MSG_ZEROCOPY : 0) |
			       (more ? MSG_MORE : 0) |
			       (fast_open ? MSG_FASTOPEN : 0));
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : sent;
}

/* Sets SO_ZEROCOPY, which sends from a dma-buf require. */
int ppiov_zerocopy_enable(int socket)
{
	int on = 1;

	return setsockopt(socket, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)) < 0 ?
	       -errno : 0;
}

/* Takes one send completion off the error queue: 1 taken, 0 none, or -errno. */
int ppiov_zerocopy_completion(int socket, struct ppiov_zerocopy *out)
{
	union {
		char bytes[CMSG_SPACE(sizeof(struct sock_extended_err) +
				     sizeof(struct sockaddr_in6))];
		struct cmsghdr align;
	} control;
	struct msghdr msg = {
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *cmsg;
	ssize_t got;

	do {
		got = recvmsg(socket, &msg, MSG_ERRQUEUE | MSG_DONTWAIT);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == EAGAIN ? 0 : -errno;
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
		struct sock_extended_err err;

		if (!(cmsg->cmsg_level == SOL_IP &&
		      cmsg->cmsg_type == IP_RECVERR) &&
		    !(cmsg->cmsg_level == SOL_IPV6 &&
		      cmsg->cmsg_type == IPV6_RECVERR))
			continue;
		if (cmsg->cmsg_len < CMSG_LEN(sizeof(err)))
			continue;
		memcpy(&err, CMSG_DATA(cmsg), sizeof(err));
		if (err.ee_origin != SO_EE_ORIGIN_ZEROCOPY)
			continue;
		if (err.ee_errno)
			return -(int)err.ee_errno;
		out->low = err.ee_info;
		out->high = err.ee_data;
		out->copied = err.ee_code & SO_EE_CODE_ZEROCOPY_COPIED;
		return 1;
	}
	return -EBADMSG;
}
