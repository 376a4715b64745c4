/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Constants of system headers that the Glibc module of Swift does not include,
 * or that are macros which Swift cannot import.  The C compiler takes the values
 * from the headers.
 */
#ifndef PPIOV_CONSTANTS_H
#define PPIOV_CONSTANTS_H

#include <stddef.h>
#include <stdint.h>

/* MAP_HUGETLB | MAP_HUGE_2MB of linux/mman.h */
extern const int PPIOV_MAP_HUGETLB_2MB;
/* linux/capability.h */
extern const int PPIOV_CAP_IPC_LOCK;
/* linux/if.h */
extern const uint32_t PPIOV_IFF_UP;
/* linux/if_link.h */
extern const uint32_t PPIOV_XDP_FLAGS_SKB_MODE;
extern const uint32_t PPIOV_XDP_FLAGS_DRV_MODE;
/* sizeof(cpu_set_t) of sched.h */
extern const size_t PPIOV_CPU_SET_SIZE;

#endif
