// SPDX-License-Identifier: GPL-2.0

/// A point in time by ``MonotonicClock``, for waits that a signal may interrupt and that are then resumed.
struct Deadline {
    private let end: UInt64?

    /// - Parameter milliseconds: from now; negative for no limit.
    init(milliseconds: CInt) {
        end = milliseconds < 0 ? nil : MonotonicClock.now + UInt64(milliseconds) * 1_000_000
    }

    /// Milliseconds left as poll(2) takes them: rounded up, 0 when the deadline has passed, -1 for no limit.
    var remaining: CInt {
        guard let end else { return -1 }
        let now = MonotonicClock.now
        return now >= end ? 0 : CInt(clamping: (end - now + 999_999) / 1_000_000)
    }
}
