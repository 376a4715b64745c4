// SPDX-License-Identifier: GPL-2.0

import Checks
import Results
import Testing

@Suite struct IsolatedRerunTests {
    private func finding(_ verdict: ScenarioResult.Verdict, reason: String? = nil, _ findings: [Finding] = []) -> Finding {
        let rerun = ScenarioResult(
            scenario: "zcrx.b", tier: .netdevsim, provider: .zcrx, verdict: verdict, reason: reason, findings: findings)
        return IsolatedRerun.finding(rerun, after: ["zcrx.a", "zcrx.0"], folder: "scenarios/zcrx.b/isolated-rerun")
    }

    @Test func aPassNamesTheEarlierScenarios() {
        let finding = finding(.pass)
        #expect(finding.oracle == .isolatedRerun)
        #expect(finding.message.contains("no failure") && finding.message.hasSuffix(": zcrx.a, zcrx.0"))
        #expect(finding.evidence.first == "files of the second run: scenarios/zcrx.b/isolated-rerun")
        #expect(finding.evidence.last?.hasSuffix("ppiov run --isolate none --filter zcrx.a --filter zcrx.0 --filter zcrx.b") == true)
    }

    @Test func aFailureQuotesItsFirstFinding() {
        let failure = finding(.fail, [Finding(oracle: .trace, message: "I2"), Finding(oracle: .counters, message: "fds")])
        #expect(failure.message.hasSuffix("it fails too: trace: I2") && failure.evidence.count == 1)
        #expect(finding(.crashed, reason: "hung").message.hasSuffix("it fails too: hung"))
    }

    @Test func aKnownBug() {
        let known = finding(.xfail, reason: "known bug of Linux 7.2: r")
        #expect(known.message.contains("only the known bug") && known.evidence.last == "known bug of Linux 7.2: r")
    }
}
