// SPDX-License-Identifier: GPL-2.0

import Results
import Testing

@testable import Scenarios

@Suite struct PollingTests {
    /// The message of the failure has the values of the last check, not those before the first.
    @Test func aFailureHasTheLastValue() {
        var count = 0
        let failure = #expect(throws: ScenarioFailure.self) {
            try Polling.wait(within: 0.01, orFail: "the count is \(count)", pause: 1) {
                count = 7
                return false
            }
        }
        #expect(failure.map { "\($0)" } == "the count is 7 after 0.01 s")
    }

    /// The condition is checked once at least, also when there is no time.
    @Test func theConditionIsCheckedWithoutTime() throws {
        try Polling.wait(within: 0, orFail: "it does not hold") { true }
        #expect(!Polling.wait(within: 0) { false })
        #expect(try Polling.value(within: 0, orFail: "there is none") { 3 } == 3)
    }
}
