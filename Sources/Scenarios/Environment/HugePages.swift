// SPDX-License-Identifier: GPL-2.0

import KernelABI

/// Huge pages set aside (mm/hugetlb.c).
enum HugePages {
    static let reserved = "/proc/sys/vm/nr_hugepages"
    /// Of 2 MiB each: more than two, so that the first, the next and the last are different ones.
    static let count = 3
    /// Ordinary pages of as much memory.
    static let pages = count << 21 / 4096
}
