// SPDX-License-Identifier: GPL-2.0
/* Netlink sockets over libmnl, and the assembly of answers. */
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

/* Begins an answer: only messages with this sequence number belong to it. */
void ppiov_answer_start(struct ppiov_answer *answer, uint32_t seq)
{
	memset(answer, 0, sizeof(*answer));
	answer->seq = seq;
}

/* Frees what an answer has gathered. */
void ppiov_answer_free(struct ppiov_answer *answer)
{
	free(answer->bytes);
	answer->bytes = NULL;
	answer->length = 0;
	answer->room = 0;
}

/* Keeps a copy of one message, padded so that the next one is aligned. */
static int answer_keep(struct ppiov_answer *answer, const uint8_t *msg,
		       size_t len)
{
	size_t padded = MNL_ALIGN(len);

	if (answer->room - answer->length < padded) {
		size_t room = (answer->room + padded) * 2;
		uint8_t *bytes = realloc(answer->bytes, room);

		if (!bytes)
			return -ENOMEM;
		answer->bytes = bytes;
		answer->room = room;
	}
	memset(answer->bytes + answer->length, 0, padded);
	memcpy(answer->bytes + answer->length, msg, len);
	answer->length += padded;
	return 0;
}

/*
 * Takes in one datagram.  Late messages of earlier requests and notifications
 * carry other sequence numbers and are passed over.  The answer is complete
 * once its @done is set; the kernel's verdict is then in its @ack.
 */
int ppiov_answer_feed(struct ppiov_answer *answer, const void *datagram,
		      size_t len)
{
	const uint8_t *at = datagram;

	while (len && !answer->done) {
		struct ppiov_message message;
		int err = ppiov_parse_message(at, len, &message);

		if (err)
			return err;
		if (message.seq == answer->seq) {
			if (message.flags & NLM_F_DUMP_INTR)
				answer->interrupted = true;
			switch (message.type) {
			case NLMSG_NOOP:
				break;
			case NLMSG_OVERRUN:
				return -EOVERFLOW;
			case NLMSG_ERROR:
			case NLMSG_DONE:
				err = ppiov_parse_ack(at, message.length,
						      &answer->ack);
				answer->done = true;
				break;
			default:
				err = answer_keep(answer, at, message.length);
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

/* Closes a socket; for family netdev this unbinds every dma-buf bound over it. */
void ppiov_socket_close(struct ppiov_socket *socket)
{
	mnl_socket_close(socket->nl);
	free(socket);
}

/* The descriptor, for polling along with others. */
int ppiov_socket_fd(const struct ppiov_socket *socket)
{
	return mnl_socket_get_fd(socket->nl);
}

/* A sequence number never 0, which is the kernel's own in notifications. */
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

/* Bounds what may lie unread; the kernel has a least that it goes down to. */
int ppiov_socket_limit(struct ppiov_socket *socket, int bytes)
{
	if (setsockopt(mnl_socket_get_fd(socket->nl), SOL_SOCKET, SO_RCVBUF,
		       &bytes, sizeof(bytes)) < 0)
		return -errno;
	return 0;
}

/* Sends one request; datagrams go whole or not at all. */
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
 * cut, -ENOBUFS where the kernel lost notifications.  libmnl's receive does not
 * tell a cut datagram from an error of the kernel's, so recvmsg is called here.
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
	} while (from.nl_pid);	/* another process's: only the kernel counts */
	if (msg.msg_flags & MSG_TRUNC)
		return -EMSGSIZE;
	return (int)got;
}
