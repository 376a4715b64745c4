// SPDX-License-Identifier: GPL-2.0

import Foundation
import Harness
import Results

/// The text of a search.
enum BisectText {
    /// A commit's line.
    static func line(_ test: BisectState.Tested) -> String {
        var columns = TextColumns()
        columns.add(test.verdict?.rawValue ?? "?", width: 4)
        columns.add(test.commit.short, width: 12)
        columns.add(test.commit.subject, width: 60, limit: 60)
        if test.evidence.runs > 0 { columns.add("\(test.evidence.shown) of \(test.evidence.runs) runs") }
        columns.add(note: test.note)
        columns.add(buildSeconds: test.buildSeconds, runSeconds: test.runSeconds)
        return columns.line
    }

    /// The last lines.
    static func end(_ state: BisectState) -> String {
        guard let result = state.result else { return "" }
        var lines: [String] = []
        if let culprit = result.culprit {
            lines.append("\(state.findFix ? "fixed" : "broken") by \(culprit.short) \"\(culprit.subject.oneLine)\"")
            if !culprit.author.isEmpty { lines.append("    \(culprit.author.oneLine)  \(culprit.date.oneLine)") }
        } else {
            lines.append("one of \(result.left.count) commits, the others of which cannot be judged:")
            for commit in result.left.prefix(20) { lines.append("    \(commit.short) \"\(commit.subject.oneLine)\"") }
        }
        if let symptom = state.symptom { lines.append("failure: \(symptom.scenario)  \(symptom.message.oneLine)") }
        let rule = state.rule
        lines.append(
            String(
                format: "confidence: %.1f %% (bad commits fail in %d of %d runs; one is good after %d runs without a failure)",
                floor(result.confidence * 1000) / 10, rule.shown, rule.runs, rule.cleanRuns))
        if let doubt = result.doubt { lines.append("not sure: \(doubt.oneLine)") }
        lines += adjacentCommit("first bad:", result.showing, result.showingCommit, state)
        lines += adjacentCommit("last good:", result.clean, result.cleanCommit, state)
        let cost = state.cost
        lines.append(
            String(
                format: "%d commits judged, %d kernels built (%d of them ahead and not needed), %d found in the cache, %d runs, %.0f s",
                state.tested.count, cost.built, cost.inVain, cost.found, cost.runs, cost.seconds))
        lines.append("reproduce: \(result.reproduce)")
        return lines.joined(separator: "\n") + "\n"
    }

    /// The commit on one side of the culprit: a line, and the folder of its run below it.
    private static func adjacentCommit(_ name: String, _ folder: String?, _ commit: String?, _ state: BisectState) -> [String] {
        guard let folder else { return [] }
        let margin = "            "
        var parts: [String] = []
        if let test = state.tested.first(where: { $0.commit.id == commit }) {
            parts.append("\(test.commit.short), it fails in \(test.evidence.shown) of \(test.evidence.runs)")
        }
        if let data = FileManager.default.contents(atPath: folder + "/results.json"), let run = try? JSONDecoder().decode(RunResult.self, from: data),
            let result = run.results.first
        {
            parts.append(result.headline ?? result.verdict.rawValue)
            let accounts = result.accounts.filter { $0.netIovHolds > 0 }
            let (held, released) = accounts.reduce((0 as UInt64, 0 as UInt64)) { ($0.0 + $1.netIovHolds, $0.1 + $1.netIovReleases) }
            if held > 0 { parts.append("\(held) net_iovs held, \(released) released") }
        }
        return [TextColumns.pad(name, to: margin.count) + parts.joined(separator: "; "), margin + folder]
    }
}
