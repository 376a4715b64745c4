/* SPDX-License-Identifier: GPL-2.0 */
/* Where threads run, and before whom: Swift does not see the GNU calls for it. */
#ifndef PPIOV_CPU_H
#define PPIOV_CPU_H

#include <stdbool.h>
#include <stddef.h>

/* The CPUs that the calling thread may run on, as a bit mask */
int ppiov_affinity_get(void *mask, size_t size);
int ppiov_affinity_set(const void *mask, size_t size);
/* Another thread to one CPU, by its number; 0 is the caller */
int ppiov_thread_pin(int thread, unsigned int cpu);
/* The calling thread before every ordinary one (SCHED_FIFO), and back */
int ppiov_realtime(bool on);

#endif
