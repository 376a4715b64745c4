// SPDX-License-Identifier: GPL-2.0

import LifeCycle

@testable import Harness

/// A line of numbered commits.
struct Line: BisectHistory {
    func range(bad: String, good: [String]) async throws -> BisectRange {
        guard let bad = Int(bad), let good = good.compactMap({ Int($0) }).filter({ $0 < bad }).max() else {
            return BisectRange(commits: [], best: [])
        }
        return SeriesHistory.range(good: good, bad: bad)
    }

    func contained(in commit: String, good: String) async throws -> Set<String> {
        guard let commit = Int(commit), let good = Int(good), good < commit else { return [] }
        return Set(((good + 1)...commit).map(String.init))
    }

    func describe(_ commit: String) async throws -> BisectCommit { BisectCommit(id: commit, subject: "commit \(commit)", author: "a", date: "") }
    func source(_ commit: String) async throws -> ResolvedSource { throw HarnessError(.harness, "no source") }
    func marks() async throws -> [String] { [] }
    func kept(in folder: String) throws -> any BisectHistory { self }
    func words(_ commit: String) -> [String] { ["--kernel", "T@" + commit] }
}

/// Commits whose runs are drawn from given rates.
actor FakeJudge: BisectJudging {
    static let symptom = BisectState.Symptom(scenario: "zcrx.held", fingerprint: "trace I7", message: "trace: I7")

    let culprit: Int
    let rate: Double
    let broken: Set<Int>
    let fixed: Bool
    /// Commits that have the kernel of another.
    let sameKernel: [String: String]
    /// The culprit fails in another way when it is run again.
    let changes: Bool
    /// How many runs of a bad commit pass before the first that may fail.
    let passes: [String: Int]
    private var times: [String: Int] = [:]
    /// Throws when that many commits were judged, as an interruption does.
    var limit: Int
    private var random: SeededGenerator
    private(set) var judged: [String] = []
    private(set) var runs = 0

    init(
        culprit: Int, rate: Double = 1, broken: Set<Int> = [], fixed: Bool = false, sameKernel: [String: String] = [:], changes: Bool = false,
        passes: [String: Int] = [:], seed: UInt64 = 1, limit: Int = .max
    ) {
        (self.culprit, self.rate, self.broken, self.fixed, self.sameKernel, self.changes, self.limit) = (
            culprit, rate, broken, fixed, sameKernel, changes, limit
        )
        self.passes = passes
        random = SeededGenerator(seed: seed)
    }

    private func shows(_ commit: String) -> Bool {
        runs += 1
        let before = times[commit, default: 0]
        times[commit] = before + 1
        if before < passes[commit, default: 0] { return false }
        let number = Int(commit) ?? 0
        let has = fixed ? number < culprit : number >= culprit
        return has && Double.random(in: 0..<1, using: &random) < rate
    }

    func judge(
        _ test: BisectState.Tested, _ symptom: BisectState.Symptom, _ rule: BisectRule, factor: Int, known: [BisectState.Tested], ahead: [String]
    ) async throws -> BisectState.Tested {
        limit -= 1
        guard limit > 0 else { throw CancellationError() }
        judged.append(test.commit.id)
        var test = test
        if broken.contains(Int(test.commit.id) ?? 0) {
            test.verdict = .skip
            return test
        }
        if factor == 1, let original = sameKernel[test.commit.id], let same = known.first(where: { $0.commit.id == original }) {
            (test.verdict, test.evidence, test.sameAs) = (same.verdict, same.evidence, original)
            return test
        }
        test.verdict = nil
        while test.verdict == nil {
            switch rule.judge(test.evidence, factor: factor) {
            case .verdict(let verdict): test.verdict = verdict
            case .more(let times): test = try await run(test, symptom, times: times)
            }
        }
        return test
    }

    func run(_ test: BisectState.Tested, _ symptom: BisectState.Symptom, times: Int) async throws -> BisectState.Tested {
        var test = test
        if changes, Int(test.commit.id) == culprit, test.evidence.runs > 0 {
            test.evidence.others.append("another failure")
            return test
        }
        for _ in 0..<times {
            test.evidence.runs += 1
            if shows(test.commit.id) { test.evidence.shown += 1 }
        }
        return test
    }

    func symptom(_ test: inout BisectState.Tested) async throws -> (BisectState.Symptom?, folder: String) {
        for _ in 0..<BisectJudge.attempts(1) where shows(test.commit.id) { return (Self.symptom, "") }
        return (nil, "")
    }

    func spent(_ total: BisectState.Cost) async -> BisectState.Cost { total }
}
