// SPDX-License-Identifier: GPL-2.0

import ArgumentParser
import Checks
import Foundation
import Harness
import Results
import Scenarios

/// `ppiov series`: a patch series, patch by patch or as a whole.
struct SeriesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "series",
        abstract: "Judge a patch series: every patch of it, or what all of it changes.",
        discussion: """
            A series is an mbox (b4, patchwork), a folder of `git format-patch`, or files of mails or diffs, in order. It is applied as \
            `git am` does, with a three-way merge where the base is known, beside the source: the tree under test is never written to.
            """,
        subcommands: [SeriesCheckCommand.self, SeriesCompareCommand.self])
}

/// What both take.
struct SeriesOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("The series: mboxes, mails, diffs, or folders of them; - for standard input.", valueName: "series"))
    var series: [String]

    @OptionGroup var kernel: SourceOptions
    @OptionGroup(title: "Machine") var machine: MachineArguments

    @OptionGroup var selection: SelectionOptions
    @OptionGroup var results: ResultsOptions
    @OptionGroup var allowed: AllowOptions

    /// - Throws: `HarnessError` of kind `.input`.
    func request() throws -> SeriesRequest {
        var request = kernel.request
        request.series = series
        return SeriesRequest(
            kernel: request, machine: machine.options, scenarios: try selection.scenarios(), jobs: results.jobs,
            buildJobs: Surroundings.processors, out: results.out, allowList: try allowed.list(), reproduce: RunCommand.ownCommand)
    }
}

struct SeriesCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Does every patch apply, build without new warnings, boot, and pass?",
        discussion: """
            The source runs without the series first, then after each patch. A line each goes to standard output, at the end the first patch \
            that breaks something: what fails before a patch too is not its fault. Patches that come to the same kernel are run once.

            The results folder gets series.json, and a folder of results for each patch (docs/series.md).

            EXAMPLES
              ppiov series check v3-*.patch                        the quick scenarios after each, on Debian's newest
              ppiov series check -k ~/linux outgoing/ -f 'zcrx.*'   on your tree as it lies there
              b4 am -o- MESSAGE-ID | ppiov series check -

            EXIT STATUS
              0    every patch builds without new warnings, boots, and passes
              1    one does not
              2    bad usage; a series that is none, or does not apply
              3    the harness could not do its work, or the source without the series does not build or boot
              4    nothing passed or failed
              130  interrupted
            """)

    @OptionGroup var options: SeriesOptions

    func run() async throws {
        let request = Result { try options.request() }
        try await Failure.reporting {
            let session = SeriesSession(workshop: try Surroundings.workshop(Console.progress), today: try RunCommand.today())
            let (table, folder) = try await session.check(try request.get()) { Console.output(SeriesText.line($0, of: $1) + "\n") }
            Console.output(SeriesText.end(table) + "\n")
            Console.error("results: \(folder)")
            return table.exitCode.rawValue
        }
    }
}

struct SeriesCompareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Run a source without a series and with it, and show what changed.",
        discussion: """
            Verdicts that changed (the contract.* scenarios hold every refusal's errno and extack), how long pools took to drain, and how many \
            buffers were out at the most. The results folder gets compare.json, and the results of both runs.

            EXAMPLES
              ppiov series compare v3.mbox
              ppiov series compare -k ~/linux v3.mbox --all --jobs 2

            EXIT STATUS
              0    nothing is worse
              1    a scenario fails that did not, or fails in another way
              2    bad usage; a series that is none, or does not apply
              3    the harness could not do its work, or one of the two does not build or boot
              4    nothing passed or failed
              130  interrupted
            """)

    @OptionGroup var options: SeriesOptions

    func run() async throws {
        let request = Result { try options.request() }
        try await Failure.reporting {
            let session = SeriesSession(workshop: try Surroundings.workshop(Console.progress), today: try RunCommand.today())
            let (comparison, folder) = try await session.compare(try request.get())
            Console.output(SeriesText.comparison(comparison))
            Console.error("results: \(folder)")
            return comparison.exitCode.rawValue
        }
    }
}

/// How tables of a series look.
enum SeriesText {
    /// A patch's line.
    static func line(_ patch: PatchResult, of count: Int) -> String {
        var columns = [pad("\(patch.number)/\(count)", 5), pad(String(patch.subject.prefix(56)), 56), pad(patch.verdict.word, 14)]
        if let totals = patch.totals {
            var words = ["\(totals.passed) passed"]
            if totals.failed > 0 { words.append("\(totals.failed) failed") }
            if totals.crashed > 0 { words.append("\(totals.crashed) crashed") }
            if totals.skipped > 0 { words.append("\(totals.skipped) skipped") }
            if let xfailed = totals.xfailed { words.append("\(xfailed) known to fail") }
            columns.append(words.joined(separator: ", "))
        }
        if let failure = patch.failures.first { columns.append("\(failure.scenario)  \(failure.oracle): \(failure.message)".prefix(160).description) }
        if !patch.warnings.isEmpty {
            columns.append("\(patch.warnings.count) NEW WARNING\(patch.warnings.count == 1 ? "" : "S"): \(patch.warnings[0])")
        }
        if let note = patch.note { columns.append("(\(note.prefix(160)))") }
        columns.append(String(format: "%.0f s + %.0f s", patch.buildSeconds, patch.runSeconds))
        return columns.joined(separator: "  ")
    }

    /// The last lines of a check.
    static func end(_ table: SeriesTable) -> String {
        if let culprit = table.firstToBreak {
            return "first to break: patch \(culprit.number), \"\(culprit.subject)\"\n    \(culprit.what)"
        }
        let count = table.patches.count - 1
        let good = table.patches.filter { $0.number > 0 && $0.isGood }.count
        if good == count { return "every patch is good (\(count))" }
        return "\(good) of \(count) patches are good; none breaks what was whole before it"
    }

    static func comparison(_ comparison: SeriesComparison) -> String {
        var lines = ["without: \(comparison.totalsBefore.words)", "with:    \(comparison.totalsAfter.words)"]
        lines.append(comparison.changes.isEmpty ? "no verdict changed" : "verdicts that changed: \(comparison.changes.count)")
        for change in comparison.changes {
            lines.append("  \(change.isWorse ? "WORSE" : "     ")  \(change.scenario): \(change.before.rawValue) -> \(change.after.rawValue)")
            if let was = change.was { lines.append("           before: \(was.prefix(200))") }
            if let became = change.became { lines.append("           after:  \(became.prefix(200))") }
        }
        for pools in comparison.pools {
            lines.append(
                "\(pools.provider.rawValue): net_iovs held \(pools.before.netIovHolds) -> \(pools.after.netIovHolds), released \(pools.before.netIovReleases) -> \(pools.after.netIovReleases)"
            )
            lines.append("  peak in flight \(pools.before.peakInflight) -> \(pools.after.peakInflight)")
            lines.append(
                "  drain, median \(time(pools.before.medianDrain)) -> \(time(pools.after.medianDrain)), longest \(time(pools.before.longestDrain)) -> \(time(pools.after.longestDrain))"
            )
        }
        for peak in comparison.peaks { lines.append("peak in flight of \(peak.scenario): \(peak.before) -> \(peak.after)") }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func time(_ nanoseconds: UInt64?) -> String {
        guard let nanoseconds else { return "-" }
        return nanoseconds < 1_000_000 ? String(format: "%.0f us", Double(nanoseconds) / 1e3) : String(format: "%.1f ms", Double(nanoseconds) / 1e6)
    }

    private static func pad(_ text: String, _ width: Int) -> String { text + String(repeating: " ", count: max(0, width - text.count)) }
}
