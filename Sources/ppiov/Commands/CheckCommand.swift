// SPDX-License-Identifier: GPL-2.0

import ArgumentParser
import Foundation
import Harness
import LifeCycle
import Results

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check a trace of the page-pool tracepoints, captured on any machine.",
        discussion: """
            Reads raw ring-buffer pages (a folder with cpuN.raw or per_cpu/cpuN/trace_pipe_raw and the format files), a trace.dat of \
            version 6 or 7 (each of its buffers is a trace of its own), the text of tracefs or of trace-cmd report, a console with the \
            output of ftrace_dump, or the results folder of a run, and checks the life cycle of page-pool \
            buffers: no buffer is held twice or released without a hold, counters have no gap, no event is of a freed pool, and a pool that \
            was destroyed is freed with every hold released. Prints the account of each pool, and each violation with the events around it. \
            docs/trace.md describes how to capture a trace.

            A trace that lost events is no proof: violations in it are printed, and the exit status is 2.

            EXIT STATUS
              0    the trace conforms
              1    it does not
              2    one could not be read, lost events, or has none of a page pool
            """)

    @Argument(
        help: ArgumentHelp(
            "Folders of raw pages, trace.dat files, text traces, or results folders; each is checked separately.", valueName: "file"))
    var files: [String]

    @Option(help: ArgumentHelp("The folder of header_page and the event formats, if not that of the pages.", valueName: "folder"))
    var formats: String?

    @Option(
        help: ArgumentHelp(
            "What existed when the recording began; no-net-iovs: no provider was bound.", valueName: "what"))
    var begin = Begin.unknown

    @Option(
        help: ArgumentHelp(
            "Which pools must be freed when it ends; destroyed: every pool that was destroyed; open: none.", valueName: "which"))
    var end = End.destroyed

    @Flag(name: .shortAndLong, help: "Print only violations and verdicts.")
    var quiet = false

    func run() throws {
        try Failure.reporting(plain: {
            var broken = false
            var unusable = false
            for file in files {
                var anything = false
                var unread = false
                for trace in try TraceFiles.find(file, formats: formats) {
                    let start = ContinuousClock.now
                    let outcome: PoolLedger.Outcome
                    do throws(TraceReadError) {
                        outcome = try PoolLedger(begin: begin.ledger, end: end.ledger).examine(trace.input)
                    } catch {
                        Console.error("ppiov: \("\(trace.name): \(error)".oneLine)")
                        unread = true
                        continue
                    }
                    report(trace.name, outcome, (.now - start).seconds)
                    anything = anything || !outcome.accounts.isEmpty
                    // A violation in a trace with losses may be a consequence of them.
                    if outcome.losses.isEmpty { broken = broken || outcome.violationCount > 0 } else { unread = true }
                }
                for name in TraceFiles.untraced(file) {
                    Console.error("ppiov: \(name.oneLine) has no trace: it was skipped or it crashed")
                    unread = true
                }
                if !anything && !unread {
                    Console.error("ppiov: \(file.oneLine) has no line or record of a page-pool event: nothing was checked")
                    Console.error(
                        "hint: if it is a trace, enable events/page_pool before the provider is bound; docs/trace.md has the files that are read, and how to capture one"
                    )
                    unread = true
                }
                unusable = unusable || unread
            }
            return broken ? 1 : unusable ? HarnessError.Kind.input.rawValue : 0
        })
    }

    enum Begin: String, CaseIterable, ExpressibleByArgument {
        case unknown
        case noNetIovs = "no-net-iovs"
        case noPools = "no-pools"

        var ledger: PoolLedger.Begin {
            switch self {
            case .unknown: .unknown
            case .noNetIovs: .noNetIovs
            case .noPools: .noPools
            }
        }
    }

    enum End: String, CaseIterable, ExpressibleByArgument {
        case destroyed, all, open

        var ledger: PoolLedger.End {
            switch self {
            case .destroyed: .destroyedPools
            case .all: .allPools
            case .open: .open
            }
        }
    }

    // MARK: -

    private func report(_ name: String, _ outcome: PoolLedger.Outcome, _ seconds: Double) {
        if !quiet {
            for account in outcome.accounts { Console.output(line(account, outcome.accounts) + "\n") }
        }
        for violation in outcome.violations {
            Console.output("\(violation.invariant.label): \(violation.message.oneLine)\n")
            for line in violation.evidence { Console.output("    \(line.oneLine)\n") }
        }
        let more = outcome.violationCount - outcome.violations.count
        if more > 0 { Console.output("and \(more) more\n") }
        for line in outcome.losses.lines { Console.output("LOST: \(line.oneLine)\n") }
        let holds = outcome.accounts.reduce(0) { $0 + $1.holds }
        let releases = outcome.accounts.reduce(0) { $0 + $1.releases }
        let verdict =
            !outcome.losses.isEmpty
            ? "INCOMPLETE" : outcome.violationCount > 0 ? "BROKEN" : outcome.accounts.isEmpty ? "EMPTY" : "ok"
        let rate = seconds > 0.1 ? String(format: ", %.1f million events/s", Double(outcome.events) / seconds / 1e6) : ""
        Console.output(
            "\(name.oneLine): \(verdict): \(outcome.events) events, \(outcome.accounts.count) pools, \(holds) held, \(releases) released"
                + String(format: "; %.2f s", seconds) + rate + "\n")
    }

    private func line(_ account: PoolLedger.Account, _ all: [PoolLedger.Account]) -> String {
        var text = "pool 0x" + String(account.pool, radix: 16)
        if all.contains(where: { $0.pool == account.pool && $0.generation > 0 }) { text += " #\(account.generation + 1)" }
        text += account.netIovHolds + account.netIovReleases > 0 ? ": net_iovs" : ": pages"
        text += ", held \(account.holds) (\(account.distinct) different), released \(account.releases), peak \(account.peakInflight)"
        text += ", at the end \(account.inflight) in flight"
        if account.isOlderThanRecording { text += ", older than the recording" }
        if let drain = account.drain {
            text += ", drained in \(String(format: "%.1f", Double(drain) / 1e6)) ms"
        } else if account.destroyed != nil {
            text += ", destroyed and not freed"
        }
        return text
    }
}
