// SPDX-License-Identifier: GPL-2.0

import Glibc
import KernelABI
import SystemPackage

/// The places in the kernel whose allocation for this thread failed, by the slab allocator's tracepoints (`kmem:kmalloc` and
/// `kmem:kmem_cache_alloc`, include/trace/events/kmem.h), which record failed allocations too. It has a tracefs instance of its own, so other
/// tracing is not affected.
final class FailedAllocations {
    private static let path = "/sys/kernel/tracing/instances/ppiov-failed"
    private static let events = ["kmalloc", "kmem_cache_alloc"]
    private var made = false

    /// - Throws: `ENOENT` without tracefs.
    init() throws(KernelError) {
        guard mkdir(Self.path, 0o700) == 0 || errno == EEXIST else {
            throw KernelError("mkdir of \(Self.path)", errno: Errno(rawValue: errno))
        }
        made = true
        do throws(KernelError) {
            let thread = try KernelFile.read("/proc/thread-self/stat").prefix { $0 != " " }
            try KernelFile.write(Self.path + "/trace", "\n")
            for event in Self.events {
                try KernelFile.write(Self.path + "/events/kmem/\(event)/filter", "ptr == 0 && common_pid == \(thread)")
                try KernelFile.write(Self.path + "/events/kmem/\(event)/enable", "1")
            }
        } catch {
            end()
            throw error
        }
    }

    /// The places that were recorded since the previous call, as "net_devmem_bind_dmabuf+0x7b/0x3f0".
    func take() throws(KernelError) -> Set<String> {
        let text = try KernelFile.read(Self.path + "/trace")
        try KernelFile.write(Self.path + "/trace", "\n")
        let marker = "call_site="
        return Set(
            text.split(separator: " ").lazy.filter { $0.hasPrefix(marker) }.map { String($0.dropFirst(marker.count)) })
    }

    func end() {
        guard made else { return }
        made = false
        for event in Self.events { try? KernelFile.write(Self.path + "/events/kmem/\(event)/enable", "0") }
        rmdir(Self.path)
    }

    deinit { end() }
}
