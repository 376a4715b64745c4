// SPDX-License-Identifier: GPL-2.0

import Foundation

/// How often the runs of one kernel had the failure that is searched for.
public struct BisectEvidence: Codable, Sendable, Equatable {
    /// Runs that count: it failed in that way, or it passed.
    public var runs = 0
    /// Of these, the runs that failed.
    public var shown = 0
    /// How other runs ended: another failure, or a reason for a skip.
    public var others: [String] = []

    public init(runs: Int = 0, shown: Int = 0, others: [String] = []) {
        (self.runs, self.shown, self.others) = (runs, shown, others)
    }
}

/// The verdict on a commit.
public enum BisectVerdict: String, Codable, Sendable {
    /// It does not have the failure.
    case good
    case bad
    /// It cannot be judged: it does not build or boot, or fails in another way.
    case skip
}

/// Turns the runs of a commit into a verdict: a pure function of how many there were and how many failed.
///
/// One failure with the fingerprint that is searched for makes a commit bad: another fault does not have it by chance. A commit is good after
/// so many runs without it that a bad commit passes them with a probability of `doubt` at the most. That number depends on how often the bad
/// end fails.
///
/// That rate is not known. It is estimated from the bad end's runs (a beta distribution, uniform before the first run): a rate of one half
/// gives four failures of four once in sixteen times, and the rule allows for that.
public struct BisectRule: Sendable, Equatable {
    /// Runs of the bad end, and those that failed.
    public let runs: Int
    public let shown: Int

    /// The probability that a bad commit is called good, at the most.
    static let doubt = 0.002
    /// Runs of one commit at the most.
    static let mostRuns = 60
    /// Runs of the bad end: where each of the first fails, and where not.
    static let sureRuns = 8
    static let unsureRuns = 16

    /// The user's number of clean runs; nil where it follows from the bad end.
    private var requested: Int?

    public init(runs: Int, shown: Int) { (self.runs, self.shown) = (runs, shown) }

    /// A commit is good after that many runs; the rate of the bad end does not count.
    public init(cleanRuns: Int) {
        self.init(runs: 0, shown: 0)
        requested = cleanRuns
    }

    /// The logarithm of the probability that `shown` of `runs` runs of a bad commit fail, in one given order.
    private func logChance(_ shown: Int, of runs: Int) -> Double {
        func beta(_ shown: Int, _ runs: Int) -> Double { lgamma(Double(shown + 1)) + lgamma(Double(runs - shown + 1)) - lgamma(Double(runs + 2)) }
        return beta(self.shown + shown, self.runs + runs) - beta(self.shown, self.runs)
    }

    /// Runs without a failure that make a commit good.
    public var cleanRuns: Int {
        if let requested { return requested }
        return (1..<Self.mostRuns).first { logChance(0, of: $0) <= log(Self.doubt) } ?? Self.mostRuns
    }

    /// Runs of the bad end that are still needed; 0 where its rate is known well enough.
    public static func moreOfTheBadEnd(_ evidence: BisectEvidence) -> Int {
        if evidence.runs < sureRuns { return sureRuns - evidence.runs }
        return evidence.shown == evidence.runs ? 0 : max(0, unsureRuns - evidence.runs)
    }

    public enum Step: Equatable, Sendable {
        case verdict(BisectVerdict)
        /// Run it that many times more.
        case more(Int)
    }

    /// - Parameter factor: multiplies the runs that make a commit good, for more certainty.
    public func judge(_ evidence: BisectEvidence, factor: Int = 1) -> Step {
        if evidence.shown > 0 { return .verdict(.bad) }
        if !evidence.others.isEmpty { return .verdict(.skip) }
        let missing = (requested ?? min(cleanRuns * factor, Self.mostRuns)) - evidence.runs
        return missing > 0 ? .more(missing) : .verdict(.good)
    }

    /// The probability of each commit of the range to be the culprit, given all runs: Bayes' rule, equal before the first run.
    ///
    /// - Parameters:
    ///   - range: the commits from the good end, which is not among them, to the bad one.
    ///   - tested: for each tested commit: which commits of the range it contains, and its runs.
    /// - Returns: by commit; "" means a good end that is not good. The sum is 1.
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
