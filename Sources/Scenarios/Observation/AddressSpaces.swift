// SPDX-License-Identifier: GPL-2.0

import KernelABI

/// How many mm_structs there are (kernel/fork.c), by the count of the slab allocator.
enum AddressSpaces {
    static let shrink = "/sys/kernel/slab/mm_struct/shrink"
    static let table = "/proc/slabinfo"

    static func count() throws -> Int {
        // Objects in per-CPU slabs count as used until this is written (kmem_cache_shrink(), mm/slub.c).
        try KernelFile.write(shrink, "1")
        guard let count = ResourceCounters.value(of: "mm_struct", in: try KernelFile.read(table)) else {
            throw ScenarioFailure("\(table) has no line of mm_struct")
        }
        return Int(count)
    }
}
