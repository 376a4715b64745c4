// SPDX-License-Identifier: GPL-2.0

/// What a scenario expects of its run. The oracles compare the evidence with it.
public struct Expectation: Codable, Sendable, Equatable {
    public var provider: Provider
    /// At least this many net_iovs (pages, for provider `pages`) must have been held and released; 0 where none is expected.
    public var minimumHolds: Int
    /// Nothing may have been copied.
    public var zeroCopy: Bool
    /// A pool must have been observed detached with buffers in flight.
    public var detachedPool: Bool
    /// There must be a payload record without a difference.
    public var payload: Bool
    /// The pools of net_iovs that a legal run shows on netdevsim; nil for no expectation.
    public var pools: ExpectedPools?

    public init(
        provider: Provider, minimumHolds: Int, zeroCopy: Bool = false, detachedPool: Bool = false, payload: Bool = false,
        pools: ExpectedPools? = nil
    ) {
        self.provider = provider
        self.minimumHolds = minimumHolds
        self.zeroCopy = zeroCopy
        self.detachedPool = detachedPool
        self.payload = payload
        self.pools = pools
    }
}
