// SPDX-License-Identifier: GPL-2.0

/// The root of results.json. See docs/results.md.
public struct RunResult: Codable, Sendable, Equatable {
    /// Version of this schema. It goes up when a field changes its meaning or goes; a new optional field leaves it.
    public static let currentSchema = 1

    public var schemaVersion: Int
    /// Version of ppiov.
    public var toolVersion: String
    public var totals: Totals
    public var results: [ScenarioResult]

    /// Totals are counted from `results`.
    public init(toolVersion: String, results: [ScenarioResult]) {
        self.schemaVersion = Self.currentSchema
        self.toolVersion = toolVersion
        self.totals = Totals(results)
        self.results = results
    }

    /// How many scenarios got which verdict.
    public struct Totals: Codable, Sendable, Equatable {
        public var passed: Int
        public var failed: Int
        public var crashed: Int
        public var skipped: Int
        /// Failed as this kernel version is known to; nil where none did.
        public var xfailed: Int?

        public init(_ results: [ScenarioResult]) {
            func count(_ verdict: ScenarioResult.Verdict) -> Int { results.count { $0.verdict == verdict } }
            passed = count(.pass)
            failed = count(.fail)
            crashed = count(.crashed)
            skipped = count(.skip)
            xfailed = count(.xfail) == 0 ? nil : count(.xfail)
        }

        /// "3 passed, 0 failed, 0 crashed, 1 skipped", and ", 1 known to fail" where there is one.
        public var words: String {
            "\(passed) passed, \(failed) failed, \(crashed) crashed, \(skipped) skipped" + (xfailed.map { ", \($0) known to fail" } ?? "")
        }
    }
}

/// What the process exits with. A script can act on it without reading anything else.
public enum ExitCode: Int32, Sendable, CaseIterable {
    /// At least one scenario passed, and none failed or crashed.
    case passed = 0
    /// A scenario failed or crashed.
    case failed = 1
    /// The command line cannot be understood.
    case usage = 2
    /// The harness itself could not do its work: no source, no build, no QEMU.
    case harness = 3
    /// Nothing passed and nothing failed: every scenario was skipped, or failed as its kernel is known to, or there was none.
    case nothingRan = 4
    /// Interrupted by a signal.
    case interrupted = 130

    /// The exit code for these results. Nothing at all is never a success.
    public init(_ results: [ScenarioResult]) {
        let totals = RunResult.Totals(results)
        if totals.failed + totals.crashed > 0 {
            self = .failed
        } else {
            self = totals.passed > 0 ? .passed : .nothingRan
        }
    }
}
