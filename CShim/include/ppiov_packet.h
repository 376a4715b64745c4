/* SPDX-License-Identifier: GPL-2.0 */
/* Whole frames, past the peer's own TCP: to send what no TCP would send. */
#ifndef PPIOV_PACKET_H
#define PPIOV_PACKET_H

#include <stdint.h>

int ppiov_packet_open(uint32_t ifindex, uint8_t mac[6]);
int ppiov_packet_open_offload(uint32_t ifindex);

#endif
