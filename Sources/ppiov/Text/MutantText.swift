// SPDX-License-Identifier: GPL-2.0

import Foundation
import Harness
import Results

/// The text of the table of mutants.
enum MutantText {
    /// A mutant's line.
    ///
    /// - Parameter width: of the longest name.
    static func line(_ result: MutantResult, width: Int) -> String {
        var columns = TextColumns()
        columns.add(result.verdict.word, width: 14)
        columns.add(result.name, width: width)
        if let first = result.catches.first {
            columns.add(first.scenario)
            columns.add("\(first.oracle): \(first.message)", limit: 160)
            if result.tries > 1 { columns.add("(\(result.seen) of \(result.tries))") }
            if result.catches.count > 1 { columns.add("and by " + result.catches.dropFirst().map(\.scenario).joined(separator: " ")) }
            if result.explained != nil { columns.add("(its Missed: is out of date)") }
        } else if result.verdict == .missed {
            columns.add("by \(result.ran - result.skipped) scenarios\(result.tries > 1 ? ", \(result.tries) times" : "")")
            if let explained = result.explained { columns.add("explained: \(explained)") }
        }
        if let only = result.only { columns.add("[only \(only.rawValue)]") }
        columns.add(note: result.note, limit: 200)
        columns.add(buildSeconds: result.buildSeconds, runSeconds: result.runSeconds)
        return columns.line
    }

    /// The last line.
    static func summary(_ totals: MutantTable.Totals) -> String {
        var parts = ["\(totals.caught) of \(totals.mutants) mutants caught"]
        if let percent = totals.percent { parts[0] += String(format: " (%.0f %% of those that boot)", percent) }
        if totals.flaky > 0 { parts.append("\(totals.flaky) flaky") }
        if totals.missed > 0 { parts.append("\(totals.missed) missed\(totals.explained > 0 ? ", \(totals.explained) of them explained" : "")") }
        if totals.doesNotBuild > 0 { parts.append("\(totals.doesNotBuild) did not build") }
        if totals.doesNotBoot > 0 { parts.append("\(totals.doesNotBoot) did not boot") }
        return parts.joined(separator: "; ")
    }
}
