// SPDX-License-Identifier: GPL-2.0

public import Results

/// The outcome of a source after one patch of a series, and all before it.
public struct PatchResult: Codable, Sendable, Equatable {
    public enum Verdict: String, Codable, Sendable {
        case passed
        /// A scenario failed or crashed.
        case failed
        /// No scenario passed or failed.
        case skipped
        case doesNotBuild
        case doesNotBoot

        /// As the table prints it.
        public var word: String {
            switch self {
            case .passed: "passed"
            case .failed: "FAILED"
            case .skipped: "skipped"
            case .doesNotBuild: "DOES NOT BUILD"
            case .doesNotBoot: "DOES NOT BOOT"
            }
        }
    }

    /// 0 is the source without the series.
    public var number: Int
    public var subject: String
    public var author: String?
    public var verdict: Verdict
    /// Compiler warnings with this patch that were not there before it.
    public var warnings: [String] = []
    public var totals: RunResult.Totals?
    /// Scenarios that failed or crashed.
    public var failures: [FirstFailure] = []
    /// Scenarios with a known failure of this kernel version; nil in files of older versions.
    public var xfailed: [String]?
    /// Scenarios that were skipped, and why; nil where nothing ran, and in files of older versions.
    public var skipped: [String: String]?
    /// The first compiler error, why it did not boot, "the same kernel as after patch 1", a three-way merge.
    public var note: String?
    /// The build's key; nil where there is none.
    public var kernel: String?
    public var buildSeconds = 0.0
    public var runSeconds = 0.0

    /// Whether it builds without new warnings, boots, and fails in no scenario.
    public var isGood: Bool { (verdict == .passed || verdict == .skipped) && warnings.isEmpty }

    /// Adds a note to those it has.
    mutating func add(note text: String) { note = [note, text].compactMap { $0 }.joined(separator: "; ") }

    /// Takes verdict, totals and failures from the results of its scenarios.
    mutating func count(_ results: [ScenarioResult]) {
        totals = RunResult.Totals(results)
        failures = results.compactMap(FirstFailure.init)
        xfailed = results.filter { $0.verdict == .xfail }.map(\.scenario)
        skipped = Dictionary(results.filter { $0.verdict == .skip }.map { ($0.scenario, $0.reason ?? "") }) { first, _ in first }
        switch ExitCode(results) {
        case .failed: verdict = .failed
        case .passed: verdict = .passed
        default: verdict = .skipped
        }
    }

    /// The first failure that `before` did not have; nil where there is none.
    func breaks(after before: PatchResult?) -> String? {
        guard let before else { return nil }
        switch verdict {
        case .doesNotBuild, .doesNotBoot:
            return before.verdict == verdict
                ? nil : [verdict == .doesNotBuild ? "does not build" : "does not boot", note].compactMap { $0 }.joined(separator: ": ")
        case .failed:
            // After a patch whose kernel did not run, every failure is new.
            let known = Set(before.failures.map { [$0.scenario, $0.fingerprint] })
            let new = failures.filter { !known.contains([$0.scenario, $0.fingerprint]) }
            guard let first = new.first else { break }
            // The invariant, too, where the fingerprint is that of a later finding.
            let invariant = first.fingerprint.hasPrefix("\(first.oracle) ") ? "" : first.fingerprint + "; "
            return "\(first.scenario)  \(invariant)\(first.oracle): \(first.message)"
                + (new.count > 1 ? "; and \(new.count - 1) scenario\(new.count > 2 ? "s" : "") more" : "")
        case .passed, .skipped: break
        }
        // A known bug of the version counts against the patch where the tree before it did not have the bug.
        if before.verdict == .passed, let back = xfailed?.first(where: { before.xfailed?.contains($0) != true }) {
            return "\(back)  fails again as this version is known to"
        }
        // A scenario that is skipped now did not pass.
        if let known = before.skipped, let new = skipped?.filter({ known[$0.key] == nil }).min(by: { $0.key < $1.key }) {
            return "\(new.key)  is skipped now: \(new.value)"
        }
        return warnings.first.map { "a new warning: \($0)" }
    }
}
