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
