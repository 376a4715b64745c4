// SPDX-License-Identifier: GPL-2.0

internal import CShim

/// This process's own memory.
public enum Heap {
    /// Has the allocator of this process ask the kernel for nothing while `bytes` suffice it. Where the kernel fails allocations on
    /// request the allocator's would be among them, and a Swift program does not survive that.
    public static func reserve(_ bytes: Int) throws(KernelError) {
        try check(ppiov_heap_reserve(bytes), "reserving \(bytes) bytes of heap")
    }
}
