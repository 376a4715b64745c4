// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>

#include "ppiov_cpu.h"

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
