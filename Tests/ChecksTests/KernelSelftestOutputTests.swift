// SPDX-License-Identifier: GPL-2.0

import Results
import Testing

@testable import Checks

/// Output that no kernel selftest should write, and any program of a guest can.
@Suite struct KernelSelftestOutputTests {
    private func output(_ lines: [String]) -> KernelSelftestOutput {
        KernelSelftestOutput(lines.enumerated().map { KernelSelftestEvidence.Line($1, time: UInt64($0)) }, stem: "odd")
    }

    @Test(arguments: [
        // The last Int, twice, and in front of a line that may have a result; a number that nothing counts to.
        (["ok 9223372036854775807 a", "ok 9223372036854775807 b"], 2), (["x ok 5 b", "ok 9223372036854775807 a"], 2),
        (["x ok 5 b", "ok 99999999999 a"], 2), (["1..9223372036854775807", "ok 1 a", "x ok 2 b", "x ok 9223372036854775807 c"], 2),
        (["1..9223372036854775807", "ok 1 a", "TAP version 13", "1..9223372036854775807", "ok 1 b"], 2),
        (["ok 99999999999999999999 a"], 1), (["ok " + String(repeating: "9", count: 5000) + " a"], 1),
    ])
    func numbersOfAnySize(_ lines: [String], _ count: Int) {
        let output = output(lines)
        #expect(output.cases.count == count, "\(output.cases.map(\.name))")
        _ = output.findings(status: 0)
    }

    /// A name with a number may be a name of the program's own, and the program as a whole has a name too.
    @Test func noTwoCasesHaveTheSameName() {
        let names = output(["ok 1 a", "ok 2 a (2)", "ok 3 a", "ok 4 a", "ok 5 life-cycle"]).cases.map(\.name)
        #expect(names == ["a", "a (2)", "a (3)", "a (4)", "life-cycle (2)"])
    }

    /// Each of these took a time that grew with the square of the lines.
    @Test func manyLines() {
        let count = 20_000
        let lines = (1...count).map { "ok \($0) a" }
        #expect(output(["1..1"] + lines).cases.count == count)
        #expect(output(["1..\(count)"] + lines + lines).cases.count == count)
        #expect(output(["TAP version 13", "1..\(count)"] + lines.map { "x " + $0 }).cases.count == 1000)
        #expect(output(["ok 1 a", String(repeating: "ok 2 ", count: count), "x" + String(repeating: " ok 3", count: count)]).cases.count == 3)
    }

    @Test func marksOfResultsThatAreNone() throws {
        let plan = KernelSelftestPlan(program: "net/odd.sh", setting: .bare)
        let count = 20_000
        let lines = (1...count).map { KernelSelftestEvidence.Line("ok \($0) a", time: 1) }
        let log = [KernelLogMark.begin(plan.name, nil)] + (1...count).map { KernelLogMark.result("ok \($0) b", number: $0, nil) }
        let whole = Evidence(scenario: plan.name, tier: .netdevsim, provider: .pages, needs: nil, report: nil, trace: nil, formats: [:], log: log)
        let judge = KernelSelftestJudge(allowList: AllowList(), guaranteed: .none, today: try #require(Day("2026-12-01")))
        #expect(judge.verdicts(KernelSelftestEvidence(plan: plan, lines: lines, whole: whole)).count == count + 1)
    }
}
