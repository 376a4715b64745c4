// SPDX-License-Identifier: GPL-2.0

/// Recognises messages that the log is not complete, or that a detector of the kernel has switched itself off: from then on, a log without
/// reports proves nothing.
///
/// A detector that is off by configuration or by the command line says so while the kernel boots, and no scenario is judged by that.
enum LostEvidence {
    static func kind(of text: String) -> Splat.Kind? {
        if isLostMessage(text) { return .lostMessages }
        return detector(in: text) != nil ? .detectorOff : nil
    }

    /// How many messages the line says were lost; nil where it gives no number.
    static func count(in text: String) -> Int? {
        for (before, behind) in [
            ("** ", " printk messages dropped **"), ("Lost ", " message(s)!"), (": Missed ", " kernel messages"), ("printk: dropped ", " messages"),
        ] {
            guard text.has(behind), let start = text.index(behind: before) else { continue }
            let digits = text[start...].utf8.prefix(while: isDigit)
            if let count = Int(String(decoding: digits, as: UTF8.self)) { return count }
        }
        return nil
    }

    /// The detector that the line says is off.
    static func detector(in text: String) -> String? {
        if text.begins("kmemleak: ") {
            let off = [
                "Kernel memory leak detector disabled", "Kmemleak disabled without freeing", "Cannot allocate a kmemleak_object",
                "Failed to create the scan thread", "into the object search tree (overlaps existing)",
            ]
            return off.contains { text.has($0) } ? "kmemleak" : nil
        }
        if text.begins("DMA-API: ") {
            let off = ["debugging out of memory", "dma-debug disabled", "dma_debug_add_bus: out of memory", "failed to preallocate"]
            return off.contains { text.has($0) } ? "the DMA-API checker" : nil
        }
        // "BUG: MAX_LOCKDEP_CHAINS too low!": one of its tables is full.
        if text.begins("turning off the locking correctness validator") || text.begins("INFO: lockdep is turned off")
            || text.begins("Disabling lock debugging due to kernel taint") || text.begins("BUG: MAX_")
        {
            return "lockdep"
        }
        if text.begins("ODEBUG: "), text.has("ODEBUG disabled") || text.has("ut of memory") { return "debugobjects" }
        if text.begins("kfence: "), ["disabled", " failed", "failed to allocate"].contains(where: { text.has($0) }) { return "KFENCE" }
        if text.begins("stackdepot: "), text.has("disabling") { return "the stack depot" }
        if text.begins("Future hung task reports are suppressed") { return "the detector of hung tasks" }
        return nil
    }

    private static func isLostMessage(_ text: String) -> Bool {
        // kernel/printk/printk.c; `printk: dropped` is of the early log. A message that was too long ends with "<truncated>".
        if text.has(" printk messages dropped **") || text.ends("<truncated>") { return true }
        if text.has("Lost ") && text.has(" message(s)!") || text.begins("printk: dropped ") { return true }
        // Of those who read the log: journald, netconsole, pstore.
        if text.has(": Missed "), text.ends(" kernel messages") { return true }
        if text.begins("netconsole: "), text.has("dropping message") { return true }
        return text.begins("pstore: ") && (text.has("writing error") || text.has("dump skipped"))
    }
}
