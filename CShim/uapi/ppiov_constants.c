// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "ppiov_constants.h"

#include <linux/capability.h>
#include <linux/if_link.h>
#include <linux/mman.h>
#include <net/if.h>
#include <sched.h>

const int PPIOV_MAP_HUGETLB_2MB = MAP_HUGETLB | MAP_HUGE_2MB;
const int PPIOV_CAP_IPC_LOCK = CAP_IPC_LOCK;
const uint32_t PPIOV_IFF_UP = IFF_UP;
const uint32_t PPIOV_XDP_FLAGS_SKB_MODE = XDP_FLAGS_SKB_MODE;
const uint32_t PPIOV_XDP_FLAGS_DRV_MODE = XDP_FLAGS_DRV_MODE;
const size_t PPIOV_CPU_SET_SIZE = sizeof(cpu_set_t);
