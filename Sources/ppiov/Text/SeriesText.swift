// SPDX-License-Identifier: GPL-2.0

import Foundation
import Harness
import Results

/// The text of the tables of a series.
enum SeriesText {
    /// A patch's line.
    static func line(_ patch: PatchResult, of count: Int) -> String {
        var columns = TextColumns()
        columns.add("\(patch.number)/\(count)", width: 5)
        columns.add(patch.subject, width: 56, limit: 56)
        columns.add(patch.verdict.word, width: 14)
        if let totals = patch.totals { columns.add(counts(totals)) }
        if let failure = patch.failures.first { columns.add("\(failure.scenario)  \(failure.oracle): \(failure.message)", limit: 160) }
        if !patch.warnings.isEmpty {
            columns.add("\(patch.warnings.count) NEW WARNING\(patch.warnings.count == 1 ? "" : "S"): \(patch.warnings[0])")
        }
        columns.add(note: patch.note)
        columns.add(buildSeconds: patch.buildSeconds, runSeconds: patch.runSeconds)
        return columns.line
    }

    private static func counts(_ totals: RunResult.Totals) -> String {
        var parts = ["\(totals.passed) passed"]
        if totals.failed > 0 { parts.append("\(totals.failed) failed") }
        if totals.crashed > 0 { parts.append("\(totals.crashed) crashed") }
        if totals.skipped > 0 { parts.append("\(totals.skipped) skipped") }
        if let xfailed = totals.xfailed { parts.append("\(xfailed) known to fail") }
        return parts.joined(separator: ", ")
    }

    /// The last lines of a check.
    static func end(_ table: SeriesTable) -> String {
        if let culprit = table.firstToBreak {
            return "first to break: patch \(culprit.number), \"\(culprit.subject.oneLine)\"\n    \(culprit.what.oneLine)"
        }
        let count = table.patches.count - 1
        let good = table.patches.filter { $0.number > 0 && $0.isGood }.count
        if good == count { return "every patch is good (\(count))" }
        return "\(good) of \(count) patches are good; none breaks what passed before it"
    }

    static func comparison(_ comparison: SeriesComparison) -> String {
        var lines = ["without: \(comparison.totalsBefore.words)", "with:    \(comparison.totalsAfter.words)"]
        lines.append(comparison.changes.isEmpty ? "no verdict changed" : "verdicts that changed: \(comparison.changes.count)")
        for change in comparison.changes {
            lines.append("  \(change.isWorse ? "WORSE" : "     ")  \(change.scenario): \(change.before.rawValue) -> \(change.after.rawValue)")
            if let was = change.was { lines.append("           before: \(was.oneLine.prefix(200))") }
            if let became = change.became { lines.append("           after:  \(became.oneLine.prefix(200))") }
        }
        for pools in comparison.pools {
            let (before, after) = (pools.before, pools.after)
            lines.append(
                "\(pools.provider.rawValue): net_iovs held \(before.netIovHolds) -> \(after.netIovHolds), "
                    + "released \(before.netIovReleases) -> \(after.netIovReleases)")
            lines.append("  peak in flight \(before.peakInflight) -> \(after.peakInflight)")
            lines.append(
                "  drain, median \(time(before.medianDrain)) -> \(time(after.medianDrain)), "
                    + "longest \(time(before.longestDrain)) -> \(time(after.longestDrain))")
        }
        for peak in comparison.peaks { lines.append("peak in flight of \(peak.scenario): \(peak.before) -> \(peak.after)") }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func time(_ nanoseconds: UInt64?) -> String {
        guard let nanoseconds else { return "-" }
        return nanoseconds < 1_000_000 ? String(format: "%.0f us", Double(nanoseconds) / 1e3) : String(format: "%.1f ms", Double(nanoseconds) / 1e6)
    }
}
