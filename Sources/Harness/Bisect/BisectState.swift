// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results

/// The state of a bisection, `bisect.json` in its folder: a search continues from it after an interruption.
public struct BisectState: Codable, Sendable, Equatable {
    /// Version of this schema.
    public static let currentSchema = 1

    /// The failure that is searched for.
    public struct Symptom: Codable, Sendable, Equatable {
        public var scenario: String
        /// `Fingerprint.of` its result.
        public var fingerprint: String
        /// The first finding of the bad end.
        public var message: String

        public init(scenario: String, fingerprint: String, message: String) {
            (self.scenario, self.fingerprint, self.message) = (scenario, fingerprint, message)
        }

        /// nil where the scenario did not fail.
        init?(_ result: ScenarioResult) {
            guard let fingerprint = Fingerprint.of(result) else { return nil }
            self.init(scenario: result.scenario, fingerprint: fingerprint, message: result.headline ?? "")
        }
    }

    /// The results of one commit.
    public struct Tested: Codable, Sendable, Equatable {
        public var commit: BisectCommit
        public var verdict: BisectVerdict?
        public var evidence = BisectEvidence()
        /// Why it cannot be judged, or the commit with the same kernel.
        public var note: String?
        /// The key of the content of vmlinux and netdevsim.ko.
        public var kernel: String?
        /// The commit whose kernel is the same, and whose runs these are.
        public var sameAs: String?
        /// The folder of the run that shows the failure first; of a good commit, of its first run.
        public var folder: String?
        public var buildSeconds = 0.0
        public var runSeconds = 0.0
    }

    /// The cost of the search.
    public struct Cost: Codable, Sendable, Equatable {
        /// Kernels that were built; those that were found built already.
        public var built = 0
        public var found = 0
        /// Of those built: built ahead and never needed.
        public var inVain = 0
        public var runs = 0
        public var seconds = 0.0
    }

    public var schemaVersion = Self.currentSchema
    public var toolVersion: String
    /// The arguments of the command, to continue with.
    public var command: [String]
    /// The current directory of the command: its paths may be relative.
    public var directory: String
    /// Old and new end.
    public var old: BisectCommit
    public var new: BisectCommit
    /// Whether the commit that fixed it is searched for: the old end is bad then.
    public var findFix: Bool
    /// Names the configuration and, of a series, its kernels; nil in files of older versions.
    public var searched: [String]?
    public var symptom: Symptom?
    /// Runs of the bad end: how often it fails.
    public var badEnd = BisectEvidence()
    /// In the order in which they were first tested.
    public var tested: [Tested] = []
    public var cost = Cost()
    public var result: BisectResult?

    public init(command: [String], old: BisectCommit, new: BisectCommit, findFix: Bool) {
        toolVersion = ToolVersion.current
        (self.command, self.old, self.new, self.findFix) = (command, old, new, findFix)
        directory = FileManager.default.currentDirectoryPath
    }

    /// The end that has the failure, and the one that does not.
    var broken: String { findFix ? old.id : new.id }
    var working: String { findFix ? new.id : old.id }

    func tested(_ commit: String) -> Tested? { tested.first { $0.commit.id == commit } }

    /// Stores the result of a commit, also for the commits with the same kernel, which share its runs.
    mutating func note(_ result: Tested) {
        if let index = tested.firstIndex(where: { $0.commit.id == result.commit.id }) {
            tested[index] = result
        } else {
            tested.append(result)
        }
        for index in tested.indices where tested[index].sameAs == result.commit.id {
            (tested[index].verdict, tested[index].evidence, tested[index].folder) = (result.verdict, result.evidence, result.folder)
        }
    }

    /// Commits with that verdict.
    func commits(_ verdict: BisectVerdict) -> [String] { tested.filter { $0.verdict == verdict }.map(\.commit.id) }

    /// By the bad end's runs, and those of every commit that was found bad since.
    public var rule: BisectRule {
        let others = tested.filter { $0.verdict == .bad && $0.sameAs == nil && $0.commit.id != broken }
        return BisectRule(
            runs: others.reduce(badEnd.runs) { $0 + $1.evidence.runs }, shown: others.reduce(badEnd.shown) { $0 + $1.evidence.shown })
    }

    /// The search as `git bisect log` prints one.
    var gitLog: String {
        var lines = ["git bisect start" + (findFix ? " --term-new=fixed --term-old=broken" : "")]
        for test in tested {
            let word: String? =
                switch test.verdict {
                case .good: findFix ? "fixed" : "good"
                case .bad: findFix ? "broken" : "bad"
                case .skip: "skip"
                case nil: nil
                }
            guard let word else { continue }
            lines += ["# \(word): [\(test.commit.id)] \(test.commit.subject)", "git bisect \(word) \(test.commit.id)"]
        }
        if let culprit = result?.culprit { lines.append("# first \(findFix ? "fixed" : "bad") commit: [\(culprit.id)] \(culprit.subject)") }
        return lines.joined(separator: "\n") + "\n"
    }
}

/// The outcome of a bisection.
public struct BisectResult: Codable, Sendable, Equatable {
    /// nil where the remaining commits could not be judged.
    public var culprit: BisectCommit?
    /// The commits one of which is the culprit; only the culprit where it is known.
    public var left: [BisectCommit]
    /// The probability, by all runs, that the culprit is in `left`, 0 to 1.
    public var confidence: Double
    /// Folders: of the first run that shows the failure, and of the last that does not.
    public var showing: String?
    public var clean: String?
    /// The commits of these runs; nil in files of older versions.
    public var showingCommit: String?
    public var cleanCommit: String?
    /// A command that reproduces the failure.
    public var reproduce: String
    /// Why it may be another commit; nil where no run contradicts the result.
    public var doubt: String?
}
