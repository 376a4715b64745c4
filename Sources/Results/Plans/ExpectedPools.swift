// SPDX-License-Identifier: GPL-2.0

/// What the model needs to predict the holds and releases of a scenario (`LifeCycle.Prediction`).
public struct ExpectedPools: Codable, Sendable, Equatable {
    /// Pools of net_iovs, one after the other: one for each time that a provider is bound, and one for each restart of its queue.
    public var count: Int
    /// How many of them must have held a net_iov; nil for all. Where a queue is restarted again before its buffers are released, its
    /// provider may have no buffer.
    public var fewest: Int?
    /// net_iovs of the area or dma-buf.
    public var buffers: UInt64
    /// Packets arrive.
    public var traffic: Bool
    /// net_iovs that the driver posts, and that the ring of a pool takes.
    public var posted: UInt64

    public init(count: Int = 1, fewest: Int? = nil, buffers: UInt64 = 512, traffic: Bool, posted: UInt64 = 256) {
        self.count = count
        self.fewest = fewest
        self.buffers = buffers
        self.traffic = traffic
        self.posted = posted
    }
}
