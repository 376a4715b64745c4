// SPDX-License-Identifier: GPL-2.0

/// A point in time by ``MonotonicClock``, for waits that a signal may interrupt and that are then resumed.
public struct Deadline: Sendable {
    private let end: UInt64?

    /// - Parameter milliseconds: from now; negative for no limit.
    public init(milliseconds: CInt) {
        end = milliseconds < 0 ? nil : MonotonicClock.now + UInt64(milliseconds) * 1_000_000
    }

    /// - Parameter seconds: from now; 0 or less for a deadline that has passed.
    public init(seconds: Double) {
        end = MonotonicClock.now + UInt64(max(seconds, 0) * 1e9)
    }

    /// Milliseconds left as poll(2) takes them: rounded up, 0 when the deadline has passed, -1 for no limit.
    public var remaining: CInt {
        guard let end else { return -1 }
        let now = MonotonicClock.now
        return now >= end ? 0 : CInt(clamping: (end - now + 999_999) / 1_000_000)
    }

    public var hasPassed: Bool { remaining == 0 }
}
