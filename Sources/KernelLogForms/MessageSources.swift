// SPDX-License-Identifier: GPL-2.0

import Foundation

/// The files of a kernel's source that are read: those of the kernel's own detectors and of the code under test, and in other code below some folders
/// those that dump the stack.
struct MessageSources {
    struct File {
        /// From the top of the tree.
        var name: String
        var text: [UInt8]
        var isDetector: Bool
    }

    enum Failure: Error, CustomStringConvertible {
        case noVersion(String)

        var description: String {
            switch self {
            case .noVersion(let file): "\(file) has no lines VERSION and PATCHLEVEL: it is not the Makefile of a kernel's source"
            }
        }
    }

    var path: String

    /// "7.3".
    func version() throws -> String {
        let makefile = path + "/Makefile"
        var values: [String: String] = [:]
        for line in try String(contentsOfFile: makefile, encoding: .utf8).split(separator: "\n").prefix(20) {
            let parts = line.split(separator: "=", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            if parts.count == 2 { values[parts[0]] = parts[1] }
        }
        guard let version = values["VERSION"], let level = values["PATCHLEVEL"] else { throw Failure.noVersion(makefile) }
        return version + "." + level
    }

    /// The detectors in their order, then the others in the order of their names.
    func files() throws -> [File] {
        let known = Set(Self.detectors)
        let others = Self.folders.flatMap(names).filter { !known.contains($0) }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        return Self.detectors.compactMap { name in text(name).map { File(name: name, text: $0, isDetector: true) } }
            + others.compactMap { name in
                text(name).flatMap { Self.dumpsStack($0) ? File(name: name, text: $0, isDetector: false) : nil }
            }
    }

    private func text(_ name: String) -> [UInt8]? { FileManager.default.contents(atPath: path + "/" + name).map { [UInt8]($0) } }

    /// The sources of a folder and of those in it, without tests.
    private func names(in folder: String) -> [String] {
        let found = FileManager.default.enumerator(atPath: path + "/" + folder)?.allObjects as? [String] ?? []
        return found.map { folder + "/" + $0 }.filter { ($0.hasSuffix(".c") || $0.hasSuffix(".h")) && !$0.contains("test") }
    }

    /// Whether a call of one of them is in the text.
    private static func dumpsStack(_ text: [UInt8]) -> Bool {
        let names = ["dump_stack", "show_stack"]
        return text.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return false }
            var at = 0
            while let found = memchr(base + at, 0x28, bytes.count - at) {
                let place = UnsafeRawPointer(found) - base
                if names.contains(where: { bytes[..<place].suffix($0.utf8.count).elementsEqual($0.utf8) }) { return true }
                at = place + 1
            }
            return false
        }
    }

    private static let folders = [
        "kernel", "mm", "lib", "net/core", "net/ipv4", "io_uring", "drivers/base", "drivers/dma-buf", "fs/sysfs", "fs/debugfs",
    ]

    static let detectors = [
        "kernel/panic.c", "lib/bug.c", "lib/refcount.c", "lib/ubsan.c", "lib/list_debug.c", "lib/ref_tracker.c", "lib/debugobjects.c",
        "lib/kobject.c", "lib/genalloc.c", "lib/stackdepot.c", "lib/percpu-refcount.c", "kernel/locking/lockdep.c", "kernel/locking/rtmutex.c",
        "kernel/locking/mutex-debug.c", "kernel/locking/spinlock_debug.c", "kernel/locking/rwsem.c", "kernel/hung_task.c", "kernel/watchdog.c",
        "kernel/watchdog_perf.c", "kernel/watchdog_buddy.c", "kernel/rcu/tree.c", "kernel/rcu/tree_stall.h", "kernel/rcu/tree_exp.h",
        "kernel/rcu/tasks.h", "kernel/rcu/update.c", "kernel/workqueue.c", "kernel/softirq.c", "kernel/exit.c", "kernel/fork.c",
        "kernel/sched/core.c", "kernel/printk/printk.c", "kernel/printk/printk_safe.c", "kernel/dma/debug.c", "kernel/irq/spurious.c", "kernel/cfi.c",
        "kernel/smp.c", "kernel/time/timer.c", "mm/kasan/report.c", "mm/kasan/report_generic.c", "mm/kfence/report.c", "mm/kfence/core.c",
        "mm/kmsan/report.c", "kernel/kcsan/report.c", "mm/kmemleak.c", "mm/slub.c", "mm/slab_common.c", "mm/page_alloc.c", "mm/show_mem.c",
        "mm/oom_kill.c", "mm/memory.c", "mm/rmap.c", "mm/vmalloc.c", "mm/debug.c", "mm/usercopy.c", "mm/pgtable-generic.c", "mm/page_owner.c",
        "mm/page_table_check.c", "mm/page_poison.c", "mm/dmapool.c", "mm/percpu.c", "mm/mempool.c", "fs/super.c", "fs/inode.c", "fs/dcache.c",
        "fs/sysfs/dir.c", "fs/proc/generic.c", "fs/debugfs/inode.c", "fs/pstore/platform.c", "net/core/page_pool.c", "net/core/dev.c",
        "net/core/skbuff.c", "net/core/sock.c", "net/core/net_namespace.c", "net/core/devmem.c", "net/core/gro.c", "net/core/utils.c",
        "net/core/netmem_priv.h", "net/core/dst.c", "net/core/neighbour.c", "net/core/datagram.c", "net/ipv4/af_inet.c", "net/ipv4/tcp.c",
        "net/ipv4/tcp_input.c", "net/sched/sch_generic.c", "io_uring/io_uring.c", "io_uring/zcrx.c", "io_uring/rsrc.c", "drivers/dma-buf/dma-buf.c",
        "drivers/dma-buf/udmabuf.c", "drivers/net/netconsole.c", "drivers/net/netdevsim/netdev.c", "drivers/iommu/intel/dmar.c",
        "drivers/iommu/intel/iommu.c", "drivers/iommu/amd/iommu.c", "drivers/iommu/iommu.c", "drivers/iommu/dma-iommu.c",
        "drivers/iommu/arm/arm-smmu/arm-smmu.c", "drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c", "drivers/base/core.c", "arch/x86/kernel/dumpstack.c",
        "arch/x86/kernel/traps.c", "arch/x86/kernel/nmi.c", "arch/x86/kernel/doublefault_32.c", "arch/x86/mm/fault.c", "arch/x86/mm/extable.c",
        "arch/arm64/mm/fault.c", "arch/arm64/kernel/traps.c",
    ]
}
