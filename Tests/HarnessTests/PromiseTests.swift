// SPDX-License-Identifier: GPL-2.0

import Results
import Testing

@testable import Harness
@testable import Scenarios

@Suite struct PromiseTests {
    private func skipped(_ id: String, _ needs: Set<Need>, promises: Set<Need>, hidden: Bool = false) -> ScenarioResult {
        let scenario = Scenario(
            id, "for a test", tier: .netdevsim, needs: needs, expects: Expectation(provider: .zcrx, minimumHolds: 1), hidden: hidden
        ) { _ in }
        let result = ScenarioResult(scenario: id, tier: .netdevsim, provider: .zcrx, verdict: .skip, reason: "no zcrx here")
        return UnitRunner.held(result, of: scenario, to: promises)
    }

    @Test("a skip for want of what the kernel was built with is a failure")
    func brokenPromise() {
        let result = skipped("zcrx.idle", [.interface, .zcrx], promises: [.interface, .zcrx, .devmem])
        #expect(result.verdict == .fail)
        #expect(
            result.findings.map(\.message)
                == ["the kernel was built with all that this scenario needs, and yet: no zcrx here"])
    }

    @Test("a skip for want of what it was not built with stays one")
    func noPromise() {
        #expect(skipped("zcrx.idle", [.interface, .zcrx], promises: [.interface]).verdict == .skip)
        #expect(skipped("selftest.skip", [], promises: [.interface], hidden: true).verdict == .skip)
    }
}
