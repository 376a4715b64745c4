// SPDX-License-Identifier: GPL-2.0

import Foundation
import Harness
import Results

/// What the user reads: progress goes to standard error, results to standard output.
enum Console {
    /// When the command began: read once at its start, for the first reading sets it.
    static let start = ContinuousClock.now

    static func error(_ text: String) { write(STDERR_FILENO, text + "\n") }
    static func output(_ text: String) { write(STDOUT_FILENO, text) }

    private static func write(_ descriptor: Int32, _ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }

    /// A line a thing, with the seconds since the start; verdicts in colour on a terminal that wants it.
    static let progress = Harness.Progress({ error("[\(elapsed)] \($0)") }) { result, done, count in
        let mark: String
        switch result.verdict {
        case .pass: mark = paint("ok", 32)
        case .fail: mark = paint("FAILED", 31)
        case .crashed: mark = paint("CRASHED", 31)
        case .skip: mark = paint("skip", 33)
        case .xfail: mark = paint("xfail", 33)
        }
        var line = "[\(elapsed)] \(done)/\(count) \(mark) \(result.scenario) (\(result.tier.rawValue), \(tenths(result.seconds)) s)"
        if result.verdict == .pass, let counts = counts(result) { line += " \(counts)" }
        if let reason = result.reason { line += ": \(reason)" }
        error(line)
        let (rerun, first) = (
            result.findings.filter { $0.oracle == .isolatedRerun }, result.findings.filter { $0.oracle != .isolatedRerun }.prefix(5)
        )
        for finding in first + rerun { error("         \(finding.oracle): \(finding.message)") }
    }

    private static func counts(_ result: ScenarioResult) -> String? {
        let held = result.accounts.reduce(0) { $0 + $1.netIovHolds }
        return held > 0 ? "\(held) net_iovs held and released" : nil
    }

    private static var elapsed: String {
        // The first use sets the start, so it comes before the clock is read again.
        let start = start
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        let text = tenths(Double(seconds) + Double(attoseconds) / 1e18)
        return String(repeating: " ", count: max(0, 6 - text.count)) + text
    }

    private static func tenths(_ seconds: Double) -> String { String(format: "%.1f", seconds) }

    private static func paint(_ text: String, _ colour: Int) -> String {
        let variables = ProcessInfo.processInfo.environment
        guard isatty(STDERR_FILENO) == 1, variables["NO_COLOR"] == nil, variables["TERM"] != "dumb" else { return text }
        return "\u{1b}[\(colour)m\(text)\u{1b}[0m"
    }
}
