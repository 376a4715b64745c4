/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A netlink socket, and the collection of its datagrams to one reply.  The
 * collection is a pure function, so that dumps, interrupted dumps and messages
 * of other requests can be tested without a kernel.
 */
#ifndef PPIOV_NETLINK_SOCKET_H
#define PPIOV_NETLINK_SOCKET_H

#include "ppiov_netlink.h"

enum {
	PPIOV_NETLINK_ROUTE = 0,
	PPIOV_NETLINK_NETFILTER = 12,
	PPIOV_NETLINK_GENERIC = 16,
	PPIOV_DATAGRAM_MAX = 65536,
};

/* The reply to one request: its messages, one after the other, 4-aligned. */
struct ppiov_reply {
	uint32_t seq;
	bool done;
	bool interrupted;	/* NLM_F_DUMP_INTR: the dump is inconsistent */
	struct ppiov_ack ack;
	uint8_t *bytes;
	size_t length;
	size_t capacity;
};

void ppiov_reply_start(struct ppiov_reply *reply, uint32_t seq);
int ppiov_reply_feed(struct ppiov_reply *reply, const void *datagram,
		     size_t len);
void ppiov_reply_free(struct ppiov_reply *reply);

struct ppiov_socket;

int ppiov_socket_open(int protocol, struct ppiov_socket **out);
void ppiov_socket_close(struct ppiov_socket *socket);
int ppiov_socket_fd(const struct ppiov_socket *socket);
uint32_t ppiov_socket_next_seq(struct ppiov_socket *socket);
int ppiov_socket_join(struct ppiov_socket *socket, uint32_t group);
int ppiov_socket_set_receive_buffer(struct ppiov_socket *socket, int bytes);
int ppiov_socket_send(struct ppiov_socket *socket, const void *msg, size_t len);
int ppiov_socket_receive(struct ppiov_socket *socket, void *buf, size_t size,
			 int timeout_ms);

#endif
