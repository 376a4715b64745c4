// SPDX-License-Identifier: GPL-2.0

/// The root of results.json. See docs/results.md.
public struct RunResult: Codable, Sendable, Equatable {
    /// Version of this schema. It increases when a field changes its meaning or is removed, not when an optional field is added.
    public static let currentSchema = 2

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
        /// Failed by a known bug of this kernel version; nil where none did.
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
