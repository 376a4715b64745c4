// SPDX-License-Identifier: GPL-2.0

import Foundation

/// A bisection as it stands, `bisect.json` in its folder: enough to go on with after an interruption, and to be read.
public struct BisectState: Codable, Sendable, Equatable {
    /// Version of this schema.
    public static let currentSchema = 1

    /// The failure that is looked for.
    public struct Symptom: Codable, Sendable, Equatable {
        public var scenario: String
        /// `Fingerprint.of` its result.
        public var fingerprint: String
        /// The first finding, as the bad end had it.
        public var message: String

        public init(scenario: String, fingerprint: String, message: String) {
            (self.scenario, self.fingerprint, self.message) = (scenario, fingerprint, message)
        }
    }

    /// What is known of one commit.
    public struct Tested: Codable, Sendable, Equatable {
        public var commit: BisectCommit
        public var verdict: BisectVerdict?
        public var evidence = BisectEvidence()
        /// Why it cannot be judged; the same kernel as another commit's.
        public var note: String?
        /// Names what was run: the content of vmlinux and netdevsim.ko.
        public var kernel: String?
        /// The commit whose kernel is the same, and whose runs these are.
        public var sameAs: String?
        /// The folder of its last run that says most.
        public var folder: String?
        public var buildSeconds = 0.0
        public var runSeconds = 0.0
    }

    /// What it took.
    public struct Cost: Codable, Sendable, Equatable {
        /// Kernels that were built; those that were found built already.
        public var built = 0
        public var found = 0
        /// Of those built, ahead of the search and never needed.
        public var inVain = 0
        public var runs = 0
        public var seconds = 0.0
    }

    public var schemaVersion = Self.currentSchema
    public var toolVersion: String
    /// The words of the command, for one that goes on.
    public var command: [String]
    /// Where it was given: its paths may be relative.
    public var directory: String
    /// Old and new end, as they were given and what they are.
    public var old: BisectCommit
    public var new: BisectCommit
    /// Whether the commit that mended it is looked for: the old end is bad then.
    public var findFix: Bool
    /// Names the configuration and, of a series, its kernels; nil in files of older versions.
    public var searched: [String]?
    public var symptom: Symptom?
    /// Runs of the bad end, which say how often it shows.
    public var badEnd = BisectEvidence()
    /// In the order in which they were first tested.
    public var tested: [Tested] = []
    public var cost = Cost()
    public var result: BisectResult?

    public init(command: [String], old: BisectCommit, new: BisectCommit, findFix: Bool) {
        toolVersion = Workshop.version
        (self.command, self.old, self.new, self.findFix) = (command, old, new, findFix)
        directory = FileManager.default.currentDirectoryPath
    }

    /// The end that has what is looked for, and the one that has not.
    var broken: String { findFix ? old.id : new.id }
    var whole: String { findFix ? new.id : old.id }

    func tested(_ commit: String) -> Tested? { tested.first { $0.commit.id == commit } }

    /// Takes what is known of a commit now, for those with the same kernel, too: they have its runs.
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

    /// From the bad end's runs, and those of every commit that was found bad since.
    public var rule: BisectRule {
        let others = tested.filter { $0.verdict == .bad && $0.sameAs == nil && $0.commit.id != broken }
        return BisectRule(
            runs: others.reduce(badEnd.runs) { $0 + $1.evidence.runs }, shown: others.reduce(badEnd.shown) { $0 + $1.evidence.shown })
    }

    /// What `git bisect log` would have written.
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

/// What a bisection came to.
public struct BisectResult: Codable, Sendable, Equatable {
    /// nil where those that are left could not be judged.
    public var culprit: BisectCommit?
    /// The commits of which one is it; the culprit alone where it is known.
    public var left: [BisectCommit]
    /// How sure that is: the share of suspicion that lies on it, 0 to 1.
    public var confidence: Double
    /// The run that shows it, and the last that does not.
    public var showing: String?
    public var clean: String?
    /// The commits of these runs; nil in files of older versions.
    public var showingCommit: String?
    public var cleanCommit: String?
    /// A command that shows it again.
    public var reproduce: String
    /// Why it may not be the one after all; nil where nothing speaks against it.
    public var doubt: String?
}
