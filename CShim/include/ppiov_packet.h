/* SPDX-License-Identifier: GPL-2.0 */
/* Packet sockets: they send and receive whole frames. */
#ifndef PPIOV_PACKET_H
#define PPIOV_PACKET_H

#include <stddef.h>
#include <stdint.h>

int ppiov_packet_open(uint32_t ifindex, uint8_t mac[6]);
int ppiov_packet_open_offload(uint32_t ifindex);
int ppiov_packet_send_offload(int socket, const void *frame, size_t len,
			      uint16_t linear, uint16_t segment);

#endif
