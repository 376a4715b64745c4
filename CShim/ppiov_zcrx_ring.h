/* SPDX-License-Identifier: GPL-2.0 */
/* The ring behind the opaque pointer; never seen outside this target. */
#ifndef PPIOV_ZCRX_RING_H
#define PPIOV_ZCRX_RING_H

#include <liburing.h>

struct ppiov_ring {
	struct io_uring uring;
};

#endif
