// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "ppiov_thread.h"

#include <errno.h>
#include <sched.h>
#include <sys/prctl.h>
#include <time.h>

int ppiov_affinity_get(void *mask, size_t size)
{
	return sched_getaffinity(0, size, mask) ? -errno : 0;
}

int ppiov_affinity_set(const void *mask, size_t size)
{
	return sched_setaffinity(0, size, mask) ? -errno : 0;
}

int ppiov_thread_pin(int thread, unsigned int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(thread, sizeof(one), &one) ? -errno : 0;
}

int ppiov_realtime(bool on)
{
	const struct sched_param param = { .sched_priority = on };

	return sched_setscheduler(0, on ? SCHED_FIFO : SCHED_OTHER, &param) ?
	       -errno : 0;
}

int ppiov_thread_set_name(const char *name)
{
	return prctl(PR_SET_NAME, name) ? -errno : 0;
}

int ppiov_thread_join(pthread_t thread, int timeout_ms)
{
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += timeout_ms / 1000;
	end.tv_nsec += timeout_ms % 1000 * 1000000l;
	if (end.tv_nsec >= 1000000000) {
		end.tv_sec++;
		end.tv_nsec -= 1000000000;
	}
	return -pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &end);
}
