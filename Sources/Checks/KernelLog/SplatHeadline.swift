// SPDX-License-Identifier: GPL-2.0

/// Recognises the line that names the kind of a splat, as Linux 7.3 prints it, and older kernels where they differ. The forms without such a
/// line are in `LoneReport`.
enum SplatHeadline {
    static func isCutHere(_ text: String) -> Bool { text.begins("------------[") }
    static func isEndTrace(_ text: String) -> Bool { text.begins("---[ end trace") }

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
            if text.begins("Internal error: ") { return .oops }
            return info(text)
        case UInt8(ascii: "["):
            // "[ BUG: Invalid wait context ]"; kernels before 4.17 had all lockdep headlines so.
            guard text.begins("[ BUG: ") || text.begins("[ INFO: ") else { return nil }
            return .lockdep
        case UInt8(ascii: "K"):
            if text.begins("Kernel BUG at ") { return .bug }
            return text.begins("Kernel panic - not syncing") ? .panic : nil
        case UInt8(ascii: "k"):
            if text.begins("kernel BUG at ") { return .bug }
            return kmemleak(text)
        default: return other(text)
        }
    }

    /// `__warn()` of kernel/panic.c; the headlines of kernel/locking/lockdep.c.
    private static func warning(_ text: String, afterCut: Bool) -> Splat.Kind? {
        if text.has("Watchdog detected hard LOCKUP") { return .lockup }
        guard let rest = text.rest(behind: "WARNING: ") else { return nil }
        let lockdep = [
            "possible circular locking", "possible recursive locking", "possible irq lock inversion", "inconsistent lock state",
            "suspicious RCU usage", "bad unlock balance", "bad contention detected", "held lock freed",
            "lock held when returning", "Nested lock was not taken", "chain_key collision",
        ]
        // A truncated line counts where it is the beginning of one.
        if lockdep.contains(where: { rest.begins($0) || (rest.utf8.count >= 8 && $0.begins(String(rest))) }) { return .lockdep }
        if rest.has("-unsafe lock order detected") || rest.has("still has locks held") { return .lockdep }
        if afterCut || rest.begins("CPU: ") || rest.begins("at ") || WarningLine(text) != nil { return .warning }
        // The line may be truncated behind the file.
        let places = rest.begins("[") ? rest.split(separator: " ").dropFirst() : rest.split(separator: " ", maxSplits: 1).prefix(1)
        return places.contains { place in [".c:", ".h:", ".rs:"].contains { place.has($0) } } ? .warning : nil
    }

    private static func bug(_ text: String) -> Splat.Kind? {
        if text.begins("BUG ") {
            // mm/slub.c: "BUG kmalloc-256 (Tainted: G    B): Poison overwritten".
            if text.has("ainted") || text.begins("BUG kmalloc-") { return .slab }
            // net/sched/sch_generic.c: "BUG eni1np1 code -1 qlen 3".
            return text.has(" code ") && text.has(" qlen ") ? .bug : nil
        }
        guard let rest = text.rest(behind: "BUG: ") else { return nil }
        let kinds: [(String, Splat.Kind)] = [
            ("KASAN:", .kasan), ("KFENCE:", .kfence), ("KMSAN:", .kmsan), ("KCSAN:", .kcsan), ("unable to handle", .oops),
            ("kernel NULL pointer dereference", .oops), ("soft lockup", .lockup), ("workqueue lockup", .lockup),
            ("Bad page", .badPage), ("Bad rss-counter", .badPage), ("scheduling while atomic", .atomicContext),
            ("scheduling in a non-blocking", .atomicContext), ("sleeping function called", .atomicContext),
            ("assuming ", .atomicContext), ("using ", .atomicContext), ("workqueue leaked", .atomicContext),
            ("Invalid wait context", .lockdep), ("MAX_", .detectorOff), ("key ", .lockdep), ("looking up invalid subclass", .lockdep),
        ]
        if let known = kinds.first(where: { rest.begins($0.0) }) { return known.1 }
        return rest.has("stack guard page was hit") ? .oops : .bug
    }

    private static func info(_ text: String) -> Splat.Kind? {
        guard let rest = text.rest(behind: "INFO: ") else { return nil }
        if rest.begins("task "), text.has(" blocked"), text.has(" for more than ") { return .hungTask }
        let lockdep = ["trying to register non-static key", "possible ", "suspicious RCU usage", "inconsistent lock state"]
        if lockdep.contains(where: { rest.begins($0) }) { return .lockdep }
        return stall(text)
    }

    private static func stall(_ text: some StringProtocol) -> Splat.Kind? {
        guard text.begins("INFO: rcu") || text.begins("INFO: srcu") else {
            return text.begins("rcu") && text.has(" kthread starved for ") ? .rcuStall : nil
        }
        return text.has("detected stall") || text.has("-detected stall") || text.has("expedited stalls") ? .rcuStall : nil
    }

    private static func kmemleak(_ text: String) -> Splat.Kind? {
        guard text.begins("kmemleak: ") else { return nil }
        return text.has(" new suspected memory leak") || text.has("unreferenced object") ? .kmemleak : nil
    }

    private static func other(_ text: String) -> Splat.Kind? {
        if text.begins("Oops: ") || text.begins("general protection fault") || text.has("PANIC: double fault")
            || text.begins("Unable to handle kernel ") || isNumberedFault(text)
        {
            return .oops
        }
        if text.begins("refcount_t: ") { return .refcount }
        if text.begins("UBSAN: ") { return .ubsan }
        if text.begins("list_add corruption") || text.begins("list_add double add") || text.begins("list_del corruption") { return .listCorruption }
        if text.begins("DMA-API: ") { return isDMAError(text) ? .dmaAPI : nil }
        if let rest = text.rest(behind: "rcu: ") { return stall(rest) }
        if text.has("BUG: soft lockup") || text.has("Watchdog detected hard LOCKUP") { return .lockup }
        if text.has("stalled pool shutdown") { return .stalledPool }
        if text.has("unregister_netdevice: waiting for ") { return .heldNetdevice }
        if text.begins("ref_tracker: ") {
            return text.has(" users at") || text.has("reference already released") || text.has("skipped reports about")
                || text.has("couldn't get stats") ? .refTracker : nil
        }
        if text.begins("can't destroy genpool") { return .warning }
        return nil
    }

    /// "divide error: 0000 [#1] SMP", as kernels before 6.12 head an oops.
    private static func isNumberedFault(_ text: String) -> Bool {
        let bytes = Array(text.utf8.prefix(256))
        guard let mark = bytes.firstIndex(of: UInt8(ascii: "#")), mark >= 8, bytes[mark - 2] == UInt8(ascii: " "),
            bytes[mark - 1] == UInt8(ascii: "[")
        else { return false }
        return bytes[(mark - 6)..<(mark - 2)].allSatisfy { isDigit($0) || (0x61...0x66).contains($0 | 0x20) }
            && bytes[(mark - 8)..<(mark - 6)].elementsEqual(": ".utf8)
    }

    /// kernel/dma/debug.c uses one prefix for errors and for information. That it ran out of memory is in `LostEvidence`.
    private static func isDMAError(_ text: String) -> Bool {
        let errors = [
            ": device driver ", ": mapping sg segment ", "cacheline tracking EEXIST", "overlapping mappings", "dma_map_resource called for RAM",
        ]
        return errors.contains { text.has($0) }
    }
}
