// SPDX-License-Identifier: GPL-2.0

/// The payload that is sent. A byte is a function of its offset in the stream and of a seed, so a byte that is missing, duplicated, moved or
/// overwritten is found, and both ends need only the seed.
public struct PayloadPattern: Sendable, Equatable {
    public let seed: UInt64

    public init(seed: UInt64) { self.seed = seed }

    /// Eight bytes of the stream, from offset `8 * index`: the finaliser of SplitMix64.
    @inline(__always)
    func word(_ index: UInt64) -> UInt64 {
        var value = (index &+ 1) &* 0x9E37_79B9_7F4A_7C15 &+ seed
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    @inline(__always)
    func byte(_ offset: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: word(offset >> 3) >> ((offset & 7) << 3)) }

    /// Fills `buffer` with the stream from `offset` on.
    public func fill(_ buffer: UnsafeMutableRawBufferPointer, from offset: UInt64) {
        for index in buffer.indices { buffer[index] = byte(offset + UInt64(index)) }
    }

    /// The stream offset of the first byte that is not the one sent; nil where all are.
    public func mismatch(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) -> UInt64? {
        for index in buffer.indices where buffer[index] != byte(offset + UInt64(index)) { return offset + UInt64(index) }
        return nil
    }
}
