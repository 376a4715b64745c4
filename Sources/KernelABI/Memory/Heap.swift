// SPDX-License-Identifier: GPL-2.0

internal import CShim

/// This process's own memory.
public enum Heap {
    /// Makes malloc(3) of this process need no memory of the kernel for the next `bytes` bytes. Under fault injection the kernel would otherwise
    /// also fail the requests of malloc(3), and a Swift program ends when an allocation fails.
    public static func reserve(_ bytes: Int) throws(KernelError) {
        try check(ppiov_heap_reserve(bytes), "reserving \(bytes) bytes of heap")
    }
}
