// SPDX-License-Identifier: GPL-2.0

import Foundation

/// What the runs of one kernel showed of the failure that is looked for.
public struct BisectEvidence: Codable, Sendable, Equatable {
    /// Runs that could be judged: it failed so, or it passed.
    public var runs = 0
    /// Of these, those that failed so.
    public var shown = 0
    /// How other runs ended: another failure, or a reason for a skip.
    public var others: [String] = []

    public init(runs: Int = 0, shown: Int = 0, others: [String] = []) {
        (self.runs, self.shown, self.others) = (runs, shown, others)
    }
}

/// What is said of a commit.
public enum BisectVerdict: String, Codable, Sendable {
    /// It has not got what is looked for.
    case good
    case bad
    /// It cannot be judged: it does not build or boot, or fails in another way.
    case skip
}

/// Turns the runs of a commit into a verdict: a pure function of how many there were and how many failed.
///
/// One failure of the kind that is looked for makes a commit bad: a fingerprint does not come by chance. That none came makes it good
/// only after so many runs that a bad one would have failed by then, and how many those are depends on how often the bad end fails.
///
/// How often that is, is not known but estimated from the bad end's runs (a beta distribution, uniform before the first): four failures of four
/// come from a rate of one half once in sixteen times, and the rule reckons with it.
public struct BisectRule: Sendable, Equatable {
    /// Runs of the bad end, and those that failed.
    public let runs: Int
    public let shown: Int

    /// How often a bad commit may be called good.
    static let doubt = 0.002
    /// More runs than that are not made for one commit.
    static let mostRuns = 60
    /// Runs of the bad end where each of the first shows it, and where not.
    static let sureRuns = 8
    static let unsureRuns = 16

    /// Where somebody said how many; nil where the bad end decides.
    private var wanted: Int?

    public init(runs: Int, shown: Int) { (self.runs, self.shown) = (runs, shown) }

    /// A commit is good after so many runs, whatever the bad end does.
    public init(cleanRuns: Int) {
        self.init(runs: 0, shown: 0)
        wanted = cleanRuns
    }

    /// The chance that so many of so many runs of a bad commit show it, in one given order; its logarithm.
    private func logChance(_ shown: Int, of runs: Int) -> Double {
        func beta(_ shown: Int, _ runs: Int) -> Double { lgamma(Double(shown + 1)) + lgamma(Double(runs - shown + 1)) - lgamma(Double(runs + 2)) }
        return beta(self.shown + shown, self.runs + runs) - beta(self.shown, self.runs)
    }

    /// Runs without it that make a commit good.
    public var cleanRuns: Int {
        if let wanted { return wanted }
        return (1..<Self.mostRuns).first { logChance(0, of: $0) <= log(Self.doubt) } ?? Self.mostRuns
    }

    /// What runs of the bad end are still wanted; 0 where it is known well enough.
    public static func moreOfTheBadEnd(_ evidence: BisectEvidence) -> Int {
        if evidence.runs < sureRuns { return sureRuns - evidence.runs }
        return evidence.shown == evidence.runs ? 0 : max(0, unsureRuns - evidence.runs)
    }

    public enum Step: Equatable, Sendable {
        case verdict(BisectVerdict)
        /// So many runs more.
        case more(Int)
    }

    /// - Parameter factor: multiplies the runs that make a commit good, where more certainty is wanted.
    public func judge(_ evidence: BisectEvidence, factor: Int = 1) -> Step {
        if evidence.shown > 0 { return .verdict(.bad) }
        if !evidence.others.isEmpty { return .verdict(.skip) }
        let missing = (wanted ?? min(cleanRuns * factor, Self.mostRuns)) - evidence.runs
        return missing > 0 ? .more(missing) : .verdict(.good)
    }

    /// How much each commit of the range is to be suspected, given all runs: Bayes' rule, each as likely as any before the first run.
    ///
    /// - Parameters:
    ///   - range: the commits from the good end, which is not among them, to the bad one.
    ///   - tested: by commit: which of the range it contains, and what its runs showed.
    /// - Returns: by commit; "" is that the good end was not good, all sum up to 1.
    public func suspicion(_ range: [String], tested: [(contains: Set<String>, evidence: BisectEvidence)]) -> [String: Double] {
        // A failure with the same fingerprint and another cause.
        let chance = 0.001
        var logs: [String: Double] = [:]
        for commit in range + [""] {
            var sum = 0.0
            for test in tested {
                let (shown, runs) = (test.evidence.shown, test.evidence.runs)
                if commit.isEmpty || test.contains.contains(commit) {
                    sum += logChance(shown, of: runs)
                } else {
                    sum += Double(shown) * log(chance) + Double(runs - shown) * log(1 - chance)
                }
            }
            logs[commit] = sum
        }
        let most = logs.values.max() ?? 0
        let weights = logs.mapValues { exp($0 - most) }
        let total = weights.values.reduce(0, +)
        return weights.mapValues { $0 / total }
    }
}
