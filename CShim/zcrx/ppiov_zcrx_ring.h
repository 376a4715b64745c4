/* SPDX-License-Identifier: GPL-2.0 */
/* What the zcrx functions share.  Private to this target. */
#ifndef PPIOV_ZCRX_RING_H
#define PPIOV_ZCRX_RING_H

#include <liburing.h>

#include "ppiov_uapi.h"

struct ppiov_ring {
	struct io_uring uring;
};

int ppiov_uring_register(int fd, unsigned int op, void *arg, unsigned int nr);
int ppiov_zcrx_ctrl(const struct ppiov_ring *ring, struct ppiov_zcrx_ctrl *ctrl);

#endif
