// SPDX-License-Identifier: GPL-2.0

import Testing

@testable import Scenarios

@Suite struct RawTCPPlanTests {
    private static let plans: [(String, @Sendable (Int) -> [PeerSegment]?)] = [
        ("out of order", RawTCPPlan.outOfOrder), ("duplicates", RawTCPPlan.duplicates), ("overlaps", RawTCPPlan.overlaps),
        ("shuffled", RawTCPPlan.shuffled(40)),
    ]

    /// A byte that no segment has would not be received; a segment that is too long would be refused.
    @Test func everyRoundCoversTheStreamSoFar() {
        for (name, plan) in Self.plans {
            var covered: UInt64 = 0
            var rounds = 0
            while let pieces = plan(rounds) {
                for piece in pieces.sorted(by: { $0.offset < $1.offset }) {
                    #expect((1...1460).contains(piece.length), "\(name), round \(rounds)")
                    #expect(piece.offset <= covered, "\(name), round \(rounds): a hole at \(covered)")
                    covered = max(covered, piece.offset + UInt64(piece.length))
                }
                rounds += 1
                #expect(covered == UInt64(rounds * 12 * 1200), "\(name), round \(rounds)")
            }
            #expect(rounds >= 4, "\(name)")
        }
    }

    @Test func aRoundIsTheSameInEveryRun() {
        let first = RawTCPPlan.shuffled(3)(1)?.map { $0.offset }
        #expect(first == RawTCPPlan.shuffled(3)(1)?.map { $0.offset })
        #expect(first != first?.sorted())
    }
}
