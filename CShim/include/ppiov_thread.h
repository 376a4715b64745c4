/* SPDX-License-Identifier: GPL-2.0 */
/* GNU calls for threads, which the Glibc module of Swift does not have. */
#ifndef PPIOV_THREAD_H
#define PPIOV_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* The CPUs that the calling thread may run on, as a bit mask */
int ppiov_affinity_get(void *mask, size_t size);
int ppiov_affinity_set(const void *mask, size_t size);
/* Pins a thread, by its number, to one CPU; 0 is the caller */
int ppiov_thread_pin(int thread, unsigned int cpu);
/* Moves the calling thread to SCHED_FIFO, and back to SCHED_OTHER */
int ppiov_realtime(bool on);
/* Sets the comm of the calling thread; the kernel keeps 15 bytes */
int ppiov_thread_set_name(const char *name);
/* pthread_join() with a timeout: -ETIMEDOUT where the thread still runs */
int ppiov_thread_join(pthread_t thread, int timeout_ms);

#endif
