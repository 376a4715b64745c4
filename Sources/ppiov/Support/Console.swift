// SPDX-License-Identifier: GPL-2.0

import Foundation
import Harness
import Results

/// Output for the user: progress on standard error, results on standard output.
enum Console {
    /// The start of the command: the first use sets it.
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

    /// One line for each event, with the seconds since the start; verdicts are coloured on a terminal that supports it.
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
        let reruns = result.findings.filter { $0.oracle == .isolatedRerun }
        let first = result.findings.filter { $0.oracle != .isolatedRerun }.prefix(5)
        for finding in first + reruns { error("         \(finding.line)") }
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
