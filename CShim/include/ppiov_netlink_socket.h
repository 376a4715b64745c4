/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A netlink socket, and the assembly of its datagrams into one answer.  The
 * assembly is a pure function, so that dumps, interrupted dumps and foreign
 * messages can be tested with no kernel.
 */
#ifndef PPIOV_NETLINK_SOCKET_H
#define PPIOV_NETLINK_SOCKET_H

#include "ppiov_netlink.h"

enum {
	PPIOV_NETLINK_ROUTE = 0,
	PPIOV_NETLINK_GENERIC = 16,
	PPIOV_DATAGRAM_MAX = 65536,
};

/* The answer to one request: its messages one behind the other, 4-aligned. */
struct ppiov_answer {
	uint32_t seq;
	bool done;
	bool interrupted;	/* NLM_F_DUMP_INTR: the dump is inconsistent */
	struct ppiov_ack ack;
	uint8_t *bytes;
	size_t length;
	size_t room;
};

void ppiov_answer_start(struct ppiov_answer *answer, uint32_t seq);
int ppiov_answer_feed(struct ppiov_answer *answer, const void *datagram,
		      size_t len);
void ppiov_answer_free(struct ppiov_answer *answer);

struct ppiov_socket;

int ppiov_socket_open(int protocol, struct ppiov_socket **out);
void ppiov_socket_close(struct ppiov_socket *socket);
int ppiov_socket_fd(const struct ppiov_socket *socket);
uint32_t ppiov_socket_next_seq(struct ppiov_socket *socket);
int ppiov_socket_join(struct ppiov_socket *socket, uint32_t group);
int ppiov_socket_limit(struct ppiov_socket *socket, int bytes);
int ppiov_socket_send(struct ppiov_socket *socket, const void *msg, size_t len);
int ppiov_socket_receive(struct ppiov_socket *socket, void *buf, size_t size,
			 int timeout_ms);

#endif
