// SPDX-License-Identifier: GPL-2.0

import Testing

@testable import Harness

@Suite struct BisectRuleTests {
    @Test(arguments: [(4, 4, 7), (8, 8, 4), (16, 16, 3), (300, 300, 2), (16, 1, 60)])
    func howManyRunsMakeACommitGoodFollowsFromTheBadEnd(_ runs: Int, _ shown: Int, _ clean: Int) {
        #expect(BisectRule(runs: runs, shown: shown).cleanRuns == clean)
    }

    @Test func oneFailureIsBadAndManyPassesAreGood() {
        let rule = BisectRule(runs: 16, shown: 16)
        #expect(rule.judge(BisectEvidence()) == .more(3))
        #expect(rule.judge(BisectEvidence(runs: 1)) == .more(2))
        #expect(rule.judge(BisectEvidence(runs: 3)) == .verdict(.good))
        #expect(rule.judge(BisectEvidence(runs: 3), factor: 2) == .more(3))
        #expect(rule.judge(BisectEvidence(runs: 3, shown: 1)) == .verdict(.bad))
        #expect(rule.judge(BisectEvidence(runs: 3, shown: 1, others: ["x"])) == .verdict(.bad))
        #expect(rule.judge(BisectEvidence(runs: 6, others: ["x"])) == .verdict(.skip))
        #expect(BisectRule(runs: 1000, shown: 0).judge(BisectEvidence(runs: 60)) == .verdict(.good))
        #expect(BisectRule(cleanRuns: 100).judge(BisectEvidence(runs: 60)) == .more(40))
    }

    @Test func theBadEndRunsUntilItsRateIsKnown() {
        #expect(BisectRule.moreOfTheBadEnd(BisectEvidence()) == 8)
        #expect(BisectRule.moreOfTheBadEnd(BisectEvidence(runs: 8, shown: 8)) == 0)
        #expect(BisectRule.moreOfTheBadEnd(BisectEvidence(runs: 8, shown: 3)) == 8)
        #expect(BisectRule.moreOfTheBadEnd(BisectEvidence(runs: 16, shown: 3)) == 0)
    }

    @Test func suspicionFollowsFromTheRuns() {
        let rule = BisectRule(runs: 16, shown: 8)
        let range = ["c4", "c3", "c2", "c1"]
        func suspicion(_ cleanAt2: Int) -> [String: Double] {
            rule.suspicion(
                range,
                tested: [
                    (Set(range), BisectEvidence(runs: 16, shown: 8)), (["c3", "c2", "c1"], BisectEvidence(runs: 1, shown: 1)),
                    (["c2", "c1"], BisectEvidence(runs: cleanAt2)),
                ])
        }
        #expect((suspicion(1)["c3"] ?? 0) < 0.6)
        #expect((suspicion(20)["c3"] ?? 0) > 0.95)
        #expect((suspicion(20)["c4"] ?? 1) < 0.01)
        #expect(abs(suspicion(20).values.reduce(0, +) - 1) < 1e-9)
    }
}

@Suite struct BisectChoiceTests {
    @Test func aLineIsHalved() {
        let range = SeriesHistory.range(good: 0, bad: 8)
        #expect(range.commits == ["8", "7", "6", "5", "4", "3", "2", "1"])
        #expect(range.choice(bad: "8", skipped: []) == "4")
        #expect(range.stepsLeft == 3)
        #expect(SeriesHistory.range(good: 3, bad: 4).choice(bad: "4", skipped: []) == nil)
    }

    @Test func theNextCommitIsAwayFromSkippedOnes() throws {
        let range = SeriesHistory.range(good: 0, bad: 64)
        let next = try #require(range.choice(bad: "64", skipped: ["32"]).flatMap { Int($0) })
        #expect(abs(next - 32) > 8)
        let all = Set((1...63).map(String.init))
        #expect(range.choice(bad: "64", skipped: all) == nil)
        #expect(range.choice(bad: "64", skipped: all.subtracting(["17"])) == "17")
    }
}
