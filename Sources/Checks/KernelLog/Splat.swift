// SPDX-License-Identifier: GPL-2.0

/// Something in the kernel log that no run should leave behind.
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
        /// "BUG: Bad page state" and its kin (mm/page_alloc.c, mm/memory.c).
        case badPage = "bad-page"
        /// Sleeping or scheduling where it is forbidden (kernel/sched/core.c).
        case atomicContext = "atomic-context"
    }

    public var kind: Kind
    /// The line that says what it is, without time stamp and caller.
    public var firstLine: String
    /// All its lines, as the console had them.
    public var lines: [String]
    /// The first five functions of its call trace, those of the reporting machinery left out.
    public var fingerprint: [String]

    public init(kind: Kind, firstLine: String, lines: [String], fingerprint: [String]) {
        self.kind = kind
        self.firstLine = firstLine
        self.lines = lines
        self.fingerprint = fingerprint
    }
}

/// Reads function names out of call traces.
enum Fingerprint {
    static let length = 5

    /// Frames that every report of a kind has, and that say nothing of the cause.
    private static let machinery: Set<String> = [
        "dump_stack", "dump_stack_lvl", "__dump_stack", "show_stack", "dump_backtrace", "__warn", "report_bug", "__report_bug",
        "handle_bug", "exc_invalid_op", "asm_exc_invalid_op", "print_report", "kasan_report", "kasan_report_invalid_free",
        "print_address_description", "ubsan_epilogue", "__might_resched", "__might_sleep", "panic", "vpanic",
    ]

    /// The functions after "Call Trace:"; where it was cut off before that, any frame there is.
    static func of(_ texts: [String]) -> [String] {
        let start = texts.firstIndex { $0.has("Call Trace:") || $0.has("Call trace:") }
        var names: [String] = []
        if let start {
            names = texts[(start + 1)...].compactMap { frame($0) }
        }
        if names.isEmpty {
            names = texts.compactMap { text in
                if text.hasPrefix("RIP: "), let colon = text.dropFirst(5).firstIndex(of: ":") {
                    return frame(String(text[text.index(after: colon)...]))
                }
                return frame(text)
            }
        }
        return Array(names.filter { !machinery.contains($0) }.prefix(length))
    }

    /// ` func.isra.0+0x12/0x34 [module]` gives `func`; a frame with "? " is only a guess of the unwinder's.
    private static func frame(_ text: String) -> String? {
        var rest = (text.hasPrefix("kmemleak: ") ? text.dropFirst(10) : text[...]).unindented
        if rest.hasPrefix("[<"), let end = rest.firstIndex(of: "]") { rest = rest[rest.index(after: end)...].unindented }
        let name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ".") }
        guard !name.isEmpty, rest.dropFirst(name.count).hasPrefix("+0x") else { return nil }
        return String(name.prefix { $0 != "." })
    }
}
