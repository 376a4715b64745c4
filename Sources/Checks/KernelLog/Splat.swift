// SPDX-License-Identifier: GPL-2.0

/// A report in the kernel log that no run should cause.
public struct Splat: Equatable, Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        case warning, bug, oops, panic, kasan, kfence, kmsan, kcsan, lockdep, refcount, ubsan, kmemleak, lockup, slab
        /// CONFIG_DMA_API_DEBUG (kernel/dma/debug.c).
        case dmaAPI = "dma-api"
        /// "INFO: task X blocked for more than" (kernel/hung_task.c).
        case hungTask = "hung-task"
        /// kernel/rcu/tree_stall.h, kernel/rcu/tree_exp.h.
        case rcuStall = "rcu-stall"
        /// `page_pool_release_retry()` (net/core/page_pool.c).
        case stalledPool = "stalled-pool"
        /// `netdev_wait_allrefs_any()` (net/core/dev.c).
        case heldNetdevice = "held-netdevice"
        /// lib/ref_tracker.c.
        case refTracker = "ref-tracker"
        /// lib/list_debug.c.
        case listCorruption = "list-corruption"
        /// "BUG: Bad page state" and similar (mm/page_alloc.c, mm/memory.c).
        case badPage = "bad-page"
        /// Sleeping or scheduling where it is forbidden (kernel/sched/core.c).
        case atomicContext = "atomic-context"
        /// An allocation failed, or the kernel ran out of memory: a finding only where no failures are injected.
        case allocation
        /// A device used an address that is not mapped for it, or its IOMMU reports an error (drivers/iommu).
        case iommu
        /// `dev_watchdog()` (net/sched/sch_generic.c).
        case txTimeout = "tx-timeout"
        /// `dump_stack()` after a message of none of the other kinds.
        case stackDump = "stack-dump"
        /// Messages that are not in the log: it proves nothing.
        case lostMessages = "lost-messages"
        /// A detector of the kernel has switched itself off.
        case detectorOff = "detector-off"

        /// It is no fault that was seen, but evidence that is missing.
        public var isLostEvidence: Bool { self == .lostMessages || self == .detectorOff }
    }

    public var kind: Kind
    /// The line that names the fault, without time stamp and caller.
    public var firstLine: String
    /// All its lines, as the console has them.
    public var lines: [String]
    /// The first five functions of its call trace, without those of the reporting code.
    public var fingerprint: [String]

    public init(kind: Kind, firstLine: String, lines: [String], fingerprint: [String]) {
        self.kind = kind
        self.firstLine = firstLine
        self.lines = lines
        self.fingerprint = fingerprint
    }
}
