/* SPDX-License-Identifier: GPL-2.0 */
/* TCP counters, and ways to read a socket other than recvmsg(2). */
#ifndef PPIOV_TCP_H
#define PPIOV_TCP_H

#include <stddef.h>
#include <stdint.h>

int ppiov_out_of_order(int socket, uint32_t *out);
int ppiov_unacknowledged(int socket);
int ppiov_unsent(int socket);
int64_t ppiov_splice_out(int socket, size_t len);
int64_t ppiov_map_received(int socket, size_t len);

#endif
