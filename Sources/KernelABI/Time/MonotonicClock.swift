// SPDX-License-Identifier: GPL-2.0

internal import Glibc

/// `CLOCK_MONOTONIC`, the clock of all deadlines in a guest. It does not stop or jump when the wall clock is set.
public enum MonotonicClock {
    /// Nanoseconds since the kernel booted.
    public static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
