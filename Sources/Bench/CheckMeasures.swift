// SPDX-License-Identifier: GPL-2.0

import Foundation
import Harness
import Results

/// `ppiov check` on synthetic traces: compared with its aim, and with trace-cmd, which prints the events that ppiov judges.
extension Benchmark {
    /// Events a second on one core.
    private static let pagesRate = 5e6
    private static let textRate = 1e6
    private static let long = 10_000_000
    private static let short = 1_000_000

    func check() async throws -> [Measurement] {
        report("writing traces of \(Self.short) and \(Self.long) events")
        let traces = folder.path + "/check"
        try? FileManager.default.removeItem(atPath: traces)
        try Files.makeFolder(traces)
        let long = try SyntheticTrace(events: Self.long, folder: traces + "/long")
        let short = try SyntheticTrace(events: Self.short, folder: traces + "/short")
        var pages = Measurement(name: "check, pages, 10 M events", seconds: [], aim: Double(Self.long) / Self.pagesRate)
        for number in 0...repeats {
            let seconds = try await checked(long.folder, long, name: "check-pages")
            if number > 0 { pages.seconds.append(seconds) }
        }
        pages.note = "the aim is 5 million events a second; " + (await memory(of: short, long))
        return [pages] + (try await comparedWithTraceCmd(short))
    }

    /// Runs `ppiov check` once; it must find no violation.
    private func checked(_ path: String, _ trace: SyntheticTrace, name: String) async throws -> Double {
        let run = try await product(["check", "--quiet", path], name: name)
        guard run.output.contains(": ok: \(trace.events) events") else {
            throw HarnessError(
                .harness, "`ppiov check` did not accept the \(trace.events) events", evidence: [folder.log(name)])
        }
        return run.seconds
    }

    /// trace-cmd converts trace.dat to text, ppiov judges the same events in each form. The runs alternate, so that other load on the machine
    /// affects all of them.
    private func comparedWithTraceCmd(_ trace: SyntheticTrace) async throws -> [Measurement] {
        var pages = Measurement(name: "check, pages, 1 M events", seconds: [])
        var dat = Measurement(name: "check, trace.dat, 1 M events", seconds: [])
        var text = Measurement(name: "check, text, 1 M events", seconds: [], aim: Double(trace.events) / Self.textRate)
        var traceCmd = Measurement(name: "trace-cmd report, 1 M events", seconds: [])
        // trace-cmd prints its version, then its usage, and ends with 1.
        let banner = try await Command("sh", ["-c", "trace-cmd --version 2>&1 || :"]).output()
        guard let version = banner.firstMatch(of: /version ([0-9.]+)/) else {
            traceCmd.problem = "trace-cmd is not installed; on Debian the package trace-cmd has it"
            return [traceCmd]
        }
        traceCmd.name = "trace-cmd \(version.1) report, 1 M events"
        traceCmd.note = "it prints the events of a trace.dat into a file; it does not judge them"
        try trace.writeDat()
        let report = Command("trace-cmd", ["report", "-i", trace.dat])
        for number in 0...repeats {
            try? FileManager.default.removeItem(atPath: trace.text)
            let begin = ContinuousClock.now
            try await report.run(log: trace.text)
            let theirs = (ContinuousClock.now - begin).seconds
            let ours = try await checked(trace.folder, trace, name: "check-short")
            let ofDat = try await checked(trace.dat, trace, name: "check-dat")
            let ofText = try await checked(trace.text, trace, name: "check-text")
            guard number > 0 else { continue }
            traceCmd.seconds.append(theirs)
            pages.seconds.append(ours)
            dat.seconds.append(ofDat)
            text.seconds.append(ofText)
        }
        if let seconds = traceCmd.median {
            pages.reference = Measurement.Reference(name: "trace-cmd", seconds: seconds)
            dat.reference = pages.reference
            if let own = text.median {
                text.note = "the aim is a million lines a second; trace-cmd takes \(Self.tenths(seconds / own)) times as long to print them"
            }
        }
        return [pages, dat, text, traceCmd]
    }

    /// The peak memory of `ppiov check` on either trace, measured by GNU time.
    private func memory(of short: SyntheticTrace, _ long: SyntheticTrace) async -> String {
        func peak(_ trace: SyntheticTrace) async -> Double? {
            let log = folder.log("check-memory")
            try? FileManager.default.removeItem(atPath: log)
            let arguments = ["-f", "peak %M KiB", product.program, "check", "--quiet", trace.folder]
            try? await Command("/usr/bin/time", arguments).run(log: log)
            return Files.text(log)?.firstMatch(of: /peak (\d+) KiB/).flatMap { Double($0.1) }.map { $0 / 1024 }
        }
        guard let less = await peak(short), let more = await peak(long) else {
            return "its memory is not known: Debian's package time is not installed"
        }
        return "at its peak it takes \(Self.tenths(more)) MiB, and \(Self.tenths(less)) MiB for a tenth of the events"
    }
}
