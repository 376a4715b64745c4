/* SPDX-License-Identifier: GPL-2.0 */
/* The CPUs that the calling thread may run on, as a bit mask: Swift does not see the GNU calls for it. */
#ifndef PPIOV_CPU_H
#define PPIOV_CPU_H

#include <stddef.h>

int ppiov_affinity_get(void *mask, size_t size);
int ppiov_affinity_set(const void *mask, size_t size);

#endif
