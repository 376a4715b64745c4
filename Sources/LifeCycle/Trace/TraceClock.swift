// SPDX-License-Identifier: GPL-2.0

/// Makes nanoseconds of the ticks of a clock: ticks * multiplier / 2^shift (trace-cmd's option TSC2NSEC, for the clock x86-tsc).
public struct TraceClock: Equatable, Sendable {
    public let multiplier: UInt32
    public let shift: UInt32

    public init(multiplier: UInt32, shift: UInt32) {
        self.multiplier = multiplier
        self.shift = shift
    }

    @inline(__always)
    func nanoseconds(_ ticks: UInt64) -> UInt64 {
        let (high, low) = ticks.multipliedFullWidth(by: UInt64(multiplier))
        guard shift > 0 else { return low }
        return shift < 64 ? high << (64 - UInt64(shift)) | low >> UInt64(shift) : high >> (UInt64(shift) - 64)
    }
}
