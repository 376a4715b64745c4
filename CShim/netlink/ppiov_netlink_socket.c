// SPDX-License-Identifier: GPL-2.0
/* Netlink sockets over libmnl, and the collection of replies. */
#include "ppiov_netlink_socket.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

struct ppiov_socket {
	struct mnl_socket *nl;
	uint32_t seq;
};

/* Begins a reply: only messages with this sequence number belong to it. */
void ppiov_reply_start(struct ppiov_reply *reply, uint32_t seq)
{
	memset(reply, 0, sizeof(*reply));
	reply->seq = seq;
}

/* Frees the messages of a reply. */
void ppiov_reply_free(struct ppiov_reply *reply)
{
	free(reply->bytes);
	reply->bytes = NULL;
	reply->length = 0;
	reply->capacity = 0;
}

/* Appends a copy of one message, padded so that the next one is aligned. */
static int append(struct ppiov_reply *reply, const uint8_t *msg, size_t len)
{
	size_t padded = MNL_ALIGN(len);

	if (reply->capacity - reply->length < padded) {
		size_t capacity = (reply->capacity + padded) * 2;
		uint8_t *bytes = realloc(reply->bytes, capacity);

		if (!bytes)
			return -ENOMEM;
		reply->bytes = bytes;
		reply->capacity = capacity;
	}
	memset(reply->bytes + reply->length, 0, padded);
	memcpy(reply->bytes + reply->length, msg, len);
	reply->length += padded;
	return 0;
}

/*
 * Adds one datagram.  Late messages of earlier requests, and notifications,
 * have other sequence numbers and are skipped.  The reply is complete once its
 * @done is set; the result of the request is then in its @ack.
 */
int ppiov_reply_feed(struct ppiov_reply *reply, const void *datagram,
		     size_t len)
{
	const uint8_t *at = datagram;

	while (len && !reply->done) {
		struct ppiov_message message;
		int err = ppiov_parse_message(at, len, &message);

		if (err)
			return err;
		if (message.seq == reply->seq) {
			if (message.flags & NLM_F_DUMP_INTR)
				reply->interrupted = true;
			switch (message.type) {
			case NLMSG_NOOP:
				break;
			case NLMSG_OVERRUN:
				return -EOVERFLOW;
			case NLMSG_ERROR:
			case NLMSG_DONE:
				err = ppiov_parse_ack(at, message.length,
						      &reply->ack);
				reply->done = true;
				break;
			default:
				err = append(reply, at, message.length);
			}
			if (err)
				return err;
		}
		at += message.stride;
		len -= message.stride;
	}
	return 0;
}

/* Opens a socket with extended and capped acknowledgements, bound to a port. */
int ppiov_socket_open(int protocol, struct ppiov_socket **out)
{
	struct ppiov_socket *socket = calloc(1, sizeof(*socket));
	int on = 1, err;

	*out = NULL;
	if (!socket)
		return -ENOMEM;
	socket->nl = mnl_socket_open2(protocol, SOCK_CLOEXEC);
	if (!socket->nl) {
		err = -errno;
		goto err_free;
	}
	if (mnl_socket_setsockopt(socket->nl, NETLINK_EXT_ACK, &on,
				  sizeof(on)) < 0 ||
	    mnl_socket_setsockopt(socket->nl, NETLINK_CAP_ACK, &on,
				  sizeof(on)) < 0 ||
	    mnl_socket_bind(socket->nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		err = -errno;
		goto err_close;
	}
	*out = socket;
	return 0;

err_close:
	mnl_socket_close(socket->nl);
err_free:
	free(socket);
	return err;
}

/* Closes a socket.  For family netdev this unbinds every dma-buf bound over it. */
void ppiov_socket_close(struct ppiov_socket *socket)
{
	mnl_socket_close(socket->nl);
	free(socket);
}

/* The descriptor, for poll(2). */
int ppiov_socket_fd(const struct ppiov_socket *socket)
{
	return mnl_socket_get_fd(socket->nl);
}

/* The next sequence number.  Never 0, which the kernel uses in notifications. */
uint32_t ppiov_socket_next_seq(struct ppiov_socket *socket)
{
	if (!++socket->seq)
		socket->seq = 1;
	return socket->seq;
}

/* Joins a multicast group. */
int ppiov_socket_join(struct ppiov_socket *socket, uint32_t group)
{
	int id = (int)group;

	if (mnl_socket_setsockopt(socket->nl, NETLINK_ADD_MEMBERSHIP, &id,
				  sizeof(id)) < 0)
		return -errno;
	return 0;
}

/* Sets SO_RCVBUF.  The kernel raises a value below its minimum. */
int ppiov_socket_set_receive_buffer(struct ppiov_socket *socket, int bytes)
{
	if (setsockopt(mnl_socket_get_fd(socket->nl), SOL_SOCKET, SO_RCVBUF,
		       &bytes, sizeof(bytes)) < 0)
		return -errno;
	return 0;
}

/* Sends one request as one datagram. */
int ppiov_socket_send(struct ppiov_socket *socket, const void *msg, size_t len)
{
	ssize_t sent;

	do {
		sent = mnl_socket_sendto(socket->nl, msg, len);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/*
 * Receives one datagram: its length, 0 at the timeout, -EMSGSIZE where it was
 * truncated, -ENOBUFS where the kernel lost notifications.
 * mnl_socket_recvfrom() gives one errno for a truncated datagram and for an
 * error of the kernel, so recvmsg() is called here.
 */
int ppiov_socket_receive(struct ppiov_socket *socket, void *buf, size_t size,
			 int timeout_ms)
{
	struct pollfd pfd = {
		.fd = mnl_socket_get_fd(socket->nl),
		.events = POLLIN,
	};
	struct iovec iov = { .iov_base = buf, .iov_len = size };
	struct sockaddr_nl from;
	struct msghdr msg;
	ssize_t got;
	int ready;

	do {
		ready = poll(&pfd, 1, timeout_ms);
		if (ready < 0)
			return -errno;
		if (!ready)
			return 0;
		memset(&from, 0, sizeof(from));
		msg = (struct msghdr){
			.msg_name = &from, .msg_namelen = sizeof(from),
			.msg_iov = &iov, .msg_iovlen = 1,
		};
		got = recvmsg(pfd.fd, &msg, MSG_DONTWAIT);
		if (got < 0)
			return -errno;
	} while (from.nl_pid);	/* skip what another process sent */
	if (msg.msg_flags & MSG_TRUNC)
		return -EMSGSIZE;
	return (int)got;
}
