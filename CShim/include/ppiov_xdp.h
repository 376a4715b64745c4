/* SPDX-License-Identifier: GPL-2.0 */
/* XDP programs and AF_XDP sockets, which exclude memory providers. */
#ifndef PPIOV_XDP_H
#define PPIOV_XDP_H

#include <stddef.h>
#include <stdint.h>

int ppiov_xdp_load(void);
int ppiov_xdp_probe(void);
int ppiov_xdp_attach(int program, uint32_t ifindex, uint32_t flags);
int ppiov_xdp_socket(uint32_t ifindex, uint32_t queue, void *memory, size_t size);

#endif
