// SPDX-License-Identifier: GPL-2.0

/// One pool during a scenario, as netlink showed it.
public struct PoolObservation: Codable, Sendable, Equatable {
    public var pool: PoolRecord
    /// Highest `inflight` observed.
    public var peakInflight: UInt64
    /// The pool was observed detached before it was freed.
    public var seenDetached: Bool
    /// The pool was freed before the end.
    public var gone: Bool
    /// From the scenario's last step to the end of the pool, nanoseconds; nil where it did not end, or the scenario did not wait for it.
    public var drainTime: UInt64?

    public init(pool: PoolRecord, peakInflight: UInt64, seenDetached: Bool, gone: Bool, drainTime: UInt64?) {
        self.pool = pool
        self.peakInflight = peakInflight
        self.seenDetached = seenDetached
        self.gone = gone
        self.drainTime = drainTime
    }
}
