// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results
import Testing

struct TimeoutScaleTests {
    @Test func isTheProductOfAcceleratorProfileAndOption() throws {
        let half = try #require(TimeoutScale(0.5))
        #expect(TimeoutScale(emulated: false, instrumented: false, requested: .one) == .one)
        #expect(TimeoutScale(emulated: true, instrumented: false, requested: .one).seconds(10) == 20)
        #expect(TimeoutScale(emulated: false, instrumented: true, requested: .one).seconds(10) == 40)
        #expect(TimeoutScale(emulated: true, instrumented: true, requested: half).duration(10) == .seconds(40))
    }

    @Test(arguments: [0, -1, .infinity, .nan]) func refusesWhatIsNoFactor(_ number: Double) {
        #expect(TimeoutScale(number) == nil)
    }

    @Test func isCodedAsItsNumber() throws {
        let scale = try #require(TimeoutScale(2.5))
        #expect(try JSONEncoder().encode([scale]) == Data("[2.5]".utf8))
        #expect(try JSONDecoder().decode([TimeoutScale].self, from: Data("[2.5]".utf8)) == [scale])
        #expect(throws: DecodingError.self) { try JSONDecoder().decode([TimeoutScale].self, from: Data("[0]".utf8)) }
    }
}
