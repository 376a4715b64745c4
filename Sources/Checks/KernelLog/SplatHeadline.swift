// SPDX-License-Identifier: GPL-2.0

/// Recognises the line that names the kind of a splat, as Linux 7.3 prints it, and older kernels where they differ.
enum SplatHeadline {
    static func isCutHere(_ text: String) -> Bool { text.hasPrefix("------------[") }
    static func isEndTrace(_ text: String) -> Bool { text.hasPrefix("---[ end trace") }

    /// The row of '=' around sanitizer and lockdep reports.
    static func isRuler(_ text: String) -> Bool { text.utf8.count >= 20 && text.utf8.allSatisfy { $0 == UInt8(ascii: "=") } }

    /// - Parameter afterCut: the line follows "cut here" directly.
    static func kind(of text: String, afterCut: Bool) -> Splat.Kind? {
        // Anything else would search every line of the boot for every pattern.
        guard let first = text.utf8.first else { return nil }
        switch first {
        case UInt8(ascii: "W"): return warning(text, afterCut: afterCut)
        case UInt8(ascii: "B"): return bug(text)
        case UInt8(ascii: "I"):
            if text.hasPrefix("Internal error: ") { return .oops }
            return info(text)
        case UInt8(ascii: "["):
            // "[ BUG: Invalid wait context ]"; kernels before 4.17 had all lockdep headlines so.
            guard text.hasPrefix("[ BUG: ") || text.hasPrefix("[ INFO: ") else { return nil }
            return .lockdep
        case UInt8(ascii: "K"): return text.hasPrefix("Kernel panic - not syncing") ? .panic : nil
        case UInt8(ascii: "k"):
            if text.hasPrefix("kernel BUG at ") { return .bug }
            return kmemleak(text)
        default: return other(text)
        }
    }

    /// `__warn()` of kernel/panic.c; the headlines of kernel/locking/lockdep.c.
    private static func warning(_ text: String, afterCut: Bool) -> Splat.Kind? {
        if text.has("Watchdog detected hard LOCKUP") { return .lockup }
        guard text.hasPrefix("WARNING: ") else { return nil }
        let rest = text.dropFirst(9)
        let lockdep = [
            "possible circular locking", "possible recursive locking", "possible irq lock inversion", "inconsistent lock state",
            "suspicious RCU usage", "bad unlock balance", "bad contention detected", "held lock freed",
            "lock held when returning", "Nested lock was not taken", "chain_key collision",
        ]
        // A truncated line counts where it is the beginning of one.
        if lockdep.contains(where: { rest.hasPrefix($0) || (rest.utf8.count >= 8 && $0.hasPrefix(rest)) }) { return .lockdep }
        if rest.has("-unsafe lock order detected") || rest.has("still has locks held") { return .lockdep }
        if afterCut || rest.hasPrefix("CPU: ") || rest.hasPrefix("at ") { return .warning }
        // "WARNING: net/core/page_pool.c:717 at page_pool_inflight+0x5c/0x70, CPU#1: kworker/1:2/88"
        let place = rest.prefix { $0 != " " }
        return [".c:", ".h:", ".rs:"].contains(where: { place.has($0) }) ? .warning : nil
    }

    private static func bug(_ text: String) -> Splat.Kind? {
        if text.hasPrefix("BUG ") {
            // mm/slub.c: "BUG kmalloc-256 (Tainted: G    B): Poison overwritten".
            return text.has("ainted") || text.hasPrefix("BUG kmalloc-") ? .slab : nil
        }
        guard text.hasPrefix("BUG: ") else { return nil }
        let rest = text.dropFirst(5)
        let kinds: [(String, Splat.Kind)] = [
            ("KASAN:", .kasan), ("KFENCE:", .kfence), ("KMSAN:", .kmsan), ("KCSAN:", .kcsan), ("unable to handle", .oops),
            ("kernel NULL pointer dereference", .oops), ("soft lockup", .lockup), ("workqueue lockup", .lockup),
            ("Bad page", .badPage), ("Bad rss-counter", .badPage), ("scheduling while atomic", .atomicContext),
            ("scheduling in a non-blocking", .atomicContext), ("sleeping function called", .atomicContext),
            ("assuming ", .atomicContext), ("using ", .atomicContext), ("workqueue leaked", .atomicContext),
            ("Invalid wait context", .lockdep), ("MAX_", .lockdep), ("key ", .lockdep), ("looking up invalid subclass", .lockdep),
        ]
        if let known = kinds.first(where: { rest.hasPrefix($0.0) }) { return known.1 }
        return rest.has("stack guard page was hit") ? .oops : .bug
    }

    private static func info(_ text: String) -> Splat.Kind? {
        guard text.hasPrefix("INFO: ") else { return nil }
        if text.hasPrefix("INFO: task "), text.has(" blocked"), text.has(" for more than ") { return .hungTask }
        let lockdep = ["trying to register non-static key", "possible ", "suspicious RCU usage", "inconsistent lock state"]
        if lockdep.contains(where: { text.dropFirst(6).hasPrefix($0) }) { return .lockdep }
        return stall(text[...])
    }

    private static func stall(_ text: Substring) -> Splat.Kind? {
        guard text.hasPrefix("INFO: rcu") || text.hasPrefix("INFO: srcu") else {
            return text.hasPrefix("rcu") && text.has(" kthread starved for ") ? .rcuStall : nil
        }
        return text.has("detected stall") || text.has("-detected stall") || text.has("expedited stalls") ? .rcuStall : nil
    }

    private static func kmemleak(_ text: String) -> Splat.Kind? {
        guard text.hasPrefix("kmemleak: ") else { return nil }
        return text.has(" new suspected memory leak") || text.has("unreferenced object") ? .kmemleak : nil
    }

    private static func other(_ text: String) -> Splat.Kind? {
        if text.hasPrefix("Oops: ") || text.hasPrefix("general protection fault") || text.hasPrefix("PANIC: double fault")
            || text.hasPrefix("Unable to handle kernel ") || isNumberedFault(text)
        {
            return .oops
        }
        if text.hasPrefix("refcount_t: ") { return .refcount }
        if text.hasPrefix("UBSAN: ") { return .ubsan }
        if text.hasPrefix("list_add corruption") || text.hasPrefix("list_del corruption") { return .listCorruption }
        if text.hasPrefix("DMA-API: ") { return isDMAError(text) ? .dmaAPI : nil }
        if text.hasPrefix("rcu: ") { return stall(text.dropFirst(5)) }
        if text.has("BUG: soft lockup") || text.has("Watchdog detected hard LOCKUP") { return .lockup }
        if text.has("stalled pool shutdown") { return .stalledPool }
        if text.has("unregister_netdevice: waiting for ") { return .heldNetdevice }
        if text.hasPrefix("ref_tracker: ") {
            return text.has(" users at") || text.has("reference already released") || text.has("skipped reports about")
                || text.has("couldn't get stats") ? .refTracker : nil
        }
        if text.hasPrefix("can't destroy genpool") { return .warning }
        return nil
    }

    /// "divide error: 0000 [#1] SMP", as kernels before 6.12 head an oops.
    private static func isNumberedFault(_ text: String) -> Bool {
        guard let mark = text.firstIndex(of: "#"), text.has(" [#") else { return false }
        let before = text[..<mark].dropLast(2)
        let number = before.suffix(4)
        return number.utf8.count == 4 && number.allSatisfy(\.isHexDigit) && before.dropLast(4).hasSuffix(": ")
    }

    /// kernel/dma/debug.c uses one prefix for errors and for information. That it ran out of memory counts too: it checks nothing from then on.
    private static func isDMAError(_ text: String) -> Bool {
        let errors = [
            ": device driver ", ": mapping sg segment ", "cacheline tracking EEXIST", "overlapping mappings",
            "cacheline tracking ENOMEM", "debugging out of memory",
        ]
        return errors.contains { text.has($0) }
    }
}
