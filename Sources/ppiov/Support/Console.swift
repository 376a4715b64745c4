// SPDX-License-Identifier: GPL-2.0

import Foundation
import Harness
import Results

/// Output for the user: progress on standard error, results on standard output. Whatever a text contains, the terminal gets visible
/// characters and line feeds only.
enum Console {
    /// The start of the command: the first use sets it.
    static let start = ContinuousClock.now

    static func error(_ text: String) { StandardStream.error.write(text.escapedLines + "\n") }
    static func output(_ text: String) { StandardStream.output.write(text.escapedLines) }

    /// Names the results folder, which has what standard output gets.
    static func results(in folder: String) {
        StandardStream.output.note(kept: folder)
        error("results: \(folder.oneLine)")
    }

    /// One line for each event, with the seconds since the start; verdicts are coloured on a terminal that supports it.
    static let progress = Harness.Progress({ error("[\(elapsed)] \($0.oneLine)") }) { result, done, count in
        let mark: String
        switch result.verdict {
        case .pass: mark = paint("ok", 32)
        case .fail: mark = paint("FAILED", 31)
        case .crashed: mark = paint("CRASHED", 31)
        case .skip: mark = paint("skip", 33)
        case .xfail: mark = paint("xfail", 33)
        }
        var line = " \(result.scenario) (\(result.tier.rawValue), \(tenths(result.seconds)) s)"
        if result.verdict == .pass, let counts = counts(result) { line += " \(counts)" }
        if let reason = result.reason { line += ": \(reason)" }
        let reruns = result.findings.filter { $0.oracle == .isolatedRerun }
        let first = result.findings.filter { $0.oracle != .isolatedRerun }.prefix(5)
        // The colours of the mark are the only terminal sequences.
        StandardStream.error.write(
            "[\(elapsed)] \(done)/\(count) \(mark)\(line.oneLine)\n" + (first + reruns).map { "         \($0.line)\n" }.joined())
    }

    private static func counts(_ result: ScenarioResult) -> String? {
        let held = result.accounts.reduce(0) { $0 + $1.netIovHolds }
        return held > 0 ? "\(held) net_iovs held and released" : nil
    }

    private static var elapsed: String {
        // The first use sets the start, so it must be before the clock is read again.
        let start = start
        let text = tenths((.now - start).seconds)
        return String(repeating: " ", count: max(0, 6 - text.count)) + text
    }

    private static func tenths(_ seconds: Double) -> String { String(format: "%.1f", seconds) }

    private static func paint(_ text: String, _ colour: Int) -> String {
        let variables = ProcessInfo.processInfo.environment
        guard isatty(STDERR_FILENO) == 1, variables["NO_COLOR"] == nil, variables["TERM"] != "dumb" else { return text }
        return "\u{1b}[\(colour)m\(text)\u{1b}[0m"
    }
}
