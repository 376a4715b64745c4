// SPDX-License-Identifier: GPL-2.0

public import Results

/// What became of a source after one patch of a series, and all before it.
public struct PatchResult: Codable, Sendable, Equatable {
    public enum Verdict: String, Codable, Sendable {
        case passed
        /// A scenario failed or crashed.
        case failed
        /// Nothing passed or failed.
        case skipped
        case doesNotBuild
        case doesNotBoot

        /// As the table has it.
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

    /// A scenario that failed or crashed.
    public struct Failure: Codable, Sendable, Equatable {
        public var scenario: String
        /// The first finding's, or "machine" where the guest crashed or hung.
        public var oracle: Oracle
        public var message: String
        /// What it is known by again (`Fingerprint`).
        public var fingerprint: String

        /// nil where the scenario passed, was skipped, or failed as the kernel is known to.
        init?(_ result: ScenarioResult) {
            guard let red = MutantResult.Catch(result), let fingerprint = Fingerprint.of(result) else { return nil }
            (scenario, oracle, message) = (red.scenario, red.oracle, red.message)
            self.fingerprint = fingerprint
        }
    }

    /// 0 is the source without the series.
    public var number: Int
    public var subject: String
    public var author: String?
    public var verdict: Verdict
    /// What the compiler warns of with this patch and did not before it.
    public var warnings: [String] = []
    public var totals: RunResult.Totals?
    public var failures: [Failure] = []
    /// Scenarios that fail as their kernel version is known to; nil in files of older versions.
    public var xfailed: [String]?
    /// Scenarios that were skipped, and why; nil where nothing ran, and in files of older versions.
    public var skipped: [String: String]?
    /// The first compiler error, why it did not boot, "the same kernel as after patch 1", a three-way merge.
    public var note: String?
    /// The build's key; nil where there is none.
    public var kernel: String?
    public var buildSeconds = 0.0
    public var runSeconds = 0.0

    /// Whether a maintainer would take it as it is.
    public var isGood: Bool { (verdict == .passed || verdict == .skipped) && warnings.isEmpty }

    /// What it brings that `before` did not have; nil where nothing.
    func breaks(after before: PatchResult?) -> String? {
        guard let before else { return nil }
        switch verdict {
        case .doesNotBuild, .doesNotBoot:
            return before.verdict == verdict
                ? nil : [verdict == .doesNotBuild ? "does not build" : "does not boot", note].compactMap { $0 }.joined(separator: ": ")
        case .failed:
            // After one that could not be run everything is new.
            let known = Set(before.failures.map { [$0.scenario, $0.fingerprint] })
            let new = failures.filter { !known.contains([$0.scenario, $0.fingerprint]) }
            guard let first = new.first else { break }
            // The invariant, and what the reader can see of it, where these are two findings.
            let invariant = first.fingerprint.hasPrefix("\(first.oracle) ") ? "" : first.fingerprint + "; "
            return "\(first.scenario)  \(invariant)\(first.oracle): \(first.message)"
                + (new.count > 1 ? "; and \(new.count - 1) scenario\(new.count > 2 ? "s" : "") more" : "")
        case .passed, .skipped: break
        }
        // A version's known bug is the patch's where the tree had got rid of it.
        if before.verdict == .passed, let back = xfailed?.first(where: { before.xfailed?.contains($0) != true }) {
            return "\(back)  fails again as this version is known to"
        }
        // What cannot be tried any more is not what passes.
        if let known = before.skipped, let new = skipped?.filter({ known[$0.key] == nil }).min(by: { $0.key < $1.key }) {
            return "\(new.key)  is skipped now: \(new.value)"
        }
        return warnings.first.map { "a new warning: \($0)" }
    }
}

/// The whole table, `series.json` in the results folder.
public struct SeriesTable: Codable, Sendable, Equatable {
    /// Version of this schema.
    public static let currentSchema = 1

    /// The first patch that breaks something.
    public struct Culprit: Codable, Sendable, Equatable {
        public var number: Int
        public var subject: String
        public var what: String
    }

    public var schemaVersion = Self.currentSchema
    public var toolVersion: String
    /// The unpatched source.
    public var source: String
    /// The source itself, then after each patch.
    public var patches: [PatchResult]
    /// nil where no patch breaks anything.
    public var firstToBreak: Culprit?

    init(source: String, _ patches: [PatchResult]) {
        toolVersion = Workshop.version
        self.source = source
        self.patches = patches
        for (before, patch) in zip(patches, patches.dropFirst()) {
            guard let what = patch.breaks(after: before) else { continue }
            firstToBreak = Culprit(number: patch.number, subject: patch.subject, what: what)
            break
        }
    }

    /// 0 where every patch is good, 1 where one is not or breaks something, 4 where nothing passed or failed.
    public var exitCode: ExitCode {
        let patches = patches.filter { $0.number > 0 }
        if firstToBreak != nil || patches.contains(where: { !$0.isGood }) { return .failed }
        return patches.contains { $0.verdict == .passed } ? .passed : .nothingRan
    }
}
