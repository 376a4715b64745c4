// SPDX-License-Identifier: GPL-2.0

import KernelABI

/// Reserved huge pages (mm/hugetlb.c).
enum HugePages {
    static let reserved = "/proc/sys/vm/nr_hugepages"
    /// Pages of 2 MiB: more than two, so that the first, the second and the last are different ones.
    static let count = 3
    /// Pages of 4 KiB of the same memory.
    static let pages = count << 21 / 4096
}
