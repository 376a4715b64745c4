// SPDX-License-Identifier: GPL-2.0

public import Results

/// Finds splats in the kernel messages of a serial console.
///
/// Recognises the reports of kernel/panic.c, lib/bug.c, lib/refcount.c, lib/ubsan.c, lib/list_debug.c, lib/ref_tracker.c,
/// kernel/locking/lockdep.c, mm/kasan, mm/kfence, mm/kmsan, kernel/kcsan, mm/slub.c, mm/kmemleak.c, kernel/dma/debug.c,
/// kernel/hung_task.c, kernel/watchdog.c, kernel/rcu/tree_stall.h, net/core/page_pool.c and net/core/dev.c of Linux 7.3; those that begin with
/// none of the usual words (`LoneReport`), and every dump of the stack that no such report explains; messages that evidence was lost
/// (`LostEvidence`). Tests/ChecksTests/Logs/forms.tsv has the texts of 6.12 to 7.3.
///
/// Lines of several CPUs are separated by their caller (CONFIG_PRINTK_CALLER). Without it, two splats that are interleaved line by line
/// are both found, but the lines after their headlines, and so the fingerprints, are mixed.
public enum KernelLog {
    /// The most lines of a splat that has no end marker.
    public static let lineLimit = 300

    /// Splits console bytes into lines; bytes that are no UTF-8 become U+FFFD.
    public static func lines(of console: [UInt8]) -> [String] {
        console.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The splats, in the order in which they begin.
    public static func splats(in lines: [String]) -> [Splat] {
        var scanner = SplatScanner(lineLimit: lineLimit)
        for line in lines {
            for part in LogLine.split(line) { scanner.read(part) }
        }
        return scanner.finish()
    }

    /// Whether the kernel ended at a breakpoint that is not in memory: the CPU trapped on an int3, and the code in the oops has another byte
    /// there. A kernel that changes its code waits until no CPU can do that (`smp_text_poke_sync_each_cpu()`), but QEMU's TCG does it.
    public static func endedAtStaleBreakpoint(_ lines: [String]) -> Bool {
        guard let oops = lines.firstIndex(where: { $0.has("Oops: int3:") }),
            let code = lines[oops...].first(where: { $0.has("Code: ") }), let next = code.index(behind: " <")
        else { return false }
        return !code[..<code.utf8.index(next, offsetBy: -2)].ends(" cc")
    }

    /// The lines between a scenario's marks (`KernelLogMark`); to the end of the log where it has no end mark. nil where the scenario has no
    /// begin mark.
    ///
    /// - Parameter key: the key of its marks: a mark without its token, and one that is repeated, is a line as any other. nil for a log whose
    ///   marks have no tokens: of several runs in it the last counts.
    public static func scope(_ lines: [String], to scenario: String, key: MarkKey? = nil) -> [String]? {
        let begin = KernelLogMark.begin(scenario, key)
        let end = KernelLogMark.end(scenario, key)
        // A key is that of one run. The token of its begin mark can be read in the log, and written again.
        let found = key == nil ? lines.lastIndex { has(begin, $0) } : lines.firstIndex { has(begin, $0) }
        guard let start = found else { return nil }
        let rest = lines[(start + 1)...]
        return Array(rest.prefix { !has(end, $0) })
    }

    /// The lines that a scenario is judged by: all that were read since the scenario before it was judged, not only those between its own
    /// marks. A splat after the end mark of its own scenario counts for the next one; between marks it would not be found.
    ///
    /// - Parameter lines: what was read of the console since the scenario before was judged.
    /// - Returns: nil where the scenario has no begin mark in them: they are incomplete.
    public static func evidence(in lines: [String], for scenario: String, key: MarkKey? = nil) -> [String]? {
        scope(lines, to: scenario, key: key) == nil ? nil : lines
    }

    /// Whether the scenario's begin mark is there and its end mark is not: the console ended in the middle, or the kernel did.
    static func endsInTheMiddle(_ lines: [String], of scenario: String, key: MarkKey? = nil) -> Bool {
        let begin = KernelLogMark.begin(scenario, key)
        let end = KernelLogMark.end(scenario, key)
        guard let start = lines.lastIndex(where: { has(begin, $0) }) else { return false }
        return !lines[(start + 1)...].contains { has(end, $0) }
    }

    /// The line with the reason why the kernel or init ended, without its time stamp; nil where there is none.
    public static func reasonOfEnd(in lines: [String]) -> Crash? {
        for line in lines.reversed() {
            for (kind, words) in [(Crash.Kind.panic, "Kernel panic - not syncing"), (.agent, "ppiov-init: agent")] {
                guard let start = line.index(behind: words).map({ line.utf8.index($0, offsetBy: -words.utf8.count) }) else { continue }
                let isStale = endedAtStaleBreakpoint(lines)
                return Crash(
                    kind,
                    line[start...]
                        + (isStale ? "; the breakpoint that ended it is not in memory, which is a fault of QEMU's TCG (docs/kernel-notes.md)" : "")
                )
            }
        }
        return nil
    }

    /// The line of a kernel selftest that a mark has, where `line` is the mark of that number; nil for anything else.
    static func result(_ line: String, number: Int, _ key: MarkKey?) -> String? {
        guard line.has("ppiov: result ") else { return nil }
        return LogLine.split(line).lazy.compactMap { KernelLogMark.resultText(in: String($0.text), number: number, key) }.first
    }

    /// Whether a line is that mark, and nothing else.
    public static func has(_ mark: String, _ line: String) -> Bool {
        line.has("ppiov: ") && LogLine.split(line).contains { $0.text.utf8.elementsEqual(mark.utf8) }
    }
}
