// SPDX-License-Identifier: GPL-2.0

import Testing

@testable import Scenarios

@Suite struct PayloadPatternTests {
    private func stream(_ seed: UInt64, from offset: UInt64, count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        bytes.withUnsafeMutableBytes { PayloadPattern(seed: seed).fill($0, from: offset) }
        return bytes
    }

    private func mismatch(_ seed: UInt64, _ bytes: [UInt8], at offset: UInt64) -> UInt64? {
        bytes.withUnsafeBytes { PayloadPattern(seed: seed).mismatch($0, at: offset) }
    }

    @Test(arguments: [0, 1, 7, 8, 4095, 1 << 33] as [UInt64])
    func whatIsSentIsAccepted(_ offset: UInt64) {
        #expect(mismatch(3, stream(3, from: offset, count: 5000), at: offset) == nil)
    }

    @Test func partByPartIsTheSameStream() {
        #expect(stream(9, from: 0, count: 100) == stream(9, from: 0, count: 37) + stream(9, from: 37, count: 63))
    }

    @Test func everyFlippedByteIsFound() {
        let good = stream(1, from: 100, count: 64)
        for index in good.indices {
            var bad = good
            bad[index] ^= 1
            #expect(mismatch(1, bad, at: 100) == 100 + UInt64(index))
        }
    }

    /// A page delivered twice, skipped or out of order, and another stream's bytes.
    @Test(arguments: [1, 8, 4096, 8192] as [UInt64])
    func aShiftIsFound(_ shift: UInt64) {
        #expect(mismatch(1, stream(1, from: shift, count: 4096), at: 0) != nil)
        #expect(mismatch(2, stream(1, from: 0, count: 4096), at: 0) != nil)
    }

    @Test func zeroesAreFound() {
        #expect(mismatch(1, [UInt8](repeating: 0, count: 64), at: 0) != nil)
    }
}
