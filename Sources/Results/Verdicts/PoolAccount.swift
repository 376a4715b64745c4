// SPDX-License-Identifier: GPL-2.0

/// Holds and releases of one pool, from the trace.
public struct PoolAccount: Codable, Sendable, Equatable {
    /// The kernel address of the pool, as the trace has it.
    public var pool: KernelAddress
    public var provider: Provider
    public var holds: UInt64
    public var releases: UInt64
    /// Of these, of net_iovs.
    public var netIovHolds: UInt64
    public var netIovReleases: UInt64
    public var peakInflight: UInt64
    /// In flight at the end; negative where there were more releases than holds. nil, as the next two, in files of older versions.
    public var inflight: Int64?
    /// Different netmems that it held.
    public var distinct: UInt64?
    /// How often it held the netmem that it held most often.
    public var mostHoldsOfOne: UInt64?
    /// The pool's last `page_pool_release` event has inflight 0.
    public var freed: Bool
    /// From the first `page_pool_release` event after the pool's destroy to its end, nanoseconds; nil where it was not freed.
    public var drainTime: UInt64?
    /// When its first event was recorded: guest CLOCK_MONOTONIC, nanoseconds.
    public var began: UInt64?

    public init(
        pool: KernelAddress, provider: Provider, holds: UInt64, releases: UInt64, netIovHolds: UInt64, netIovReleases: UInt64,
        peakInflight: UInt64, inflight: Int64? = nil, distinct: UInt64? = nil, mostHoldsOfOne: UInt64? = nil, freed: Bool,
        drainTime: UInt64? = nil, began: UInt64? = nil
    ) {
        self.began = began
        self.pool = pool
        self.provider = provider
        self.holds = holds
        self.releases = releases
        self.netIovHolds = netIovHolds
        self.netIovReleases = netIovReleases
        self.peakInflight = peakInflight
        self.inflight = inflight
        self.distinct = distinct
        self.mostHoldsOfOne = mostHoldsOfOne
        self.freed = freed
        self.drainTime = drainTime
    }
}
